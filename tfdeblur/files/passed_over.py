"""Files of a folder that are no input: each is named with its reason, none is silently left."""

from dataclasses import dataclass
from pathlib import Path

_RAW = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef "
    ".raf .raw .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
_PICTURES = frozenset(
    ".avif .exr .hdr .heic .heics .heif .hif .ico .j2k .jp2 .jxl .pgm .ppm .psd .svg".split()
)
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


def reason_to_pass_over(name: str) -> str:
    """Why a file of that name, whose suffix is none of ours, is not restored."""
    suffix = Path(name).suffix.lower()
    if suffix in _RAW:
        return "raw files of cameras are not read: develop them first, to 16-bit TIFF or PNG"
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
