"""TIFF over what tifffile can write: every kind is right to the level, or refused by its name."""

import io
import itertools
import re
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.image.makers import levels, saved
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import decode_image, dropped_by, encode_image

PHOTOMETRICS = (
    "minisblack miniswhite rgb palette separated ycbcr cielab icclab itulab logl logluv cfa "
    "linear_raw mask depth_map"
).split()
LOSSLESS = ["none", "packbits", "lzw", "zlib", "deflate", "lzma", "zstd"]
TYPES = ["u1", "u2", "u4", "i1", "i2", "f2", "f4", "f8", "b1"]


def written(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


def first_page(data, pixels):
    """What of `pixels` is the first page of the file that they were written to."""
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    part = pixels.ravel()[: page.size].reshape(page.shaped)
    return (part[0, 0] if page.planarconfig == 1 else np.moveaxis(part[:, 0, ..., 0], 0, -1)), page


def expected(stored, page, colormap):
    """What these numbers mean, worked out in float64 and another way than in the package."""
    dtype = np.uint16 if stored.dtype == np.uint16 else np.uint8
    top = float(np.iinfo(dtype).max)
    values = stored * (255.0 if stored.dtype == bool else 1.0)
    name = page.photometric.name.lower()
    if name == "palette":
        return colormap.T[stored[..., 0]].astype(float)
    if name == "separated":
        return np.floor((top - values[..., :3]) * (top - values[..., 3:4]) / top + 0.5)
    colours = values[..., :1] if name.startswith("minis") else values[..., :3]
    colours = top - colours if name == "miniswhite" else colours
    if 1 in page.extrasamples:
        alpha = np.maximum(values[..., -1:], 1)
        colours = np.minimum(top, np.floor(colours * top / alpha + 0.5))
    return np.broadcast_to(colours, (*colours.shape[:2], 3))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("photometric", PHOTOMETRICS)
@pytest.mark.parametrize("dtype", TYPES)
def test_kinds(dtype, photometric):
    """All samples, planes, extra samples, byte orders and tiles of one type and photometric."""
    rng = np.random.default_rng(0)
    right = refused = 0
    for samples, planes, extra, order, tile in itertools.product(
        (1, 2, 3, 4, 5),
        ("contig", "separate"),
        (None, ["assocalpha"], ["unassalpha"], ["unspecified"]),
        "<>",
        (None, (16, 32)),
    ):
        shape = {"contig": (33, 47, samples), "separate": (samples, 33, 47)}[planes]
        pixels = (rng.random(shape if samples > 1 else shape[:2]) * 255).astype(dtype)
        colormap = rng.integers(0, 65536, (3, 256 if dtype == "u1" else 65536), dtype=np.uint16)
        options = {"planarconfig": planes} if samples > 1 else {}
        options |= {"colormap": colormap} if photometric == "palette" else {}
        options |= {"photometric": photometric, "extrasamples": extra, "tile": tile}
        try:
            data = written(pixels, byteorder=order, **options)
        except Exception:  # noqa: BLE001
            continue  # there are no such files
        try:
            image = decode_image(data, "scan.tif")
        except InvalidInput as error:
            assert str(error).startswith("scan.tif is ")  # noqa: PT017
            assert re.search(r"(Save it|Convert it|Remove the|Name it)\b", str(error))  # noqa: PT017
            refused += 1
            continue
        stored, page = first_page(data, pixels)
        np.testing.assert_array_equal(image.rgb, expected(stored, page, colormap))
        if image.alpha is not None:
            np.testing.assert_array_equal(image.alpha, stored[..., -1])
            assert image.extra == ("alpha" if set(page.extrasamples) & {1, 2} else "unnamed")
        right += 1
    readable = dtype in ("u1", "u2") and photometric in PHOTOMETRICS[:5]
    assert (right > 0) == (readable or (dtype == "b1" and photometric in PHOTOMETRICS[:2]))
    assert right + refused > 0 or photometric in ("palette", "separated", "cfa", "logl")


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_lossless_compressions(compression, channels, dtype):
    pixels = levels(50, 70, channels, top=255 if dtype == "u1" else 65535)
    stored = pixels[..., 0] if channels == 1 else pixels
    kind = {"photometric": "minisblack" if channels == 1 else "rgb"}
    kind |= {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    for tile, predictor, planes in itertools.product(
        (None, (32, 32), (64, 48)), (None, True), ("contig", "separate")
    ):
        if (predictor and compression == "none") or (planes == "separate" and channels == 1):
            continue
        flat = np.moveaxis(stored, -1, 0) if planes == "separate" else stored
        options = {"tile": tile, "predictor": predictor, "compression": compression} | kind
        if channels > 1:
            options["planarconfig"] = planes
        image = decode_image(written(flat, **options), "a.tif")
        np.testing.assert_array_equal(image.rgb, np.broadcast_to(pixels[..., :3], (50, 70, 3)))
        if channels == 4:
            np.testing.assert_array_equal(image.alpha, pixels[..., 3])


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1)])
@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_jpeg_in_tiff_equals_libtiff(photometric, subsampling, tile):
    data = written(
        levels(50, 70),
        photometric=photometric,
        compression="jpeg",
        subsampling=subsampling,
        tile=tile,
    )
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    assert np.abs(decode_image(data, "a.tif").rgb - expected).max() <= 1


