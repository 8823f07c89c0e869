"""The sharp image that belongs to a blurred one, by where it lies."""

from pathlib import Path


def sharp_partner(source: Path) -> Path | None:
    """The sharp image that belongs to `source`, or None.

    Looked for under the same name: in `sharp/` beside the folder of `source` (blur/x.png and
    sharp/x.png), then in `sharp/` within it.
    """
    for folder in (source.parent.parent / "sharp", source.parent / "sharp"):
        partner = folder / source.name
        if partner.is_file() and not (source.exists() and partner.samefile(source)):
            return partner
    return None
