"""Writes a video: frames encoded anew at the times they had, all other tracks as they were."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tfdeblur.errors import TfdeblurError
from tfdeblur.files.video.colour import Colour, FromRGB
from tfdeblur.files.video.encoders import Encoding
from tfdeblur.files.video.jpegs import jpeg_packet
from tfdeblur.files.video.reader import TEXT_ERRORS, Reader, Shot
from tfdeblur.files.video.scheduling import scheduling_kept
from tfdeblur.files.video.tracks import (
    add_tracks,
    container_options,
    of_the_file,
    of_the_picture,
)

# An encoder takes frames only two by two where chroma has half their size; these take any.
_ANY_SIZE = ("libvpx-vp9", "ffv1")
_FRAME_DURATIONS = 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION: keeps them, the last frame's above all
_MPEG4_LARGEST_CLOCK = 65535
_USUAL_RATE = Fraction(25)  # where the file does not say; of encoders' rate control only


class Writer:
    """A video that is being written; its header goes by the first frame of the input.

    Args:
        path: file to write.
        container: FFmpeg's name.
        reader: of the input; its tracks and metadata are taken over.
        first: its first frame.
        encoding: how frames are written.
        colour: of the input.

    Attributes:
        frames: int, written so far.
        remarks: what the user should know.

    Raises:
        TfdeblurError: if the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        container: str,
        reader: Reader,
        first: av.VideoFrame,
        encoding: Encoding,
        colour: Colour,
    ):
        self._path, self._container = path, container
        self._encoding, self._shape_of_pixels = encoding, reader.picture.sample_aspect_ratio
        self._to_frame = FromRGB(colour, encoding)
        self.frames = 0
        self.remarks = [text for text in (encoding.remark, colour.remark) if text]
        self._even = _sides_to_be_even(encoding)
        size = first.width, first.height
        width, height = (
            side + side % 2 * even for side, even in zip(size, self._even, strict=True)
        )
        if (width, height) != size:
            text = f"{first.width}x{first.height} is odd and grew to {width}x{height}"
            self.remarks.append(f"{text}, as {encoding.codec} demands")
        metadata = of_the_file(reader.container.metadata)
        options = container_options(container, metadata)
        self._out = av.open(
            os.fspath(path),
            "w",
            format=container,
            container_options=options,
            metadata_errors=TEXT_ERRORS,
        )
        try:
            self._out.metadata.update(metadata)
            self._tracks: dict[int, Any] = {}
            self._add_all(reader, encoding, (width, height))
            self._set_up_picture(reader.picture, first)
            self._out.set_chapters(reader.container.chapters())
            with scheduling_kept():
                self._out.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise self._cannot(error) from error

    def _add_all(self, reader: Reader, encoding: Encoding, size: tuple[int, int]) -> None:
        """Adds all tracks, in the order of the input."""
        number = reader.picture.index
        before = [one for one in reader.others if one.index < number]
        after = [one for one in reader.others if one.index > number]
        copied, remarks = add_tracks(self._out, self._container, before)
        self._tracks |= copied
        self.remarks += remarks
        self._picture = self._add_picture(reader.picture, encoding, size)
        copied, remarks = add_tracks(self._out, self._container, after)
        self._tracks |= copied
        self.remarks += remarks

    def _add_picture(self, source: av.VideoStream, encoding: Encoding, size: tuple[int, int]):
        unit = source.time_base or 1 / _USUAL_RATE
        if encoding.encoder == "mpeg4" and unit.denominator > _MPEG4_LARGEST_CLOCK:
            unit = Fraction(1, 60000)
        picture = self._out.add_stream(
            encoding.encoder,
            rate=source.average_rate or source.guessed_rate or _USUAL_RATE,
            options={} if encoding.is_jpeg else dict(encoding.options),
            time_base=unit,
            width=size[0],
            height=size[1],
            pix_fmt=encoding.pixels,
        )
        self._unit = unit
        context: Any = picture.codec_context
        context.flags |= _FRAME_DURATIONS
        for tag, value in self._to_frame.tags.items():
            setattr(context, tag, value)
        if encoding.codec == "HEVC" and self._container in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # Apple's players show no other
        return picture

    def _set_up_picture(self, source: av.VideoStream, first: av.VideoFrame) -> None:
        ratio = source.sample_aspect_ratio
        if ratio:
            self._picture.codec_context.sample_aspect_ratio = ratio
        self._picture.metadata.update(of_the_picture(source.metadata))
        self._picture.disposition = source.disposition
        matrix: Any = first.side_data.get("DISPLAYMATRIX")
        if matrix is not None:
            self._picture.set_display_matrix(np.frombuffer(matrix, "=i4").tolist())

    def _cannot(self, error: Exception) -> Exception:
        if isinstance(error, OSError) and error.errno is not None and not _is_ffmpegs(error):
            return error
        return TfdeblurError(
            f"FFmpeg cannot write the video {self._path} ({error}). Check that its folder can be "
            "written to and has room."
        )

    def write(self, image: np.ndarray, shot: Shot) -> None:
        """Adds a frame at the time of `shot`.

        Args:
            image: uint8 or uint16 `(height, width, 3)` RGB, as from `ToRGB`.
            shot: the frame that it was restored from.
        """
        wide, high = self._even
        rows, columns = image.shape[0] % 2 * high, image.shape[1] % 2 * wide
        if rows or columns:
            image = np.pad(image, ((0, rows), (0, columns), (0, 0)), "edge")
        frame = self._to_frame(image)
        frame.pts, frame.duration = shot.pts, shot.frame.duration
        frame.time_base = shot.frame.time_base
        if self._encoding.is_jpeg:
            step = int(self._encoding.options["step"])
            self._out.mux(jpeg_packet(frame, step, self._shape_of_pixels))
        else:
            self._out.mux(self._picture.encode(frame))
        self.frames += 1

    def copy(self, packet: av.Packet) -> None:
        """Adds a packet of another track of the input; of those that are left out, nothing."""
        track = self._tracks.get(packet.stream_index)
        if track is None:
            return
        packet.stream = track
        self._out.mux(packet)

    def finish(self) -> None:
        """Writes what the encoder still holds, closes the file and counts its frames.

        Raises:
            TfdeblurError: if not all are there: a full disk does not always tell.
        """
        self._out.mux(self._picture.encode(None))
        self._out.close()
        with av.open(os.fspath(self._path), metadata_errors=TEXT_ERRORS) as check:
            index = self._picture.index
            track = next(one for one in check.streams if one.index == index)
            found = sum(packet.size > 0 for packet in check.demux(track))
        if found < self.frames:
            raise TfdeblurError(
                f"The video {self._path} holds {found} of {self.frames} frames after writing: the "
                "disk may be full. Make room and run the same command again."
            )

    def close(self) -> None:
        """Closes the file so that what it holds can be played, if the disk lets it."""
        try:
            self._out.mux(self._picture.encode(None))
        except (av.FFmpegError, ValueError):
            pass  # it is closed, or nothing was written
        try:
            self._out.close()
        except (av.FFmpegError, ValueError):
            pass


def _is_ffmpegs(error: OSError) -> bool:
    return error.errno is not None and abs(error.errno) > 1000  # FFmpeg's tags; errno's are small


def _sides_to_be_even(encoding: Encoding) -> tuple[bool, bool]:
    """Of width and height."""
    if encoding.encoder in _ANY_SIZE or encoding.pixels.startswith(("rgb", "gbr", "bgr")):
        return False, False
    return "444" not in encoding.pixels, "420" in encoding.pixels
