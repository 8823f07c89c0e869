"""What a photograph carries beside its pixels comes back, made for the upright picture."""

import io
import logging
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.image.makers import chunk, levels, saved
from tfdeblur.image.codec import decode_image, encode_image
from tfdeblur.image.metadata import Metadata

FORMATS = ["png", "jpeg", "webp", "tiff"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" dc:title="Harbour"/></x:xmpmeta>'
)
MAKER_NOTE = bytes(range(40))


def block(order="<", turn=6):
    """EXIF as a camera writes it: make, turn, resolution, date, size, a maker note, a place."""
    ifd, exif, gps = 8, 200, 400

    def entry(tag, kind, count, value):
        return struct.pack(order + "HHI", tag, kind, count) + value

    def short(value):
        return struct.pack(order + "HH", value, 0)

    def at(place):
        return struct.pack(order + "I", place)

    first = [
        entry(271, 2, 6, at(150)),
        entry(274, 3, 1, short(turn)),
        entry(282, 5, 1, at(160)),
        entry(283, 5, 1, at(168)),
        entry(296, 3, 1, short(2)),
        entry(0x8769, 4, 1, at(exif)),
        entry(0x8825, 4, 1, at(gps)),
    ]
    inner = [
        entry(0x9003, 2, 20, at(300)),
        entry(0x927C, 7, 40, at(330)),
        entry(0xA002, 4, 1, at(24)),
        entry(0xA003, 4, 1, at(8)),
    ]
    place = [entry(1, 2, 2, b"N\0\0\0"), entry(2, 5, 3, at(440))]
    data = bytearray(500)
    data[:8] = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, ifd)
    for start, entries, following in ((ifd, first, 480), (exif, inner, 0), (gps, place, 0)):
        body = struct.pack(order + "H", len(entries)) + b"".join(entries) + at(following)
        data[start : start + len(body)] = body
    data[150:156] = b"Tokio\0"
    data[160:176] = struct.pack(order + "IIII", 300, 1, 150, 1)
    data[300:320] = b"2024:05:01 10:20:30\0"
    data[330:370] = MAKER_NOTE
    data[440:464] = struct.pack(order + "6I", 53, 1, 33, 1, 7, 2)
    return bytes(data)


def photograph(format, order="<", turn=6):
    pixels = levels(8, 24)
    if format == "tiff":
        file = io.BytesIO()
        tifffile.imwrite(
            file,
            pixels,
            photometric="rgb",
            byteorder=order,
            resolution=(300, 150),
            resolutionunit="inch",
            iccprofile=SRGB,
            metadata=None,
            software=False,
            extratags=[
                (271, 2, 6, b"Tokio\0", True),
                (274, 3, 1, turn, True),
                (700, 1, len(XMP), XMP, True),
            ],
        )
        return file.getvalue()
    options = {"icc_profile": SRGB, "exif": b"Exif\0\0" + block(order, turn), "xmp": XMP}
    if format == "jpeg":
        options |= {"dpi": (300, 150), "quality": 95, "subsampling": 0}
    if format == "webp":
        options["lossless"] = True
    data = saved(Image.fromarray(pixels), format, **options)
    if format == "png":  # Pillow writes no XMP into PNG by that name
        text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
        made = chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1)) + chunk(b"tEXt", b"Author\0Me")
        head = data[:8] + chunk(b"IHDR", data[16:29])
        data = head + text + made + data[33:] if b"XML:com" not in data else head + made + data[33:]
    return data


