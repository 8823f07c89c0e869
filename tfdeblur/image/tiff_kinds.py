"""Kinds of TIFF: what its tags say of its pixels, and which kinds are read.

Arguments named `page` are tifffile's. Source: TIFF revision 6.0, 1992.
"""

from typing import Any

from tfdeblur.errors import InvalidInput

GRAYS, WHITE_IS_ZERO, RGB, PALETTE, INKS, YCBCR = (0, 1), 0, 2, 3, 5, 6
CAMERA = (32803, 34892)  # kinds of colour: a sensor's mosaic, and what was made of one
ASSOCIATED, UNASSOCIATED = 1, 2  # kinds of alpha
JPEG, WEBP = 7, 50001
# Others would unpack to a size of their own, which nothing checks before memory is taken.
_COMPRESSIONS = {1, 2, 3, 4, 5, JPEG, 8, 32773, 32946, 34925, 34926, 50000, WEBP}
_BITS = (1, 2, 4, 8, 10, 12, 14, 16)
_FORMATS = {1: "unsigned", 2: "signed", 3: "floating", 4: "undefined", 5: "complex", 6: "complex"}
_INTEGERS = {1, 4}  # kinds of samples: unsigned, and undefined, which is read as unsigned
_INK_SET = 332


def photometric(page: Any) -> int:
    """The kind of colour; where the file does not say, what libtiff takes it for."""
    if 262 in page.tags:
        return int(page.tags[262].value)
    return RGB if page.samplesperpixel >= 3 else 1


def sample_bits(page: Any) -> int:
    """Bits of every sample; 0 where they differ from channel to channel."""
    bits = page.tags.valueof(258, 1)
    several = bits if isinstance(bits, tuple) else (bits,)
    return several[0] if len(set(several)) == 1 else 0


def extra_channel(page: Any, kind: int) -> str:
    """What the channel beside the colours is: "alpha", "unnamed" (not said); "" if none."""
    colours = {PALETTE: 1, INKS: 4}.get(kind, 1 if kind in GRAYS else 3)
    if page.samplesperpixel == colours:
        return ""
    said = tuple(int(one) for one in page.extrasamples)
    return "alpha" if said in ((ASSOCIATED,), (UNASSOCIATED,)) else "unnamed"


def raw_by_another_name(name: str) -> InvalidInput:
    """The error for a camera's raw file that is named like a TIFF."""
    return InvalidInput(
        f"{name} is the raw file of a camera under the name of a TIFF. Name it .dng (or as the "
        "camera did), or develop it first, to 16-bit TIFF or PNG."
    )


def check_kind(page: Any, kind: int, name: str) -> None:
    """Refuses what is not read, by its name.

    Args:
        page: of tifffile.
        kind: its `photometric`.
        name: of the file, for the error.

    Raises:
        InvalidInput: if it is not read.
    """
    if kind in CAMERA:
        raise raw_by_another_name(name)
    for what, instead in (
        _wrong_values(page),
        _wrong_packing(page, kind),
        _wrong_colours(page, kind),
    ):
        if what:
            raise InvalidInput(f"{name} is a TIFF {what}. {instead}.")


def _wrong_values(page: Any) -> tuple[str, str]:
    formats = page.tags.valueof(339, 1)
    formats = set(formats if isinstance(formats, tuple) else (formats,))
    bits, said = sample_bits(page), page.tags.valueof(258, 1)
    what = ""
    if not formats <= _INTEGERS or bits > 16:
        known = ", ".join(sorted(_FORMATS.get(one, f"format {one}") for one in formats))
        what = (
            f"of {bits or said}-bit values ({known}) that are no plain integers; 8 or 16 bits per "
            "channel can be read"
        )
    elif bits not in _BITS:
        what = f"of {said}-bit values; 1, 2, 4, 8, 10, 12, 14 and 16 bits can be read"
    elif bits < 8 and page.samplesperpixel > 1:
        what = f"of several channels of {bits} bits"
    return what, "Convert it first"


def _wrong_packing(page: Any, kind: int) -> tuple[str, str]:
    if page.imagedepth > 1:
        return f"of a volume, {page.imagedepth} pictures deep", "Save one slice of it"
    if int(page.compression) not in _COMPRESSIONS:
        compression = getattr(page.compression, "name", str(page.compression))
        return f"compressed as {compression}, which is not read", "Save it with LZW or Deflate"
    if kind == YCBCR and (int(page.compression) != JPEG or page.planarconfig != 1):
        return "of YCbCr colours that are not JPEG, or in separate planes", "Save it as RGB"
    return "", ""


def _wrong_colours(page: Any, kind: int) -> tuple[str, str]:
    name = getattr(page.photometric, "name", str(kind))
    colours = {0: 1, 1: 1, RGB: 3, PALETTE: 1, INKS: 4, YCBCR: 3}.get(kind)
    if colours is None:
        return f"whose colours are {name}, which are not read", "Save it as RGB"
    more = page.samplesperpixel - colours
    most = 0 if kind in (PALETTE, INKS) else 1
    if not 0 <= more <= most or len(page.extrasamples) > more:
        what = (
            f"with {page.samplesperpixel} channels of the kind {name}; gray, RGB, palette and "
            "CMYK, the first two with one extra channel, can be read"
        )
        return what, "Remove the others"
    if kind == INKS and page.tags.valueof(_INK_SET, 1) != 1:
        return "of inks other than CMYK", "Save it as RGB"
    fits = page.colormap is not None and page.colormap.shape == (3, 2 ** sample_bits(page))
    if kind == PALETTE and not fits:
        return "with a palette that does not fit its pixels", "Convert it first"
    return "", ""
