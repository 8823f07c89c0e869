"""What videos are written with: the choice, what it costs, without loss, what is refused."""

import av
import numpy as np
import pytest

from tests.files.video.makers import (
    STEADY,
    frames_of,
    identity,
    psnr,
    scene,
    write_clip,
)
from tfdeblur.errors import InvalidInput
from tfdeblur.files.video import encoders
from tfdeblur.files.video.encoders import Content, choose_encoding
from tfdeblur.files.video.restore import restore_video
from tfdeblur.files.video.settings import VideoSettings
from tfdeblur.restorers.protocol import Restored

EIGHT, TEN = Content("420", 8), Content("420", 10)


@pytest.mark.parametrize(
    "container, content, codec, quality, encoder, pixels",
    [
        ("mp4", EIGHT, None, None, "libx264", "yuv420p"),
        ("mov", Content("444", 8), None, None, "libx264", "yuv444p"),
        ("matroska", TEN, None, None, "libx265", "yuv420p10le"),
        ("webm", EIGHT, None, None, "libvpx-vp9", "yuv420p"),
        ("webm", TEN, None, None, "libsvtav1", "yuv420p10le"),
        ("avi", EIGHT, None, None, "mjpeg", "yuv420p"),
        ("avi", TEN, None, None, "ffv1", "gbrp10le"),
        ("mp4", EIGHT, "av1", 30, "libsvtav1", "yuv420p"),
        ("matroska", Content("444", 16), None, None, "ffv1", "gbrp16le"),
        ("mp4", EIGHT, None, "lossless", "libx264rgb", "rgb24"),
        ("mov", TEN, None, "lossless", "libx265", "gbrp10le"),
        ("webm", EIGHT, None, "lossless", "libvpx-vp9", "gbrp"),
    ],
)
def test_choice(container, content, codec, quality, encoder, pixels):
    found = choose_encoding(container, content, VideoSettings(codec, quality))
    assert (found.encoder, found.pixels, found.remark) == (encoder, pixels, "")
    if isinstance(quality, int):
        assert found.options["crf"] == str(quality)


