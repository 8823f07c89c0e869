"""Names and texts that are made to fit."""

import pytest

from tfdeblur.text import hanging, shortened, wrapped


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("photo.jpg", 9, "photo.jpg"),
        ("GOPR0384_11_00-000001", 9, "GOPR…0001"),
        ("GOPR0384_11_00-000001", 8, "GOPR…001"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_shortened(name, width, shown):
    assert shortened(name, width) == shown and len(shown) <= width


def test_hanging():
    assert hanging("data  ", "one two three", None) == "data  one two three"
    assert hanging("data  ", "one two three", 20) == "data  one two three"
    text = " ".join(["word"] * 10)
    lines = hanging("data  ", text, 40).splitlines()
    assert lines[0].startswith("data  word") and lines[1].startswith("      word")
    assert all(len(line) < 40 for line in lines)
    assert " ".join(" ".join(lines).split()) == f"data {text}"
    assert hanging("  ", "x" * 99, 40) == "  " + "x" * 99  # no path is cut in two


def test_wrapped():
    text = "one two three\n  four five six seven eight nine\n" + "/a" * 30
    assert wrapped(text, None) == text == wrapped(text, 99)
    assert wrapped(text, 24, "  ").splitlines() == [
        "one two three",
        "  four five six seven",
        "    eight nine",
        "/a" * 30,  # paths are copied: they stay whole
    ]
    assert wrapped("a\n\nb", 24) == "a\n\nb"
