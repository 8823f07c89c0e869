"""Models, folders and disks that do not do their part: clear errors, and no file is lost."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import contents, good, pixels
from tfdeblur.cli.main import main


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ("", 3, "No model ''"),
        ("nosuchpreset", 3, "No model 'nosuchpreset': it must be a preset"),
        ("empty", 4, "empty holds no generator.keras"),
        ("broken.keras", 4, "broken.keras cannot be loaded as a Keras model"),
        ("cut.keras", 4, "cut.keras cannot be loaded as a Keras model"),
    ],
)
def test_models(given, code, says, affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path)
    Path("empty").mkdir()
    Path("broken.keras").write_bytes(b"no zip")
    data = (affine_model / "generator.keras").read_bytes()
    Path("cut.keras").write_bytes(data[: len(data) // 2])
    assert main(["deblur", "good.png", "--out", "out", "--model", given]) == code
    assert says in capsys.readouterr().err
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize("out", ["file/below", "/dev/null/x"])
def test_output_folders_that_cannot_be(out, affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path)
    Path("file").write_text("kept")
    assert main(["deblur", "good.png", "--out", out, "--model", str(affine_model)]) == 3
    assert "`out` must be a folder that can be written to" in capsys.readouterr().err
    assert Path("file").read_text() == "kept"


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("good.png", "must be a folder, and good.png is a file. Did you mean `--out .`?"),
        ("p/file", "must be a folder, and p/file is a file. Did you mean `--out p`?"),
        (
            "sharp.JPG",
            "sharp.JPG is called like a file. Results are named after their inputs: did ",
        ),
        ("p/clip.mp4", "did you mean `--out p`? If it is to be a folder, give p/clip.mp4/"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        *(["deblur", "good.png"], ["request", "good.png", "--target", "localhost:1"]),
        *(["data", "average", "p"], ["data", "degrade", "p"], ["data", "synthesize", "p"]),
        ["experiment", "levels", "--model", "m", "--data", "p"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_an_output_folder_that_is_a_file(command, out, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path)
    Path("p").mkdir()
    Path("p/file").write_text("kept")
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--out", out])
    told = capsys.readouterr().err
    assert "argument --out: must be a folder" in told and says in told
    assert sorted(os.listdir()) == ["good.png", "p"] and os.listdir("p") == ["file"]


@pytest.mark.parametrize("out", ["shots.png", "new.png/"])
def test_an_output_folder_may_be_called_like_a_file(out, affine_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good(tmp_path)
    Path("shots.png").mkdir()
    assert main(["deblur", "good.png", "--out", out, "--model", str(affine_model)]) == 0
    assert os.listdir(out) == ["good.png"]


@pytest.mark.parametrize("options", [[], ["--json"], ["--compare"]])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_ends_the_run_and_leaves_no_half_file(
    function, options, affine_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for index in range(3):
        good(tmp_path, f"p/{index}.png")
    real, calls = getattr(os, function), []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) > (2 if "--compare" in options else 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    monkeypatch.setattr(os, function, full)
    command = ["deblur", "p", "--out", "out", "--model", str(affine_model), *options]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert "No space left on device: out/1.png was not written" in captured.err
    assert "3 files: 1 restored, 2 not finished, in " in captured.err
    compared = ["0.compare.png"] if "--compare" in options else []
    assert sorted(os.listdir("out")) == compared + ["0.png"]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert main(command) == 0  # room was made: the rest is done
    assert len(os.listdir("out")) == 3 + 3 * len(compared)


def test_a_file_that_may_not_be_read(affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path, "p/a.png")
    good(tmp_path, "p/b.png")
    read = Path.read_bytes

    def refuse(self):  # root may read everything, so that the mode alone would not do
        if self.name == "a.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert main(["deblur", "p", "--out", "out", "--model", str(affine_model)]) == 4
    assert "a.png cannot be read: Permission denied" in capsys.readouterr().err
    assert os.listdir("out") == ["b.png"]


def test_a_folder_that_may_not_be_read(affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path, "p/a.png")
    good(tmp_path, "p/q/b.png")
    listdir = os.listdir

    def refuse(path="."):
        if Path(path).name == "q":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert main(["deblur", "p", "--recursive", "--out", "out", "--model", str(affine_model)]) == 3
    assert "The folder cannot be read: Permission denied" in capsys.readouterr().err
    assert os.listdir("out") == ["a.png"]


def test_an_existing_output_is_left_alone_until_overwrite(
    affine_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    wanted = good(tmp_path)
    Path("out").mkdir()
    Path("out/good.png").write_text("precious")
    command = ["deblur", "good.png", "--out", "out", "--model", str(affine_model)]
    assert main(command) == 0
    assert Path("out/good.png").read_text() == "precious"
    assert "1 done before" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    np.testing.assert_array_equal(pixels("out/good.png"), wanted)


@pytest.mark.parametrize("out", ["p", "link", "p/q/.."])
@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_an_output_that_is_an_input(out, options, affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path, "p/x.png")
    good(tmp_path, "p/q/y.png")
    os.symlink("p", "link")
    before = contents(tmp_path)
    assert main(["deblur", "p", "--out", out, "--model", str(affine_model), *options]) == 3
    assert "would replace an input" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_an_output_that_is_a_folder(affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good(tmp_path)
    Path("out/good.png").mkdir(parents=True)
    assert main(["deblur", "good.png", "--out", "out", "--model", str(affine_model)]) == 3
    assert "out/good.png is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["done before", "gone"])
def test_with_nothing_to_do_no_framework_is_loaded(tmp_path, what):
    """Of a folder that is done, and of a name that is wrong, the command tells in a moment."""
    name = "photo.png" if what == "done before" else "gone.png"
    for folder in ("blur", "out"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((4, 5, 3), "uint8")).save(tmp_path / folder / "photo.png")
    code = (
        "import sys; from tfdeblur.cli.main import main\n"
        f"code = main(['deblur', {str(tmp_path / 'blur' / name)!r}, '--out', "
        f"{str(tmp_path / 'out')!r}])\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'av', 'numpy', 'PIL'} & set(sys.modules)\n"
        "print(code, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = "0 []" if what == "done before" else "4 []"
    assert done.stdout.splitlines()[-1] == expected, done.stderr
    assert what in done.stdout + done.stderr