@pytest.mark.parametrize(
    "photometric, options, words",
    [
        ("ycbcr", {}, "of YCbCr colours that are not JPEG, or in separate planes. Save it as RGB"),
        ("ycbcr", {"compression": "lzw"}, "of YCbCr colours that are not JPEG.* Save it as RGB"),
        ("cielab", {}, "whose colours are CIELAB, which are not read. Save it as RGB"),
        ("icclab", {}, "whose colours are ICCLAB, which are not read. Save it as RGB"),
        ("logluv", {}, "whose colours are LOGLUV, which are not read. Save it as RGB"),
        ("separated", {"extratags": [(332, 3, 1, 2, True)]}, "of inks other than CMYK. Save it"),
        ("separated", {"extrasamples": ["unassalpha"]}, "with 5 channels of the kind SEPARATED"),
    ],
)
def test_colours_that_are_refused_say_what_to_do(photometric, options, words):
    channels = 3 if photometric != "separated" else 4 + ("extrasamples" in options)
    pixels = np.concatenate([levels(20, 30), levels(20, 30)], axis=-1)[..., :channels]
    data = written(pixels, photometric=photometric, planarconfig="contig", **options)
    with pytest.raises(InvalidInput, match=f"a.tif is a TIFF {words}"):
        decode_image(data, "a.tif")


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax(compression):
    source = Image.fromarray(levels(40, 70, 1)[..., 0]).convert("1")
    image = decode_image(saved(source, "TIFF", compression=compression), "fax.tif")
    np.testing.assert_array_equal(image.rgb[..., 0], np.asarray(source) * 255)


@pytest.mark.parametrize("compression", ["jpeg2000", "jpegxl", "jpegxr", "png", "lerc"])
def test_compressions_that_are_refused(compression):
    data = written(levels(50, 70), photometric="rgb", compression=compression)
    with pytest.raises(InvalidInput, match=r"a.tif is a TIFF compressed as \w+, which is not read"):
        decode_image(data, "a.tif")


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_packed_bits(bits, channels):
    pixels = np.random.default_rng(0).integers(0, 1 << bits, (20, 33, channels))
    rows = ("".join(f"{v:0{bits}b}" for v in row.ravel()) for row in pixels)
    body = b"".join(
        int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8)) for row in rows
    )
    data = by_hand(body, 33, 20, bits, channels)
    if bits < 8 and channels == 3:
        with pytest.raises(InvalidInput, match=f"of several channels of {bits} bits"):
            decode_image(data, "a.tif")
        return
    image = decode_image(data, "a.tif")
    top = 255 if bits <= 8 else 65535
    assert image.bits == (8 if bits <= 8 else 16)
    expected = np.broadcast_to(np.round(pixels * (top / ((1 << bits) - 1))), (20, 33, 3))
    np.testing.assert_array_equal(image.rgb, expected)


