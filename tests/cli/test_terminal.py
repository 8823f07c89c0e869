"""What commands print on a terminal of 80 columns: lines that fit it; files and pipes get all."""

import sys

import pytest
from PIL import Image

from tests.helpers import picture
from tfdeblur.cli.common import terminal_columns
from tfdeblur.cli.data.check import _text
from tfdeblur.cli.main import main
from tfdeblur.cli.presets import _for_terminal
from tfdeblur.data.check.folder import FolderCheck
from tfdeblur.data.check.pairs import PairCheck


@pytest.fixture
def on_terminal(monkeypatch, capsys):
    """Once called, stdout and stderr claim to be a terminal of 80 columns."""

    def begin():
        monkeypatch.setenv("COLUMNS", "80")
        for stream in (sys.stdout, sys.stderr):  # those of the test, which are not its fixtures'
            monkeypatch.setattr(stream, "isatty", lambda: True)

    return begin


def test_the_width_is_of_terminals_only(on_terminal, monkeypatch):
    on_terminal()
    assert terminal_columns() == 80
    monkeypatch.undo()
    assert terminal_columns() is None


@pytest.mark.parametrize(
    "command",
    [
        "deblur x.png --out o --model none-of-that-name",
        "deblur x.png --out o --preset none-of-that-name",
        "train --data pairs --run r --preset none-of-that-name",
        "data check nowhere/at/all/in/this/folder/or/any/other/that/is/near/to/it/or/far",
        "serve --model_base_path nowhere",
    ],
)
def test_errors_are_wrapped(command, on_terminal, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16)).save("x.png")
    on_terminal()
    try:
        assert main(command.split()) in (3, 4)
    except SystemExit as end:
        assert end.code == 2
    shown = capsys.readouterr().err
    assert "error: " in shown
    assert all(len(line) < 80 or " " not in line for line in shown.splitlines()), shown


def test_a_file_that_failed_is_told_in_lines_that_fit(on_terminal, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    on_terminal()
    assert main(["deblur", "text.png", "--out", "o"]) == 4
    (tmp_path / "text.png").write_text("no picture at all, but a text")
    assert main(["deblur", "text.png", "--out", "o", "--known-flow", "text.png"]) == 3
    shown = capsys.readouterr().err.replace("\r\x1b[K", "\n")
    assert "[1/1] failed: " in shown
    assert all(len(line) < 80 for line in shown.splitlines()), shown


def test_evaluate_fits(on_terminal, affine_model, tmp_path, capsys):
    for kind, seed in (("blur", 0), ("sharp", 1)):
        (tmp_path / "pairs" / kind).mkdir(parents=True)
        image = (255 * picture(48, 64, seed=seed)).astype("uint8")
        name = "a-name-of-a-pair-that-is-longer-than-a-table-can-show-beside-all-numbers.png"
        Image.fromarray(image).save(tmp_path / "pairs" / kind / name)
    words = ["--data", str(tmp_path / "pairs"), "--model", str(affine_model)]
    on_terminal()
    assert main(["evaluate", *words]) == 0
    assert main(["evaluate", *words, "--csv", "/dev/null"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert len(line) < 80 or "/" in line, line  # paths stay whole


def test_the_prose_of_a_card_is_wrapped_and_its_tables_are_not():
    prose, row = "word " * 30, "| cell " * 20
    text = f"# {'head ' * 20}\n\nshort\n{prose}\n\n{row}\n- one\n- {prose}\n```\n{prose}\n{prose}"
    assert _for_terminal(text, None) == text
    lines = _for_terminal(text, 80).split("\n")
    laid_out = [f"# {'head ' * 20}", row, prose, prose]
    assert [line for line in lines if len(line) >= 80] == laid_out
    assert lines[2].startswith("short word word")  # its paragraph is filled
    assert lines[lines.index(row) + 1] == "- one"
    assert lines[lines.index(row) + 3].startswith("  word")
    assert "".join("".join(lines).split()) == "".join(text.split())


def check(name, verdict="middle", reason="", imbalance=0.125):
    return PairCheck(name, verdict, reason, imbalance, 12.5, 0.0, 0.1, 0.5)


def test_the_check_of_pairs_fits_and_explains_its_verdicts():
    reason = "more of the exposure lies on one side of the sharp frame than on the other: " * 2
    bad = check("a-name-of-a-pair-that-is-longer-than-the-table-can-show", "off middle", reason)
    found = FolderCheck("pairs", [check("one"), bad], failures={"two": reason})
    lines = _text(found, 80).splitlines()
    assert all(len(line) < 80 for line in lines), lines
    assert lines[1].split()[1:] == ["off", "middle", "12.5", "0.125"] and "…" in lines[1]
    assert lines[2].startswith("    more of the exposure lies")
    text = " ".join(_text(found, None).split())
    assert "middle: the sharp image is the middle of the blur, as it is to be;" in text
    assert f"off middle 12.5 0.125 {reason.strip()} one" in text  # a pipe gets it on one line