@pytest.mark.parametrize(
    "container, content, settings, words",
    [
        ("webm", EIGHT, VideoSettings("h264"), "8-bit 4:2:0 video cannot be written into webm"),
        ("mp4", EIGHT, VideoSettings("av1", "lossless"), "without loss into mp4: .* AV1"),
        ("mp4", Content("422", 10), VideoSettings("av1"), "10-bit 4:2:2 video"),
        ("webm", Content("444", 16), VideoSettings(), "16-bit .* ffv1 keeps everything"),
        ("mov", EIGHT, VideoSettings("vp9"), "8-bit 4:2:0 video cannot be written into mov"),
        ("mov", EIGHT, VideoSettings("av1"), "8-bit 4:2:0 video cannot be written into mov"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(container, content, settings, words):
    with pytest.raises(InvalidInput, match=words):
        choose_encoding(container, content, settings)


def test_without_an_encoder_for_h264_the_next_one_is_taken_and_told(tmp_path, monkeypatch):
    source = write_clip(tmp_path / "in.mp4", times=STEADY[:4])
    formats = encoders._formats
    gone = lambda name: frozenset() if "264" in name else formats(name)  # noqa: E731
    monkeypatch.setattr(encoders, "_formats", gone)
    result = restore_video(identity, source, tmp_path / "out.mp4")
    assert result.remark == "written as HEVC: no encoder for H.264 fits it here"
    only = lambda name: formats(name) if name == "mpeg4" else frozenset()  # noqa: E731
    monkeypatch.setattr(encoders, "_formats", only)
    result = restore_video(identity, source, tmp_path / "old.mp4")
    assert result.remark == "written as MPEG-4 part 2: no encoder for H.264 fits it here"
    assert psnr(frames_of(tmp_path / "old.mp4"), frames_of(source)) > 35


@pytest.mark.parametrize(
    "codec, quality, words",
    [
        ("divx", None, "must be one of h264, hevc"),
        ("h264", 52, r"from 0 \(best\) to 51"),
        ("vp9", 64, r"from 0 \(best\) to 63"),
        (None, -1, "'lossless' or a whole number from 0"),
        (None, "best", "'lossless' or a whole number from 0"),
        ("ffv1", 3, "means nothing for ffv1, which is lossless"),
    ],
)
def test_settings_that_mean_nothing_are_refused(codec, quality, words):
    with pytest.raises(InvalidInput, match=words):
        VideoSettings(codec, quality)


def textured(number, width=192, height=144):
    """A scene with texture and grain, as of a camera."""
    grain = np.random.default_rng(number).normal(0, 2, (height, width, 1))
    stripes = 12 * np.sin(np.arange(width) / 1.5)[None, :, None]
    return np.clip(scene(number, width, height) * 0.8 + stripes + grain, 0, 255).astype(np.uint8)


WAYS = [(".mp4", "h264"), (".mp4", "hevc"), (".webm", "vp9"), (".mp4", "av1"), (".avi", None)]
WAYS += [(".mov", "mjpeg"), (".mkv", "ffv1")]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("suffix, codec", WAYS)
def test_writing_costs_at_most_a_tenth_of_a_decibel_at_thirty(tmp_path, suffix, codec, full):
    def frame(number):
        made = av.VideoFrame.from_ndarray(textured(number), "rgb24")
        return made.reformat(format="yuv420p", dst_color_range=2 if full else 1)

    def tag(out, picture):
        picture.codec_context.color_range = 2 if full else 1

    made = dict(size=(192, 144), frame=frame, before=tag, codec="ffv1")
    source = write_clip(tmp_path / "in.mkv", **made)
    sharp = frames_of(source)
    grain = np.random.default_rng(0).normal(0, 255 / 10**1.5, sharp.shape[1:])
    blobs = np.round(blurry(grain)).astype(int)  # an error as of a restoration: not of pixels

    handed = []

    def wrong(image, progress=None):
        handed.append(np.clip(image + blobs, 0, 255).astype(np.uint8))
        return Restored(handed[-1])

    restore_video(wrong, source, tmp_path / f"out{suffix}", VideoSettings(codec))
    before = psnr(np.array(handed), sharp)
    assert 29 < before < 31
    after = psnr(frames_of(tmp_path / f"out{suffix}"), sharp)
    assert after > before - 0.1
    assert psnr(frames_of(tmp_path / f"out{suffix}"), np.array(handed)) > 45


def blurry(noise):
    """Noise of a few pixels' size, of the same strength, gray."""
    kernel = np.hanning(9)[1:-1]
    gray = noise.mean(axis=-1)
    for axis in (0, 1):
        gray = np.apply_along_axis(np.convolve, axis, gray, kernel, "same")
    return (gray / gray.std() * 255 / 10**1.5)[..., None]


@pytest.mark.parametrize(
    "suffix, pixels, codec",
    [
        (".mp4", "yuv420p", None),
        (".mov", "yuv420p", "h264"),
        (".mkv", "yuv420p", "hevc"),
        (".mkv", "bgr0", "ffv1"),
        (".webm", "yuv420p", None),
    ],
)
def test_lossless_gives_back_the_very_frames(tmp_path, suffix, pixels, codec):
    made = {".webm": "libvpx", ".mkv": "ffv1"}.get(suffix, "libx264")
    source = write_clip(tmp_path / f"in{suffix}", codec=made, pixels=pixels, times=STEADY[:5])
    handed = []

    def noisy(image, progress=None):
        noise = np.random.default_rng(len(handed)).integers(0, 256, image.shape)
        handed.append(noise.astype(np.uint8))
        return Restored(handed[-1])

    restore_video(noisy, source, tmp_path / f"out{suffix}", VideoSettings(codec, "lossless"))
    np.testing.assert_array_equal(frames_of(tmp_path / f"out{suffix}"), handed)


def test_a_worse_quality_makes_a_smaller_file(tmp_path):
    source = write_clip(tmp_path / "in.mp4")
    for codec in ("h264", "hevc", "av1", "vp9"):
        sizes = []
        for quality in (None, 40):
            restore_video(identity, source, tmp_path / "out.mp4", VideoSettings(codec, quality))
            sizes.append((tmp_path / "out.mp4").stat().st_size)
        assert sizes[1] < sizes[0] * 0.8, codec
