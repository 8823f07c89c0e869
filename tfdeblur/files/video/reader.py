"""Reads a video: its frames with their times, and the packets of everything else as they are."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from tfdeblur.errors import InvalidInput

# Bytes of metadata that are no UTF-8 come through as they are, if both sides are told so.
TEXT_ERRORS = "surrogateescape"
_SLACK = 0.1  # seconds: what containers round, or add for the last frame


@dataclass(frozen=True)
class Shot:
    """A decoded frame and when it is shown.

    Attributes:
        frame: as it was decoded.
        pts: int, in units of the track; larger than that of the frame before.
        seconds: float, since the beginning of the video.
    """

    frame: av.VideoFrame
    pts: int
    seconds: float


class Reader:
    """An open video.

    Iterating yields `Shot`s and packets of the other tracks, in the order of the file.

    Args:
        path: the file.

    Attributes:
        container, picture: of PyAV; `picture` is the track that is decoded.
        duration: float, seconds, as the file announces; None where it does not.
        end: float, seconds: how far the file reached so far, any track.
        last: float, seconds: when the last frame that was decoded is shown.
        damaged: int, packets and frames that could not be decoded, or not as they were meant.
        damaged_at: float, seconds, where the first of them was; None if there is none.
        interlaced: int, frames that were.

    Raises:
        InvalidInput: if there is no video in the file.
    """

    def __init__(self, path: str | os.PathLike):
        self._path = Path(path)
        self._bytes = self._path.stat().st_size
        try:
            self.container = av.open(os.fspath(path), metadata_errors=TEXT_ERRORS)
        except (av.FFmpegError, ValueError) as error:
            if isinstance(error, PermissionError):
                raise
            raise self.no_frames() from error
        found = self.container.streams.best("video")
        if found is None or found.disposition & av.stream.Disposition.attached_pic:
            self.close()
            raise InvalidInput(f"The file holds no pictures that move: {self._path}.")
        self.picture: av.VideoStream = found  # type: ignore[assignment]
        if self.picture.codec_context is None:
            self.close()
            raise self.no_frames()
        self.picture.thread_type = "AUTO"  # type: ignore[assignment]
        self._start = (self.container.start_time or 0) / av.time_base
        announced = self.container.duration
        self.duration = announced / av.time_base if announced and announced > 0 else None
        self.end = self.last = 0.0
        self.damaged = self.interlaced = 0
        self.damaged_at: float | None = None
        self._last_pts: int | None = None
        self._position = 0
        self._longest = 0.0  # seconds from a frame to the next

    @property
    def announced(self) -> int:
        """Frames that the file is said to hold, or about as many; 0 where nothing says so."""
        rate = self.picture.average_rate
        return self.picture.frames or round((self.duration or 0) * float(rate or 0))

    @property
    def others(self) -> list[av.stream.Stream]:
        """Tracks beside the picture that are to be copied; not those that FFmpeg says to discard:
        they hold the titles of chapters, which are copied as chapters."""
        unwanted = av.stream.Discard.all
        return [
            one
            for one in self.container.streams
            if one.index != self.picture.index and one.discard != unwanted
        ]

    def no_frames(self) -> InvalidInput:
        """The error for a file without a single frame."""
        return InvalidInput(
            f"The video holds no frame that can be decoded: {self._path}. It is empty or damaged, "
            "or its codec is not built into FFmpeg."
        )

    def __iter__(self) -> Iterator[Shot | av.Packet]:
        """See the class."""
        wanted = [self.picture, *(one for one in self.others if one.type != "attachment")]
        packets = self.container.demux(wanted)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self._note_damage(self.end)
                return
            if packet is None:
                return
            yield from self._taken(packet)

    def _taken(self, packet: av.Packet) -> Iterator[Shot | av.Packet]:
        flushes = packet.size == 0 and packet.dts is None and packet.pts is None
        if not flushes:
            self._reached(packet)
        if packet.stream_index != self.picture.index:
            if not flushes:
                yield packet
        elif flushes or packet.size > 0:  # an empty packet amid others means: as before
            for frame in self._decoded(packet):
                yield self._shot(frame)

    def _reached(self, packet: av.Packet) -> None:
        self._position = max(self._position, packet.pos or 0)
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base is not None:
            end = float((time + (packet.duration or 0)) * packet.time_base) - self._start
            self.end = max(self.end, end)
        if packet.is_corrupt:
            self._note_damage(self.end)

    def _decoded(self, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            return self.picture.decode(packet)
        except EOFError:
            return []
        except av.FFmpegError:
            self._note_damage(self._seconds(packet.pts if packet.pts is not None else packet.dts))
            return []

    def _shot(self, frame: av.VideoFrame) -> Shot:
        pts = frame.pts if frame.pts is not None else frame.dts
        if self._last_pts is not None and (pts is None or pts <= self._last_pts):
            pts = self._last_pts + 1  # no time, or that of another frame: right after it
        pts = pts or 0
        seconds = self._seconds(pts)
        if self._last_pts is not None:
            self._longest = max(self._longest, seconds - self.last)
        self._last_pts, self.last = pts, seconds
        self.interlaced += frame.interlaced_frame
        if frame.is_corrupt:
            self._note_damage(seconds)
        return Shot(frame, pts, seconds)

    def _seconds(self, pts: int | None) -> float:
        if pts is None or self.picture.time_base is None:
            return self.last
        return max(0.0, float(pts * self.picture.time_base) - self._start)

    def _note_damage(self, seconds: float) -> None:
        self.damaged += 1
        self.damaged_at = seconds if self.damaged_at is None else min(seconds, self.damaged_at)

    def fraction(self, seconds: float) -> float:
        """How much of the video is before that time, in [0, 1]; by bytes where no end is known."""
        if self.duration is not None:
            return min(1.0, seconds / self.duration)
        return min(1.0, self._position / self._bytes) if self._bytes else 0.0

    @property
    def is_cut_off(self) -> bool:
        """Whether the file ended, all read, earlier than it announced."""
        return self.duration is not None and self.end < self.duration - _SLACK - 2 * self._longest

    @property
    def fault(self) -> str:
        """What is wrong, known once all is read: a sentence; "" where all is well."""
        if not self.damaged and not self.is_cut_off:
            return ""
        if self.is_cut_off or (self.damaged_at or 0.0) > self.last:
            of = f" of {self.duration:.2f}" if self.is_cut_off else ""
            return f"The video is cut off: it ends at {self.last:.2f}{of} s."
        return (
            f"The video is damaged at {self.damaged_at:.2f} s: {self.damaged} of its packets or "
            "frames cannot be decoded as they were."
        )

    def close(self) -> None:
        """Closes the file."""
        self.container.close()


def fault_of(path: str | os.PathLike) -> str:
    """Reads a video to its end; what is wrong with it as `Reader.fault`.

    Raises:
        InvalidInput: if there is no video in the file.
    """
    reader = Reader(path)
    try:
        for _ in reader:
            pass
        return reader.fault
    finally:
        reader.close()
