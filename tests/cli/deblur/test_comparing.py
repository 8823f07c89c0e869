"""`tfdeblur deblur --compare`: what is drawn, and what is said where nothing is."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.makers import levels, pixels
from tests.files.video.makers import WIDTH, write_clip
from tfdeblur.cli.main import main


@pytest.fixture
def deblur(affine_model, tmp_path, monkeypatch):
    """Runs the command on x.png and clip.mp4, one of them or both."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(levels(60, 80)).save("x.png")
    write_clip(Path("clip.mp4"))

    def run(*arguments):
        return main(["deblur", *arguments, "--out", "out", "--model", str(affine_model)])

    return run


def test_a_video_is_drawn_while_it_is_restored_and_what_is_missed_is_told(deblur, capsys):
    assert deblur("clip.mp4", "--compare") == 0
    assert pixels("out/clip.compare.png").shape[1] > 2 * WIDTH  # before and after
    assert "already done" not in capsys.readouterr().err
    Path("out/clip.compare.png").unlink()
    assert deblur("clip.mp4", "--compare") == 0
    said = "[1/1] out/clip.mp4: already done; a video's comparison is drawn while it is restored: "
    assert f"{said}--overwrite\n" in capsys.readouterr().err
    assert not Path("out/clip.compare.png").exists()


def test_a_comparison_that_stays_is_told(deblur, capsys):
    assert deblur("x.png") == 0
    assert deblur("x.png", "--compare") == 0
    assert "[1/1] out/x.png: already done; the comparison was added\n" in capsys.readouterr().err
    before = Path("out/x.compare.png").read_bytes()
    assert deblur("x.png", "--compare") == 0
    assert "already done" not in capsys.readouterr().err  # nothing else was asked for
    assert deblur("x.png", "--compare", "--compare-at", "3,4") == 0
    said = (
        "[1/1] out/x.png: already done, and so is its comparison, which stays as it is. For one at "
        "3,4 delete out/x.compare.png first, or give --overwrite.\n"
    )
    assert said in capsys.readouterr().err
    assert Path("out/x.compare.png").read_bytes() == before
    Path("out/x.compare.png").unlink()
    assert deblur("x.png", "--compare", "--compare-at", "3,4") == 0
    assert Path("out/x.compare.png").read_bytes() != before


@pytest.mark.parametrize("place", ["80,0", "0,60", "5000,3"])
def test_a_place_outside_of_a_photograph_is_refused(deblur, capsys, place):
    assert deblur("x.png", "--compare", "--compare-at", place) == 3
    said = "`--compare-at` must lie in the picture of 80x60 pixels: 0,0 to 79,59. Received: "
    assert f"{said}{place}\n" in capsys.readouterr().err
    assert not Path("out/x.png").exists()
    assert deblur("x.png", "--compare", "--compare-at", "79,59") == 0


def test_a_place_outside_of_a_video_is_refused_at_its_first_frame(deblur, capsys):
    assert deblur("clip.mp4", "--compare", "--compare-at", "5000,3") == 3
    assert "Received: 5000,3\n" in capsys.readouterr().err
    assert list(Path("out").iterdir()) == []
    assert deblur("clip.mp4", "--compare", "--compare-at", "3,3") == 0
