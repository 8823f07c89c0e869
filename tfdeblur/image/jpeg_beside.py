"""What phones put beside the picture of a JPEG: further pictures, gain maps, clips, depth.

Sources: CIPA DC-007 (multi-picture format); Ultra HDR image format 1.1; Motion Photo format 1.0;
XMP part 3, section 1.1.3 (extended XMP).
"""

import io
import re
import warnings

_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_GAIN_MAPS = (b"hdrgm:", b"urn:iso:std:iso:ts:21496", b"hdrgainmap")
_CLIP = re.compile(rb"ftyp(?:mp4|isom|iso[2-6]|qt  |avc1|hvc1|MSNV)")
_TABLE, _PREVIEWS = 0xB002, ("Large Thumbnail (VGA Equivalent)", "Large Thumbnail (Full HD")
# Of XMP: where those things are said to lie.
_PLACES = re.compile(
    rb"\s[\w-]+:(?:MotionPhoto\w*|MicroVideo\w*|HasExtendedXMP)\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    rb"|\shdrgm:\w+\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    rb"|<([\w-]+:Directory|hdrgm:\w+|[\w-]+:(?:MotionPhoto|MicroVideo|HasExtendedXMP)\w*)\b"
    rb"(?:[^>]*/>|.*?</\1>)",
    re.DOTALL,
)


def left_out(data: bytes, pixels: int, end: int) -> tuple[int, str]:
    """What a whole JPEG holds beside its picture, which its result will not.

    Args:
        data: the file.
        pixels: where the pixels of the picture begin.
        end: where they end, at the latest: behind the first EOI marker.

    Returns:
        How many pictures the file holds, previews and gain maps not counted, and the rest in
        words, "" if there is nothing.
    """
    head, tail = data[:pixels], data[end:]
    found = []
    has_gain_map = any(mark in head or mark in tail for mark in _GAIN_MAPS)
    if has_gain_map:
        found.append("the gain map for HDR screens")
    if _CLIP.search(tail):
        found.append("the clip of a motion photo")
    if _EXTENDED_XMP in head:
        found.append("extended XMP data (such as depth)")
    pictures = 1 if has_gain_map or b"MPF\0" not in head else _pictures(data)
    return pictures, " and ".join(found)


def _pictures(data: bytes) -> int:
    try:
        from PIL import JpegImagePlugin  # the client does without, and asks for the turn alone

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a damaged table
            opened = JpegImagePlugin.jpeg_factory(io.BytesIO(data))
        entries = getattr(opened, "mpinfo", {})[_TABLE]
        kinds = [entry["Attribute"]["MPType"] for entry in entries[1:]]
    except Exception:  # a damaged table: its pictures cannot be found by anybody
        return 1
    return 1 + sum(not kind.startswith(_PREVIEWS) for kind in kinds)


def without_places(xmp: bytes) -> bytes:
    """XMP that no longer says where those things lie, as they are not there."""
    return _PLACES.sub(b"", xmp)
