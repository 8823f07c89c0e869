"""Files of a folder that are no input: each is named with its reason, none is silently left."""

from dataclasses import dataclass
from pathlib import Path

from tfdeblur.image import camera_raw, heif

_PICTURES = frozenset(".exr .hdr .heics .ico .j2k .jp2 .jxl .pgm .ppm .psd .raw .svg".split())
_VIDEOS = frozenset(".3gp .flv .m2ts .mpg .mpeg .mts .ogv .ts .wmv".split())
_MOST_NAMES = 5  # of one reason, on the terminal


@dataclass(frozen=True)
class PassedOver:
    """A file that was found and is not restored.

    Attributes:
        path: the file.
        reason: why, in words.
    """

    path: Path
    reason: str


def extra_suffixes() -> frozenset[str]:
    """Suffixes of pictures that are read because an extra library is there."""
    raw = camera_raw.SUFFIXES if camera_raw.is_available() else frozenset()
    heic = heif.HEIC_SUFFIXES if heif.is_available() else frozenset()
    return raw | heic | (heif.AVIF_SUFFIXES if heif.avif_is_available() else frozenset())


def reason_to_pass_over(name: str) -> str:
    """Why a file of that name, whose suffix is none of ours, is not restored."""
    suffix = Path(name).suffix.lower()
    if suffix in camera_raw.SUFFIXES:
        return f"raw files of cameras: to restore them, {camera_raw.HINT}"
    if suffix in heif.HEIC_SUFFIXES:
        return f"HEIC files: to restore them, {heif.HINT}"
    if suffix in heif.AVIF_SUFFIXES:
        return "AVIF files, which this build of Pillow does not read: convert them to PNG or JPEG"
    if suffix in _PICTURES:
        return f"pictures of the kind {suffix[1:]} are not read: convert them to PNG or JPEG"
    if suffix in _VIDEOS:
        return f"videos of the kind {suffix[1:]} are not read: convert them to MP4 or MKV"
    return "neither a picture nor a video by its name"


def tell(passed: list[PassedOver]) -> str:
    """Lines for people, one a reason, the first names each; empty if nothing was passed over."""
    if not passed:
        return ""
    lines = [f"Passed over {len(passed)} file{'s' * (len(passed) != 1)}:"]
    by_reason: dict[str, list[str]] = {}
    for one in passed:
        by_reason.setdefault(one.reason, []).append(one.path.name)
    for reason, names in by_reason.items():
        shown = ", ".join(names[:_MOST_NAMES])
        more = len(names) - _MOST_NAMES
        shown += f" and {more} more (--json names all)" if more > 0 else ""
        lines.append(f"  {reason}: {shown}")
    return "\n".join(lines)
