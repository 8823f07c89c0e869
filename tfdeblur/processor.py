"""What the processor of this machine can do (standard library only)."""

from pathlib import Path

_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}


def information() -> dict[str, str]:
    """The first processor of /proc/cpuinfo, key -> value; empty where there is no such file."""
    found: dict[str, str] = {}
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for line in text.split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        found[key.strip()] = value.strip()
    return found


def has_bfloat16() -> bool | None:
    """Whether it has instructions for bfloat16; None if that cannot be told.

    Without them bfloat16 is emulated, slower than float32.
    """
    flags = _flags()
    return not _BFLOAT16.isdisjoint(flags) if flags else None


def has_avx512() -> bool:
    """Whether it has the vectors of 512 bits that oneDNN's convolutions are at their best with."""
    return "avx512f" in _flags()


def _flags() -> list[str]:
    found = information()
    return found.get("flags", found.get("Features", "")).split()
