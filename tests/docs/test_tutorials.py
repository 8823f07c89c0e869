"""The tutorials, command by command, on the demonstration data as a reader types them."""

import os
import shlex
from pathlib import Path

import pytest

from tests.docs.helpers import DOCS, ROOT, commands
from tfdeblur.cli.main import main

LEFT = {  # files, after the last command of a page
    "photographs": ["restored/gallery.html", "restored/GOPR0384_11_00-000001.compare.png"],
    "research": ["runs/first/curves.png", "mine.json", "scores.html", "scores.csv", "results.md"],
}
FOUND = {"tfdeblur data check": 3}  # as the page says: a pair that is off its middle
OWN = ("photo.jpg", "holiday/", "scans/")  # the reader's


@pytest.mark.slow
@pytest.mark.parametrize("page", LEFT)
def test_its_commands_do_what_it_says(page, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    os.symlink(ROOT / "demo", "demo")
    lines = commands((DOCS / f"tutorials/{page}.md").read_text("utf-8"))
    run = [line for line in lines if not any(own in line for own in OWN)]
    assert len(run) >= 3
    for line in run:
        code = main(shlex.split(line, comments=True)[1:])
        wanted = FOUND.get(" ".join(line.split()[:3]), 0)
        assert code == wanted, f"{line}\n{capfd.readouterr().err}"
    for name in LEFT[page]:
        assert Path(name).stat().st_size > 0, name