def carried(data, to, strip=False):
    image = decode_image(data, "a", with_metadata=not strip)
    return Image.open(io.BytesIO(encode_image(image.rgb, image, to)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_everything_is_carried_over(source, to, order):
    image = carried(photograph(source, order), to)
    assert image.size == (8, 24)  # upright
    assert image.info["icc_profile"] == SRGB
    exif = image.getexif()
    assert exif.get(274, 1) == 1
    assert exif[271] == "Tokio"
    xmp = image.info["xmp"]
    assert b"Harbour" in xmp and b'Orientation="1"' in xmp
    if source != "tiff":
        inner = exif.get_ifd(0x8769)
        assert inner[0x9003] == "2024:05:01 10:20:30"
        assert inner[0x927C] == MAKER_NOTE
        assert (inner[0xA002], inner[0xA003]) == (8, 24)
        assert exif.get_ifd(0x8825)[2] == (53.0, 33.0, 3.5)
    if to != "webp":  # it holds none but in its EXIF data
        np.testing.assert_allclose([float(v) for v in image.info["dpi"]], (150, 300), rtol=1e-3)
    image.load()


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_turn(turn):
    image = carried(photograph("jpeg", turn=turn), "jpeg")
    across = turn >= 5
    assert image.size == ((8, 24) if across else (24, 8))
    assert image.info["dpi"] == ((150, 300) if across else (300, 150))
    exif = image.getexif()
    assert exif[274] == 1
    assert (exif[282], exif[283]) == ((150, 300) if across else (300, 150))


def test_the_thumbnail_of_the_blurred_picture_is_left_out():
    data = photograph("jpeg")
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(1) is not None
    kept = decode_image(data, "a", with_metadata=True).metadata.exif
    (following,) = struct.unpack_from("<I", kept, 8 + 2 + 7 * 12)
    assert following == 0


@pytest.mark.parametrize("format", FORMATS)
def test_strip(format):
    image = carried(photograph(format), format, strip=True)
    assert not {"icc_profile", "exif", "xmp"} & image.info.keys()
    assert image.info.get("dpi", (1, 1))[0] in (1, 96)
    assert 271 not in image.getexif()


def test_a_jpeg_that_names_no_resolution_gets_none():
    data = saved(Image.fromarray(levels()), "JPEG")
    image = carried(data, "jpeg")
    assert (image.info["jfif_unit"], image.info["jfif_density"]) == (0, (1, 1))


@pytest.mark.parametrize("unit", [1, 2])
def test_density_of_a_jpeg_without_exif(unit):
    data = bytearray(saved(Image.fromarray(levels()), "JPEG", dpi=(72, 72)))
    data[13] = unit
    image = carried(bytes(data), "jpeg")
    assert image.info["dpi"] == ((72, 72) if unit == 1 else (183, 183))


def test_resolution_of_bmp():
    image = carried(saved(Image.fromarray(levels()), "BMP", dpi=(300, 150)), "bmp")
    np.testing.assert_allclose(image.info["dpi"], (300, 150), rtol=1e-3)


def test_colours_of_a_png_are_meant_as_before():
    """gAMA, cHRM, texts: bit for bit, of a PNG of 16 bits."""
    data = encode_image(levels(top=65535), None, "png")
    gamma, text = chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"tEXt", b"Title\0Dunes")
    data = data[:33] + gamma + text + data[33:]
    image = decode_image(data, "a", with_metadata=True)
    again = encode_image(image.rgb, image, "png")
    assert gamma in again and text in again
    np.testing.assert_array_equal(decode_image(again, "b").rgb, image.rgb)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize(
    ("kind", "usual", "other"),
    [
        (b"cICP", bytes((1, 13, 0, 1)), bytes((9, 16, 0, 1))),  # BT.2020 with PQ
        (b"gAMA", struct.pack(">I", 45455), struct.pack(">I", 100000)),
    ],
)
def test_colours_that_only_a_png_tells_are_not_lost_unnoticed(to, kind, usual, other, caplog):
    for body, told in ((usual, False), (other, to != "png")):
        data = saved(Image.fromarray(levels()), "PNG")
        data = data[:33] + chunk(kind, body) + data[33:]
        image = decode_image(data, "a", with_metadata=True)
        caplog.clear()
        again = encode_image(image.rgb, image, to)
        assert (chunk(kind, body) in again) == (to == "png")
        assert (f"only PNG holds what its {kind.decode()} chunk" in caplog.text) == told
        profiled = type(image)(
            **{**vars(image), "metadata": Metadata(profile=SRGB, chunks=image.metadata.chunks)}
        )
        caplog.clear()
        encode_image(image.rgb, profiled, to)
        assert not caplog.text  # the profile says it


@pytest.mark.parametrize("length", [3 * 1024, 200_000])
def test_long_profiles_are_cut_into_segments(length):
    profile = SRGB[:128] + np.random.default_rng(0).bytes(length)
    data = saved(Image.fromarray(levels()), "PNG", icc_profile=profile)
    for to in FORMATS:
        assert carried(data, to).info["icc_profile"] == profile


@pytest.mark.parametrize("space", [b"CMYK", b"GRAY", b"Lab "])
def test_a_profile_of_other_colours_is_dropped_and_told(space, caplog):
    profile = SRGB[:16] + space + SRGB[20:]
    data = saved(Image.fromarray(levels()), "JPEG", icc_profile=profile)
    assert "icc_profile" not in carried(data, "png").info
    assert "The colour profile is dropped: it is one of" in caplog.text


def test_what_does_not_fit_into_a_jpeg_is_told(caplog):
    like = decode_image(encode_image(levels(), None, "png"), "a")
    metadata = Metadata(exif=block() + bytes(70_000), xmp=b"x" * 70_000)
    like = type(like)(**{**vars(like), "metadata": metadata})
    image = Image.open(io.BytesIO(encode_image(like.rgb, like, "jpeg")))
    assert not {"exif", "xmp"} & image.info.keys()
    assert "EXIF data are dropped" in caplog.text and "XMP data are dropped" in caplog.text


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_metadata_cost_no_picture(format, caplog):
    """Whatever bytes stand there: a picture comes out, and encodes again."""
    data = photograph(format)
    rng = np.random.default_rng(1)
    starts = [data.find(mark) for mark in (b"Exif", b"eXIf", b"EXIF", b"Tokio", SRGB[:40], XMP)]
    starts = [start for start in starts if start > 0]
    pixels = decode_image(data, "a").rgb
    for _ in range(40):
        damaged = np.frombuffer(data, np.uint8).copy()
        place = rng.choice(starts) + rng.integers(8, 60)
        damaged[place : place + 3] = rng.integers(0, 256, 3)
        try:
            image = decode_image(damaged.tobytes(), "x", with_metadata=True)
        except Exception as error:  # noqa: BLE001
            assert "x is" in str(error), error
            continue
        if image.rgb.shape == pixels.shape:
            encode_image(image.rgb, image, "jpeg")


def test_a_bomb_of_a_profile_is_dropped(caplog):
    data = saved(Image.fromarray(levels()), "PNG")
    bomb = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1 << 25)))
    data = data[:33] + bomb + data[33:]
    with caplog.at_level(logging.WARNING):
        image = decode_image(data, "big.png", with_metadata=True)
    assert image.metadata == Metadata()
    assert "big.png: its metadata are damaged and dropped" in caplog.text