def by_hand(body, width, height, bits, channels):
    """A TIFF of bits that no library writes."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 2 if channels == 3 else 1, 273: 8}
    tags |= {277: channels, 278: height, 279: len(body)}
    data = (
        b"II*\0" + struct.pack("<I", 8 + len(body) + len(body) % 2) + body + b"\0" * (len(body) % 2)
    )
    at = len(data) + 2 + 12 * len(tags) + 4
    data += struct.pack("<H", len(tags))
    for tag, value in tags.items():
        several = tag == 258 and channels == 3
        data += struct.pack("<HHI", tag, 3 if several else 4, 3 if several else 1)
        data += struct.pack("<I", at if several else value)
    return data + bytes(4) + struct.pack("<HHH", bits, bits, bits)


@pytest.mark.parametrize("colormap", ["of 8 bits times 257", "of 8 bits times 256", "of 16 bits"])
def test_palettes_keep_their_depth(colormap):
    small = np.random.default_rng(0).integers(0, 256, (3, 256), dtype=np.uint16)
    table = small * {"7": 257, "6": 256}.get(colormap[-1], 1)
    if colormap == "of 16 bits":
        table = np.random.default_rng(0).integers(0, 65536, (3, 256), dtype=np.uint16)
    indices = levels(channels=1)[..., 0]
    image = decode_image(written(indices, photometric="palette", colormap=table), "a.tif")
    wanted = table if colormap == "of 16 bits" else small
    np.testing.assert_array_equal(image.rgb, wanted.T[indices])


def test_bigtiff_and_orientation():
    pixels = levels(8, 24, top=65535)
    for turn in range(1, 9):
        for big in (False, True):
            tags = [(274, 3, 1, turn, True)]
            data = written(pixels, photometric="rgb", bigtiff=big, extratags=tags)
            image = decode_image(data, "a.tif")
            assert image.rgb.shape == ((24, 8, 3) if turn >= 5 else (8, 24, 3))
            corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
            corner |= {5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}  # of the file, upper left
            np.testing.assert_array_equal(image.rgb[0, 0], pixels[corner[turn]])


def test_previews_before_the_picture_are_not_the_picture():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(levels(12, 16), photometric="rgb", subfiletype=1, metadata=None)
        writer.write(levels(48, 64), photometric="rgb", metadata=None)
    np.testing.assert_array_equal(decode_image(file.getvalue(), "a.tif").rgb, levels(48, 64))


def test_missing_strips_are_no_black_ones():
    data = bytearray(written(levels(48, 64), photometric="rgb", rowsperstrip=16))
    page = tifffile.TiffFile(io.BytesIO(bytes(data))).pages[0]
    counts = page.tags[279]
    struct.pack_into("<H" if counts.dtype == 3 else "<I", data, counts.valueoffset, 0)
    with pytest.raises(InvalidInput, match="a.tif is cut off"):
        decode_image(bytes(data), "a.tif")


def test_a_piece_that_is_larger_than_it_should_be_is_refused_before_it_is_unpacked():
    data = written(levels(64, 64), photometric="rgb", compression="jpeg", tile=(64, 64))
    at = data.index(b"\xff\xc0") + 5
    data = data[:at] + struct.pack(">HH", 60000, 60000) + data[at + 4 :]
    with pytest.raises(InvalidInput, match="a piece of it is 60000 x 60000 pixels"):
        decode_image(data, "a.tif")


@pytest.mark.parametrize("extra", ["unassalpha", "unspecified"])
def test_the_fourth_channel_comes_back_as_what_it_was(extra):
    pixels = levels(channels=4, top=65535)
    data = written(pixels, photometric="rgb", extrasamples=[extra])
    image = decode_image(data, "a.tif")
    again = encode_image(image.rgb, image, "tiff")
    page = tifffile.TiffFile(io.BytesIO(again)).pages[0]
    np.testing.assert_array_equal(page.asarray(), pixels)
    assert [one.name.lower() for one in page.extrasamples] == [extra]
    kept = extra == "unassalpha"
    assert (decode_image(encode_image(image.rgb, image, "png"), "a").alpha is not None) == kept
    assert dropped_by("tiff", image) == ""
    assert ("fourth channel is dropped" in dropped_by("png", image)) != kept


@pytest.mark.parametrize("compression", ["none", "lzw", "zlib", "jpeg"])
def test_damage_is_an_error_or_another_picture(compression):
    data = written(levels(40, 40), photometric="rgb", compression=compression, rowsperstrip=8)
    rng = np.random.default_rng(0)
    for end in range(0, len(data), 97):
        with pytest.raises(InvalidInput, match="a.tif is"):
            decode_image(data[:end], "a.tif")
    for _ in range(60):
        damaged = np.frombuffer(data, np.uint8).copy()
        damaged[rng.integers(4, len(data), 4)] = rng.integers(0, 256, 4)
        try:
            image = decode_image(damaged.tobytes(), "a.tif")
        except InvalidInput as error:
            assert "a.tif is" in str(error)  # noqa: PT017
        else:
            assert image.rgb.dtype in (np.uint8, np.uint16)


def test_inks_with_a_profile_become_rgb_and_the_profile_is_told(caplog):
    inks = levels(12, 17, 4)
    profile = b"\0" * 16 + b"CMYK" + b"\0" * 120
    data = written(inks, photometric="separated", iccprofile=profile)
    image = decode_image(data, "a.tif", with_metadata=True)
    again = tifffile.TiffFile(io.BytesIO(encode_image(image.rgb, image, "tiff"))).pages[0]
    assert again.photometric.name == "RGB" and 34675 not in again.tags
    assert "one of CMYK colours" in caplog.text


@pytest.mark.parametrize("tag", [258, 262, 274, 277])
@pytest.mark.parametrize("value", [b"\0\0", b"\xff\xff"])
def test_tags_that_hold_anything(tag, value):
    data = bytearray(written(levels(12, 17), photometric="rgb", extratags=[(274, 3, 1, 1, True)]))
    at = tifffile.TiffFile(io.BytesIO(bytes(data))).pages[0].tags[tag]
    data[at.valueoffset : at.valueoffset + 2] = value
    try:
        image = decode_image(bytes(data), "a.tif")
    except InvalidInput as error:
        assert "a.tif is" in str(error)  # noqa: PT017
    else:
        assert tag == 274 and image.rgb.shape == (12, 17, 3)
