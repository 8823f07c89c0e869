"""Formats that motion flows are written in (standard library only)."""

FORMATS = ("npz", "flo")
