"""`tfdeblur deblur --known-flow`: results, reports, which flow belongs to which photograph."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import levels, pixels, save_flo, save_npz, still
from tests.helpers import picture
from tfdeblur.cli.main import main
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers import known_flow

SHARP = Path(__file__).parents[3] / "demo/pairs/test/sharp/GOPR0384_11_00-000001.png"


def to_right(height, width, extent=12):
    return np.broadcast_to(np.float32([extent, 0]), (height, width, 2))


def sharp_part(height=64, width=96):
    """A part of a photograph with much detail, uint8."""
    return cv2.imread(str(SHARP))[100 : 100 + height, 200 : 200 + width, ::-1].copy()


def blurred(sharp, flow):
    found = MotionBlur(flow).apply(sharp[None].astype("float32") / 255)[0]
    return np.round(255 * np.clip(found, 0, 1)).astype("uint8")


def psnr(image, sharp):
    return -10 * np.log10(np.mean((image / 255.0 - sharp / 255.0) ** 2))


@pytest.fixture
def deblur(tmp_path, monkeypatch):
    """Runs the command in an empty folder; its input folder p exists."""
    monkeypatch.chdir(tmp_path)
    Path("p").mkdir()

    def run(*arguments, flow="flow.npz", out="out"):
        return main(["deblur", *arguments, "--out", out, "--known-flow", flow])

    return run


@pytest.mark.parametrize("kind", ["npz", "flo"])
def test_blur_is_undone(kind, deblur, capsys):
    sharp = sharp_part()
    flow = to_right(*sharp.shape[:2])
    image = blurred(sharp, flow)
    Image.fromarray(image).save("p/x.png")
    (save_npz if kind == "npz" else save_flo)(Path(f"flow.{kind}"), flow)
    assert deblur("p/x.png", "--compare", "--json", flow=f"flow.{kind}") == 0
    assert psnr(pixels("out/x.png"), sharp) > psnr(image, sharp) + 3
    assert pixels("out/x.compare.png").shape[1] > 2 * 96
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["known_flow"] == f"flow.{kind}" and "model" not in report
    (file,) = report["files"]
    assert file["status"] == "done" and file["converged"] is True
    assert 5 < file["steps"] < 100 and 0 < file["residual"] <= 1e-4
    assert "1 file: 1 restored, in " in captured.err


def test_options_reach_the_solver(deblur, capsys):
    image = levels(8, 9)
    Image.fromarray(image).save("p/x.png")
    save_npz(Path("flow.npz"), np.float32(3) * picture(8, 9, 2))
    found = {}
    for name, options in {
        "default": [],
        "strong anchor": ["--beta", "1e3"],
        "coarse": ["--tolerance", "1e-2"],
        "other lines": ["--rasterizer", "fspecial"],
    }.items():
        assert deblur("p/x.png", "--json", "--overwrite", *options) == 0
        (file,) = json.loads(capsys.readouterr().out)["files"]
        found[name] = pixels("out/x.png").astype(int), file["steps"]
    assert np.abs(found["strong anchor"][0] - image).max() <= 1  # nothing moves from the anchor
    assert np.abs(found["default"][0] - image).max() > 3
    assert found["coarse"][1] < found["default"][1]
    assert not np.array_equal(found["other lines"][0], found["default"][0])


def test_running_out_of_steps_is_told_and_the_result_kept(deblur, capsys):
    Image.fromarray(levels(8, 9)).save("p/x.png")
    save_npz(Path("flow.npz"), to_right(8, 9, 5))
    assert deblur("p/x.png", "--max-steps", "2", "--json") == 5
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    (file,) = report["files"]
    assert (file["status"], file["steps"], file["converged"]) == ("not converged", 2, False)
    assert file["residual"] > 1e-4 and f"{file['residual']:.3g}" in file["reason"]
    assert report["totals"]["not converged"] == 1 and report["exit_code"] == 5
    assert "warning: p/x.png -> out/x.png" in captured.err and "after 2 steps" in captured.err
    assert "1 file: 1 restored, but not converged, in " in captured.err
    assert pixels("out/x.png").shape == (8, 9, 3)


def test_a_folder_gives_each_photograph_its_own_flow(deblur, capsys):
    # The flows have the sizes of their images: the wrong one would be refused.
    for index, name in enumerate(["a.png", "b.jpg", "sub/a.png"]):
        path = Path("p", name)
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(levels(6 + index, 7)).save(path)
        flow = Path("flows", name)
        flow.parent.mkdir(parents=True, exist_ok=True)
        save = save_flo if index == 1 else save_npz
        save(flow.with_suffix(".flo" if index == 1 else ".npz"), still(6 + index))
    assert deblur("p", "--recursive", flow="flows") == 0
    np.testing.assert_array_equal(pixels("out/a.png"), levels(6, 7))
    np.testing.assert_array_equal(pixels("out/sub/a.png"), levels(8, 7))
    assert Path("out/b.jpg").is_file()


@pytest.mark.parametrize("kind", ["npz", "flo"])
def test_a_flow_that_was_written_is_found_and_drawn_again(kind, deblur):
    Image.fromarray(levels(6, 7)).save("p/x.png")
    save_npz(Path("flow.npz"), to_right(6, 7, -2))
    assert deblur("p", "--flow", "--flow-format", kind) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        f"x.flow.{kind}", "x.flow.png", "x.png"
    ]  # fmt: skip
    assert deblur("p", flow="out", out="again") == 0
    np.testing.assert_array_equal(pixels("again/x.png"), pixels("out/x.png"))


def test_one_flow_for_many_builds_one_operator(deblur, monkeypatch):
    built = []

    def spy(*arguments, **options):
        built.append(1)
        return MotionBlur(*arguments, **options)

    monkeypatch.setattr(known_flow, "MotionBlur", spy)
    for index in range(3):
        Image.fromarray(levels(6, 7, seed=index)).save(f"p/{index}.png")
    save_npz(Path("flow.npz"), still())
    assert deblur("p") == 0
    for index in range(3):
        np.testing.assert_array_equal(pixels(f"out/{index}.png"), levels(6, 7, seed=index))
    assert len(built) == 1


def test_kinds_of_images_are_kept(deblur):
    save_npz(Path("flow.npz"), still())
    images = {
        "gray.png": levels(6, 7, 1)[..., 0],
        "alpha.png": levels(6, 7, 4),
        "deep.png": levels(6, 7, 3, np.uint16)[..., ::-1],
        "deep.tif": levels(6, 7, 3, np.uint16)[..., ::-1],
    }
    for name, image in images.items():
        if name.startswith("deep"):
            cv2.imwrite(f"p/{name}", image)
        else:
            Image.fromarray(image).save(f"p/{name}")
    assert deblur("p") == 0
    for name in images:
        before, after = pixels(f"p/{name}"), pixels(f"out/{name}")
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_the_flow_belongs_to_the_upright_photograph(deblur):
    sharp = sharp_part()
    flow = to_right(*sharp.shape[:2])
    image = blurred(sharp, flow)
    lying = Image.fromarray(np.rot90(image))  # shown turned by a quarter to the right
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save("p/x.png", exif=exif)
    save_npz(Path("flow.npz"), flow)
    assert deblur("p/x.png") == 0
    assert psnr(pixels("out/x.png"), sharp) > psnr(image, sharp) + 3
