"""Clips as phones, recorders, editors and cutters write them, made with PyAV: 64x48, a second."""

import hashlib
from fractions import Fraction

import av
import numpy as np

from tfdeblur.files.video.scheduling import scheduling_kept
from tfdeblur.restorers.protocol import Restored

WIDTH, HEIGHT = 64, 48
STEADY = tuple(range(0, 12 * 512, 512))
UNSTEADY = (0, 512, 1000, 2600, 2700, 5000, 5120, 9000, 9100, 9200, 12288, 14000)
CLOCK = Fraction(1, 12800)


def identity(image, progress=None):
    """Restores nothing: what comes back is what reading and writing did."""
    return Restored(image)


def scene(number, width=WIDTH, height=HEIGHT, dtype=np.uint8):
    """A smooth picture that moves: uint8 or uint16 `(height, width, 3)`."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    waves = [np.sin((columns + 3 * number) / 9), np.cos((rows - 2 * number) / 7)]
    waves.append(np.sin((rows + columns + number) / 11))
    values = 0.5 + 0.35 * np.stack(waves, axis=-1)
    return np.round(values * np.iinfo(dtype).max).astype(dtype)


def write_clip(
    path,
    times=STEADY,
    clock=CLOCK,
    codec="libx264",
    pixels="yuv420p",
    size=(WIDTH, HEIGHT),
    options=None,
    before=lambda out, picture: None,
    sound=None,
    subtitles=False,
    container=None,
    container_options=None,
    duration=512,
    frame=None,
):
    """Writes a video with a frame at each of `times`, in units of `clock`; returns `path`.

    Args:
        before: called with output and track before the first frame.
        sound: name of an encoder; two tones.
        frame: number -> frame to encode, in the place of `scene`.
    """
    with (
        scheduling_kept(),
        av.open(str(path), "w", format=container, container_options=container_options or {}) as out,
    ):
        picture = out.add_stream(
            codec,
            rate=25,
            time_base=clock,
            width=size[0],
            height=size[1],
            pix_fmt=pixels,
            options={"g": "6"} | (options or {}),
        )
        picture.codec_context.flags |= 1 << 8  # keeps the durations of frames
        track = None
        if sound is not None:
            track = out.add_stream(sound, rate=48000, layout="stereo")
        words = out.add_mux_stream(subtitles) if subtitles else None
        before(out, picture)
        if track is not None:
            write_sound(out, track, float(times[-1] * clock) + 0.04)
        for number, time in enumerate(times):
            made = frame(number) if frame else make_frame(number, size, pixels)
            made.pts, made.time_base, made.duration = time, clock, duration
            out.mux(picture.encode(made))
        out.mux(picture.encode(None))
        if words is not None:
            write_words(out, words)
    return path


def make_frame(number, size, pixels):
    deep = np.uint16 if any(depth in pixels for depth in ("10", "12", "16")) else np.uint8
    image = scene(number, *size, dtype=deep)
    made = av.VideoFrame.from_ndarray(image, "rgb24" if deep == np.uint8 else "rgb48le")
    return made.reformat(format=pixels)


def write_sound(out, track, seconds):
    count = 1024
    for start in range(0, int(48000 * seconds), count):
        tone = np.sin(np.arange(start, start + count) / 17) * 0.3
        values = np.stack([tone, tone[::-1]]).astype(np.float32)
        made = av.AudioFrame.from_ndarray(values, format="fltp", layout="stereo")
        made.sample_rate, made.pts, made.time_base = 48000, start, Fraction(1, 48000)
        for resampled in av.AudioResampler(track.format, "stereo", 48000).resample(made):
            out.mux(track.encode(resampled))
    out.mux(track.encode(None))


def write_words(out, words):
    for start in (0, 300):
        packet = av.Packet(b"said at %d" % start)
        packet.stream, packet.time_base = words, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = 200
        out.mux(packet)


def times_of(path):
    """Seconds of all frames, from the beginning of the file."""
    with av.open(str(path)) as file:
        start = (file.start_time or 0) / av.time_base
        return [frame.time - start for frame in file.decode(video=0)]


def frames_of(path, deep=False):
    """All frames as RGB, by the tags that the file has."""
    from tfdeblur.files.video.colour import Colour, ToRGB

    with av.open(str(path)) as file:
        found = []
        to_rgb = None
        for frame in file.decode(video=0):
            to_rgb = to_rgb or ToRGB(Colour.of(frame))
            found.append(to_rgb(frame))
    return np.array(found)


def hashes(path, kind):
    """One hash a packet, with its time in seconds, of all tracks of a kind."""
    with av.open(str(path)) as file:
        tracks = [one for one in file.streams if one.type == kind]
        found = []
        for packet in file.demux(tracks) if tracks else ():
            if packet.size:
                time = (
                    None if packet.pts is None else round(float(packet.pts * packet.time_base), 3)
                )
                found.append((packet.stream_index, time, hashlib.sha256(bytes(packet)).hexdigest()))
    return found


def psnr(one, other):
    """dB, of uint8 or uint16 over their full range."""
    top = np.iinfo(one.dtype).max
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 10 * np.log10(top**2 / error) if error else np.inf
