"""Restores videos frame by frame; all else comes back as it was."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.files.video.ahead import Behind, read_ahead
from tfdeblur.files.video.colour import Colour, ToRGB
from tfdeblur.files.video.encoders import choose_encoding
from tfdeblur.files.video.progress import OnProgress, VideoProgress
from tfdeblur.files.video.reader import Reader, Shot
from tfdeblur.files.video.settings import VideoSettings, container_of
from tfdeblur.files.video.tally import Tally, VideoResult
from tfdeblur.files.video.writer import Writer
from tfdeblur.text import printable

logger = logging.getLogger(__name__)

_AHEAD = 3  # frames that are read, and frames that wait to be written, while one is restored


def unfinished(output: Path) -> Path:
    """Name of `output` while it is being written: NAME.part.mp4."""
    return output.with_name(f"{output.stem}.part{output.suffix}")


def restore_video(
    restorer: Callable[..., Any],
    source: str | os.PathLike,
    output: str | os.PathLike,
    settings: VideoSettings = VideoSettings(),  # noqa: B008 (frozen)
    on_progress: OnProgress = lambda progress: None,
) -> VideoResult:
    """Restores every frame of `source` into `output`.

    Each frame keeps its time, the video its size, rotation, colours, depth and metadata; sound,
    subtitles and other tracks are copied packet by packet. Odd sizes, which most encoders cannot
    hold, grow by one repeated row or column. `output` appears when it is complete; until then it
    is NAME.part.SUFFIX, which stays when the run is interrupted, or the input turns out to be cut
    off or damaged.

    Args:
        restorer: a `Restorer`: `(uint8 or uint16 (height, width, 3), progress=...)` -> `Restored`
            of the same kind and shape.
        source: a video with an ending of `settings.CONTAINERS`.
        output: file to write; its ending chooses the container.
        settings: codec and quality.
        on_progress: called after each frame, and whenever a part of one is done.

    Raises:
        InvalidInput: if `source` cannot be decoded, has no frames, ends too early, is damaged, or
            holds what cannot be kept.
        TfdeblurError: if the result cannot be written in full.
    """
    source, output = Path(source), Path(output)
    if not source.exists():
        raise FileNotFoundError(2, "There is no such file", os.fspath(source))
    work = _Work(restorer, source, output, settings, on_progress)
    if work.part.exists():
        text = "%s is left of a run that was ended. Videos cannot be gone on with: it starts anew."
        logger.warning(text, printable(work.part))
    keep_part = False
    try:
        result = work.run()
        fault = work.reader.fault
        keep_part = bool(fault)
        if fault:
            kept = printable(work.part)
            raise InvalidInput(f"{fault} What could be restored is kept in {kept}.")
        os.replace(work.part, output)
        return result
    except KeyboardInterrupt:
        keep_part = True
        if work.part.exists():
            logger.warning("The frames restored so far are kept in %s", printable(work.part))
        raise
    finally:
        if not keep_part:
            work.part.unlink(missing_ok=True)


class _Work:
    """One video on its way through the restorer."""

    def __init__(self, restorer, source: Path, output: Path, settings, on_progress: OnProgress):
        self.part = unfinished(output)
        self._container = container_of(output)
        self._restorer, self._settings, self._on_progress = restorer, settings, on_progress
        self.reader = Reader(source)
        self._writer: Writer | None = None
        self._tally = Tally(restorer)
        self._seconds = 0.0  # of the last frame that was restored
        self._early: list[av.Packet] = []  # of other tracks, before the first frame

    def run(self) -> VideoResult:
        """Restores all frames; the result is complete in `part`, whatever the input was."""
        with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
            behind = Behind(writing, _AHEAD)
            try:
                for item in read_ahead(self._decoded(), reading, _AHEAD):
                    self._take(item, behind)
                behind.wait()
            except BaseException:
                reading.shutdown(cancel_futures=True)
                writing.shutdown()
                self._close()
                raise
        if self._writer is None:
            self._close()
            raise self.reader.no_frames()
        try:
            self._writer.finish()
        finally:
            self._close()
        remarks = [*self._writer.remarks, *self._remarks()]
        return self._tally.result("; ".join(remarks))

    def _decoded(self) -> Iterator[tuple[Shot, np.ndarray] | av.Packet]:
        """Of the reader, frames as RGB."""
        to_rgb: ToRGB | None = None
        for item in self.reader:
            if isinstance(item, Shot):
                to_rgb = to_rgb or ToRGB(Colour.of(item.frame))
                yield item, to_rgb(item.frame)
            else:
                yield item

    def _take(self, item: tuple[Shot, np.ndarray] | av.Packet, behind: Behind) -> None:
        if not isinstance(item, tuple):
            if self._writer is None:
                self._early.append(item)
            else:
                behind.call(self._writer.copy, item)
            return
        shot, blurred = item
        writer = self._writer or self._opened(shot.frame, behind)
        self._refuse_other_size(shot)
        restored = self._restorer(blurred, progress=self._within(shot))
        behind.call(writer.write, restored.image, shot)
        size = shot.frame.width, shot.frame.height
        self._tally.add(size, shot.frame.rotation, blurred, restored)
        self._tell(shot, 1.0)

    def _opened(self, first: av.VideoFrame, behind: Behind) -> Writer:
        colour = Colour.of(first)
        encoding = choose_encoding(self._container, colour.content, self._settings)
        writer = Writer(self.part, self._container, self.reader, first, encoding, colour)
        self._writer = writer
        for packet in self._early:
            behind.call(writer.copy, packet)
        return writer

    def _refuse_other_size(self, shot: Shot) -> None:
        size = shot.frame.width, shot.frame.height
        if self._tally.size not in (None, size):
            was = "x".join(map(str, self._tally.size or ()))
            raise InvalidInput(
                f"The video changes its size at {shot.seconds:.2f} s, from {was} to "
                f"{size[0]}x{size[1]}: no file is written that holds two. Cut it there."
            )

    def _within(self, shot: Shot):
        """What a restorer is to call while it works on a frame."""

        def progress(done: int, parts: int) -> None:
            if done < parts:  # the end of a frame is told when it is written
                self._tell(shot, done / parts)

        return progress

    def _tell(self, shot: Shot, part: float) -> None:
        # Not by durations of frames: where those are reordered, MP4 tells them of others.
        seconds = self._seconds + part * (shot.seconds - self._seconds)
        if part == 1:
            self._seconds = seconds
        self._on_progress(
            VideoProgress(
                fraction=self.reader.fraction(seconds),
                frames=self._tally.frames,
                width=shot.frame.width,
                height=shot.frame.height,
                seconds=seconds,
                duration=self.reader.duration,
                announced=self.reader.announced,
            )
        )

    def _remarks(self) -> list[str]:
        if not self.reader.interlaced:
            return []
        return ["interlaced: both fields were restored as one picture, deinterlace it first"]

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self.reader.close()
