"""Colours: by the matrix and range that the video names, there and back, with their tags."""

import av
import numpy as np
import pytest

from tests.files.video.makers import (
    STEADY,
    frames_of,
    identity,
    make_frame,
    psnr,
    scene,
    write_clip,
)
from tfdeblur.errors import InvalidInput
from tfdeblur.files.video.colour import Colour, FromRGB, ToRGB
from tfdeblur.files.video.encoders import Encoding
from tfdeblur.files.video.restore import restore_video
from tfdeblur.files.video.settings import VideoSettings

# Matrix by its number in ITU-T H.273 -> weights of red and blue, from that text.
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def formula(samples, matrix, full, bits):
    """RGB in [0, 1] of Y, Cb, Cr, by ITU-T H.273."""
    red, blue = WEIGHTS[matrix]
    scale = 2 ** (bits - 8)
    zero, swing, chroma = (0, 2**bits - 1, 2**bits - 1) if full else (16, 219, 224)
    if not full:
        zero, swing, chroma = zero * scale, swing * scale, chroma * scale
    y = (samples[0] - zero) / swing
    cb, cr = (samples[1:] - 128 * scale) / chroma
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip([r, g, b], 0, 1)


def flat_frame(samples, pixels, tags):
    made = av.VideoFrame(64, 48, pixels)
    dtype = np.uint8 if made.planes[0].line_size < 2 * 64 else np.uint16
    for plane, sample in zip(made.planes, samples, strict=True):
        count = plane.buffer_size // np.dtype(dtype).itemsize
        plane.update(np.full(count, sample, dtype).tobytes())
    for name, value in tags.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("pixels, bits", [("yuv420p", 8), ("yuv422p10le", 10), ("yuv444p12le", 12)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_matrix_and_range_are_those_of_the_standard(pixels, bits, full, matrix):
    scale = 2 ** (bits - 8)
    samples = np.array([120, 100, 150]) * scale
    tags = {"colorspace": matrix, "color_range": 2 if full else 1}
    frame = flat_frame(samples, pixels, tags)
    colour = Colour.of(frame)
    assert colour.content.bits == bits
    rgb = ToRGB(colour)(frame)
    found = rgb[20, 30] / np.iinfo(rgb.dtype).max
    np.testing.assert_allclose(found, formula(samples, matrix, full, bits), atol=1.5 / 255)
    back = FromRGB(colour, Encoding("", pixels, ""))(rgb)
    planes = [np.frombuffer(plane, rgb.dtype)[0] for plane in back.planes]
    # Half a level of 8 bits: of deep samples of full range FFmpeg's scaler is off by 0.4 %.
    np.testing.assert_allclose(planes, samples, atol=max(1, scale / 2))
    assert {name: getattr(back, name) for name in tags} == tags


@pytest.mark.parametrize("matrix", WEIGHTS)
def test_full_range_is_not_darker_and_not_greener(matrix):
    """libswscale alone rounds its chroma down: half a level, up to 0.9 of 255 in blue."""
    image = np.random.default_rng(0).integers(40, 216, (96, 128, 3), dtype=np.uint8)
    frame = make_frame(0, (128, 96), "yuv444p")
    frame.colorspace, frame.color_range = matrix, 2
    colour = Colour.of(frame)
    back = ToRGB(colour)(FromRGB(colour, Encoding("", "yuv444p", ""))(image))
    assert np.abs((back - image.astype(float)).mean(axis=(0, 1))).max() < 0.1
    assert psnr(back, image) > 51


def test_without_a_tag_large_pictures_are_of_high_definition():
    for size, matrix in (((720, 576), 6), ((1280, 720), 1)):
        plain, tagged = make_frame(0, size, "yuv420p"), make_frame(0, size, "yuv420p")
        plain.colorspace, tagged.colorspace = 2, matrix
        one, other = (ToRGB(Colour.of(frame))(frame) for frame in (plain, tagged))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "pixels, codec, least",
    [
        ("yuv420p", "h264", 45),
        ("yuv422p", "h264", 45),
        ("yuv444p", "h264", 45),
        ("yuv420p", "hevc", 45),
        ("yuv422p", "hevc", 45),
        ("yuv420p", "vp9", 45),
        ("yuv420p", "av1", 43),
        ("yuvj420p", "h264", 45),
        ("yuv420p10le", "h264", 45),
        ("yuv420p10le", "hevc", 45),
        ("yuv422p10le", "hevc", 45),
        ("yuv420p10le", "av1", 43),
        ("yuv444p12le", "hevc", 45),
        ("gray", "h264", 45),
        ("gray10le", "hevc", 45),
        ("bgr0", "h264", 44),
        ("gbrp10le", "hevc", 44),
        ("yuv420p", "ffv1", 55),
        ("gbrp16le", "ffv1", np.inf),
    ],
)
def test_strong_colours_come_back_through_every_codec(tmp_path, pixels, codec, least):
    """Chroma that is sampled elsewhere than it is looked for costs 40 dB at once."""
    made = "mjpeg" if pixels.startswith("yuvj") else "ffv1"
    options = {"codec": made, "pixels": pixels, "times": STEADY[:6]}
    source = write_clip(tmp_path / "in.mkv", **options)
    restore_video(identity, source, tmp_path / "out.mkv", VideoSettings(codec))
    before, after = frames_of(source), frames_of(tmp_path / "out.mkv")
    assert after.dtype == before.dtype
    assert psnr(after, before) >= least


TAGS = {
    "BT.709": (dict(colorspace=1, color_primaries=1, color_trc=1, color_range=1), "yuv420p"),
    "PAL": (dict(colorspace=5, color_primaries=5, color_trc=6, color_range=1), "yuv420p"),
    "full range": (dict(colorspace=1, color_primaries=1, color_trc=13, color_range=2), "yuv420p"),
    "HLG": (dict(colorspace=9, color_primaries=9, color_trc=18, color_range=1), "yuv420p10le"),
    "PQ": (dict(colorspace=9, color_primaries=9, color_trc=16, color_range=1), "yuv420p10le"),
    "Display P3": (dict(colorspace=1, color_primaries=12, color_trc=1, color_range=1), "yuv420p"),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("name", TAGS)
def test_tags_of_colours_are_kept(tmp_path, name, suffix):
    tags, pixels = TAGS[name]

    def tag(out, picture):
        for key, value in tags.items():
            setattr(picture.codec_context, key, value)

    codec = "libx264" if pixels == "yuv420p" else "libx265"
    options = {} if codec == "libx264" else {"x265-params": "log-level=none"}
    made = dict(codec=codec, pixels=pixels, before=tag, options=options, times=STEADY[:4])
    source = write_clip(tmp_path / f"in{suffix}", **made)
    result = restore_video(identity, source, tmp_path / f"out{suffix}")
    for path in (source, tmp_path / f"out{suffix}"):
        with av.open(str(path)) as file:
            frame = next(file.decode(video=0))
            assert {key: int(getattr(frame, key)) for key in tags} == tags
            assert frame.format.name.replace("j", "") == pixels
    hdr = f"HDR ({name}) stays so; networks learn from pictures of standard range"
    assert result.remark == (hdr if name in ("HLG", "PQ") else "")


def test_colours_that_cannot_be_turned_are_refused():
    frame = make_frame(0, (64, 48), "yuv444p")
    frame.colorspace = 8  # YCgCo
    with pytest.raises(InvalidInput, match=r"matrix 8 of ITU-T H\.273"):
        Colour.of(frame)


def test_transparency_is_refused_where_something_shows_through(tmp_path):
    def layered(alpha):
        def frame(number):
            pixels = np.dstack([scene(number), np.full((48, 64), alpha, np.uint8)])
            return av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="bgra")

        return frame

    made = dict(codec="ffv1", pixels="bgra", times=STEADY[:3])
    whole = write_clip(tmp_path / "whole.mkv", frame=layered(255), **made)
    thin = write_clip(tmp_path / "thin.mkv", frame=layered(254), **made)
    assert restore_video(identity, whole, tmp_path / "out.mkv").frames == 3
    assert psnr(frames_of(tmp_path / "out.mkv"), frames_of(whole)) > 44
    with pytest.raises(InvalidInput, match="transparent in places"):
        restore_video(identity, thin, tmp_path / "thin_out.mkv")
    assert not list(tmp_path.glob("thin_out*"))
