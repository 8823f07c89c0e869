"""The page on serving tells the limits that hold."""

from pathlib import Path

import pytest

from tfdeblur import limits

PAGE = (Path(__file__).parents[1] / "docs" / "serving.md").read_text()
TABLE = PAGE.partition("## Limits")[2].partition("\n## ")[0].splitlines()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("bytes of a message", f"{limits.DEFAULT_BYTES_OF_A_REQUEST / 2**20:g} MiB"),
        ("fields, axes and texts", f"{limits.MOST_ENTRIES_OF_A_REQUEST:,}"),
        ("slow callers", f"{limits.MOST_SLOW_CALLS}, or"),
        ("calls without an end", f"{limits.MOST_STREAMS} |"),
        ("warm-up records", f"{limits.MOST_WARMUP_RECORDS:,}"),
        ("pixels of a request", f"{limits.DEFAULT_BYTES_OF_WORK // 2**30} GB"),
        ("pixels of a request", "3840x2160"),
    ],
)
def test_the_table_of_the_page(row, told):
    (line,) = (line for line in TABLE if line.startswith(f"| {row}"))
    assert told in line


def test_the_default_takes_what_the_page_says():
    assert 3840 * 2160 <= limits.DEFAULT_PIXELS_OF_A_REQUEST < 3841 * 2200
