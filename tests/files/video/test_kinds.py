"""Videos of many kinds come back with all they had: times to 1 ms, sound bit for bit."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.files.video.makers import (
    STEADY,
    UNSTEADY,
    frames_of,
    hashes,
    identity,
    psnr,
    times_of,
    write_clip,
)
from tfdeblur.files.video.restore import restore_video

MS = Fraction(1, 1000)
UNSTEADY_MS = (0, 40, 78, 203, 211, 391, 400, 703, 711, 719, 960, 1094)


def phone(out, picture):
    picture.set_display_rotation(90)
    out.metadata.update(
        {
            "creation_time": "2024-05-06T07:08:09.000000Z",
            "com.apple.quicktime.make": "Maker",
            "location": "+47.1000+008.5000/",
        }
    )
    picture.metadata["handler_name"] = "Core Media Video"


def lecture(out, picture):
    out.metadata["title"] = "Vorlesung ä"
    out.set_chapters(
        [
            {"id": 1, "start": 0, "end": 200, "time_base": MS, "metadata": {"title": "one"}},
            {"id": 2, "start": 200, "end": 480, "time_base": MS, "metadata": {"title": "two"}},
        ]
    )


def television(out, picture):
    picture.codec_context.sample_aspect_ratio = Fraction(64, 45)


# Name -> ending, arguments of `write_clip`.
KINDS = {
    "phone, upright, 600 units a second": (
        ".mov",
        dict(
            times=(0, 20, 41, 60, 83, 140, 160),
            clock=Fraction(1, 600),
            duration=20,
            sound="aac",
            before=phone,
            container_options={"movflags": "use_metadata_tags"},
        ),
    ),
    "phone, variable rate": (".mp4", dict(times=UNSTEADY, sound="aac")),
    "phone, HEVC of 10 bits": (
        ".mp4",
        dict(codec="libx265", pixels="yuv420p10le", options={"x265-params": "log-level=none"}),
    ),
    "screen recorder, variable rate, sound": (
        ".mkv",
        dict(times=UNSTEADY_MS, clock=MS, duration=0, sound="libopus"),
    ),
    "screen recorder, fragments": (
        ".mp4",
        dict(sound="aac", container_options={"movflags": "frag_keyframe+empty_moov"}),
    ),
    "browser's recorder": (
        ".webm",
        dict(
            times=UNSTEADY_MS,
            clock=MS,
            codec="libvpx",
            sound="libopus",
            container_options={"live": "1"},
        ),
    ),
    "VP9 of odd size": (
        ".webm",
        dict(codec="libvpx-vp9", size=(63, 47), times=UNSTEADY_MS, clock=MS),
    ),
    "editor, ProRes": (
        ".mov",
        dict(codec="prores_ks", pixels="yuv422p10le", sound="pcm_s16le", options={"g": "1"}),
    ),
    "editor, chapters": (".mp4", dict(sound="aac", before=lecture)),
    "chapters and subtitles": (
        ".mkv",
        dict(times=UNSTEADY_MS, clock=MS, sound="flac", before=lecture, subtitles="subrip"),
    ),
    "subtitles": (".mp4", dict(sound="aac", subtitles="mov_text")),
    "camera, MJPEG": (
        ".avi",
        dict(
            codec="mjpeg",
            pixels="yuvj422p",
            times=range(12),
            clock=Fraction(1, 10),
            duration=1,
            sound="pcm_s16le",
        ),
    ),
    "camera, gaps": (
        ".avi",
        dict(
            codec="mpeg4",
            times=(0, 1, 2, 5, 6, 9, 10),
            clock=Fraction(1, 10),
            duration=1,
        ),
    ),
    "microscope, FFV1, gray of 16 bits": (
        ".mkv",
        dict(codec="ffv1", pixels="gray16le", times=UNSTEADY_MS, clock=MS),
    ),
    "RGB without loss": (".mkv", dict(codec="ffv1", pixels="bgr0", times=UNSTEADY_MS, clock=MS)),
    "television, wide pixels": (".m4v", dict(before=television, codec="mpeg4", container="mp4")),
    "no B frames": (".mov", dict(options={"bf": "0"})),
    "begins late": (".mkv", dict(times=[t + 5000 for t in UNSTEADY_MS], clock=MS, sound="aac")),
    "AV1": (".mp4", dict(codec="libsvtav1", options={"preset": "12"})),
    "one frame": (".mp4", dict(times=(0,))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_was_there_comes_back(tmp_path, kind):
    ending, made = KINDS[kind]
    source = write_clip(tmp_path / f"in{ending}", **made)
    output = tmp_path / f"out{ending}"
    result = restore_video(identity, source, output)
    before, after = times_of(source), times_of(output)
    assert result.frames == len(before) == len(after) == len(made.get("times", STEADY))
    np.testing.assert_allclose(after, before, atol=1e-3)
    for track in ("audio", "subtitle"):
        assert hashes(output, track) == hashes(source, track)
    assert bool(hashes(output, "audio")) == ("sound" in made)
    assert psnr(frames_of(output), frames_of(source)) > 43
    with av.open(str(source)) as one, av.open(str(output)) as other:
        _assert_same_metadata(one, other)
        _assert_same_picture(one.streams.video[0], other.streams.video[0])
    assert list(tmp_path.glob("*.part*")) == []
    assert result.remark == ""


def _assert_same_metadata(one, other):
    unlike = ("encoder", "major_brand", "minor_version", "compatible_brands")
    strip = lambda data: {k: v for k, v in data.items() if k.lower() not in unlike}  # noqa: E731
    assert strip(other.metadata) == strip(one.metadata)
    titles = lambda file: [(c["start"], c["metadata"]) for c in file.chapters()]  # noqa: E731
    assert titles(other) == titles(one)
    assert len(other.streams) == len(one.streams)
    for track, copy in zip(one.streams, other.streams, strict=True):
        assert copy.type == track.type
        assert copy.language == track.language
        assert copy.disposition == track.disposition
        if track.type in ("audio", "subtitle"):
            assert copy.codec_context.name == track.codec_context.name
        assert copy.metadata.get("handler_name") == track.metadata.get("handler_name")


def _assert_same_picture(one, other):
    tags = ("color_primaries", "color_trc", "width", "height", "sample_aspect_ratio")
    for name in tags:
        assert getattr(other, name) == getattr(one, name), name
    bits = [max(c.bits for c in track.format.components) for track in (one, other)]
    assert bits[0] == bits[1]
    first, second = (next(track.container.decode(video=0)) for track in (one, other))
    assert second.rotation == first.rotation
    assert second.interlaced_frame == first.interlaced_frame
