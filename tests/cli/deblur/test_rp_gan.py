"""`tfdeblur deblur` with RP-GAN models: flow, confidence, every level; what means nothing."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import contents, levels, pixels
from tfdeblur.cli.main import main
from tfdeblur.image.flow_files import read_flow, write_flow
from tfdeblur.operators import MotionBlur
from tfdeblur.solvers import deconvolve

MOTION = (5.0, -2.0)
BETAS = (0.05, 0.1)
SHARP = Path(__file__).parents[3] / "demo/pairs/test/sharp/GOPR0384_11_00-000001.png"


def save_pointwise(path, weights, bias):
    """A network of one 1x1 convolution."""
    import keras

    image = keras.Input((None, None, len(weights)))
    layer = keras.layers.Conv2D(len(bias), 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([np.float32(weights)[None, None], np.float32(bias)])
    network.save(path)


@pytest.fixture(scope="module")
def rp_gan(tmp_path_factory):
    """A folder of an RP-GAN that always estimates MOTION and cleans nothing up."""
    folder = tmp_path_factory.mktemp("rp_gan")
    save_pointwise(folder / "sen.keras", np.zeros((3, 2)), np.negative(MOTION))
    save_pointwise(folder / "generator.keras", np.eye(6, 3), np.zeros(3))
    (folder / "pipeline.json").write_text(json.dumps({"betas": BETAS}))
    return folder


def field(height, width, motion=MOTION):
    return np.broadcast_to(np.float32(motion), (height, width, 2))


def blurred(height=40, width=56):
    """A part of a photograph with much detail, blurred by MOTION, uint8."""
    sharp = cv2.imread(str(SHARP))[100 : 100 + height, 200 : 200 + width, ::-1]
    image = MotionBlur(field(height, width)).apply(sharp[None].astype("float32") / 255)[0]
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8")


def repeatedly_deconvolved(image, betas=BETAS, motion=MOTION):
    """What the loop gives where nothing is cleaned up, uint8."""
    observed = image[None].astype("float32") / 255
    K, anchor = MotionBlur(field(*image.shape[:2], motion)), observed
    for beta in betas:
        anchor = deconvolve(K, observed, anchor, beta, tolerance=1e-3, max_steps=50).value
    return np.round(255 * np.clip(anchor[0], 0, 1)).astype(int)


@pytest.fixture
def deblur(rp_gan, tmp_path, monkeypatch):
    """Runs the command in a folder that holds blur/x.png."""
    monkeypatch.chdir(tmp_path)
    Path("blur").mkdir()
    Image.fromarray(blurred()).save("blur/x.png")

    def run(*arguments, model=rp_gan, out="out"):
        return main(["deblur", *arguments, "--out", out, "--model", str(model)])

    return run


def report_of(capsys):
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    return report, report["files"][0], captured.err


def test_the_loop_runs_and_everything_is_written_and_told(deblur, rp_gan, capsys):
    options = ["--flow", "--confidence", "--compare", "--json"]
    assert deblur("blur", *options) == 0
    assert np.abs(pixels("out/x.png") - repeatedly_deconvolved(blurred())).max() <= 1
    np.testing.assert_array_equal(read_flow("out/x.flow.npz"), field(40, 56))  # canonical
    assert sorted(os.listdir("out")) == [
        "x.compare.png", "x.confidence.png", "x.flow.npz", "x.flow.png", "x.png"
    ]  # fmt: skip
    report, file, err = report_of(capsys)
    assert report["model"] == str(rp_gan) and "known_flow" not in report
    assert (file["flow"], file["passes"], file["levels"]) == ("out/x.flow.npz", 1, 2)
    assert (file["status"], file["converged"], file["remark"]) == ("done", True, "")
    assert file["steps"] > 2 and 0 < file["residual"] <= 1e-3 and 0.3 < file["confidence"] <= 1
    assert f"confidence {file['confidence']:.2f})" in err
    # Five panels of 280 pixels: blurred and two levels.
    assert 5 * 280 < pixels("out/x.compare.png").shape[1] < 7 * 280
    assert deblur("blur", *options) == 0
    assert report_of(capsys)[1]["status"] == "skipped"


def test_levels_and_passes(deblur, capsys):
    assert deblur("blur", "--levels", "1", "--json") == 0
    _, file, err = report_of(capsys)
    assert (file["levels"], file["passes"]) == (1, 1) and "flow" not in file
    assert "confidence 0." in err  # also without the option
    assert np.abs(pixels("out/x.png") - repeatedly_deconvolved(blurred(), BETAS[:1])).max() <= 1
    options = ["--passes", "2", "--no-early-stop", "--compare", "--json"]
    assert deblur("blur", *options, out="twice") == 0
    file = report_of(capsys)[1]
    assert file["passes"] == 2 and pixels("twice/x.compare.png").shape[0] > 2 * 400
    assert deblur("blur", "--levels", "3", out="more") == 3
    assert "`levels` must be 1 to 2" in capsys.readouterr().err


def test_a_known_flow_takes_the_place_of_the_estimate(deblur, capsys):
    write_flow("own.npz", np.array(field(40, 56, (0, 3))))
    options = ["--known-flow", "own.npz", "--flow", "--flow-format", "flo", "--json"]
    assert deblur("blur", *options) == 0
    wanted = repeatedly_deconvolved(blurred(), motion=(0, 3))
    assert np.abs(pixels("out/x.png") - wanted).max() <= 1
    np.testing.assert_array_equal(read_flow("out/x.flow.flo"), field(40, 56, (0, 3)))
    report, file, _ = report_of(capsys)
    assert report["known_flow"] == "own.npz" and report["model"] and file["levels"] == 2


def test_what_an_earlier_run_did_not_write_is_added(deblur, capsys):
    assert deblur("blur") == 0
    before = os.stat("out/x.png").st_mtime_ns
    capsys.readouterr()
    assert deblur("blur", "--confidence") == 0
    assert "already done, left as it was; added x.confidence.png" in capsys.readouterr().err
    assert os.stat("out/x.png").st_mtime_ns == before and Path("out/x.confidence.png").is_file()


def test_an_unsolved_photograph_is_kept_and_told_with_its_residual(deblur, capsys):
    assert deblur("blur", "--max-steps", "1", "--json") == 5
    report, file, err = report_of(capsys)
    assert file["status"] == "not converged" and file["residual"] > 1e-3
    assert report["totals"]["not converged"] == 1 and report["exit_code"] == 5
    assert f"{file['residual']:.3g}" in err and "1 restored, but not converged, in " in err
    assert pixels("out/x.png").shape == (40, 56, 3)
    assert deblur("blur", "--max-steps", "1", "--tolerance", "0.9", "--overwrite") == 0


def test_videos_are_restored_and_what_is_not_written_is_said(deblur, capsys):
    writer = cv2.VideoWriter("clip.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (56, 40))
    for _ in range(2):
        writer.write(blurred()[..., ::-1].copy())
    writer.release()
    assert deblur("clip.avi", "--flow", "--confidence", "--compare", "--json") == 0
    _, file, err = report_of(capsys)
    assert file["frames"] == 2 and file["flow"] is None and 0 < file["confidence"] <= 1
    assert "no files of --flow and --confidence are written" in err
    assert sorted(os.listdir("out")) == ["clip.avi", "clip.compare.png"]


def test_sizes_and_kinds_are_kept(deblur):
    Path("p").mkdir()
    images = {
        "one.png": levels(1, 1),
        "thin.png": levels(2, 70),
        "gray.png": levels(9, 12, 1)[..., 0],
        "alpha.png": levels(9, 12, 4),
        "deep.png": levels(9, 12, 3, np.uint16),
    }
    for name, image in images.items():
        cv2.imwrite(f"p/{name}", image)
    assert deblur("p", "--flow", "--confidence", "--compare") in (0, 5)
    for name in images:
        before, after = pixels(f"p/{name}"), pixels(f"out/{name}")
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert read_flow(f"out/{Path(name).stem}.flow.npz").shape[:2] == before.shape[:2]


def test_networks_of_the_paper_run(deblur, tmp_path, capsys):
    import keras

    from tfdeblur.networks import SEN, RPGANGenerator

    keras.utils.set_random_seed(0)
    (tmp_path / "run").mkdir()
    SEN(width=0.03, stacks=1).save("run/sen.keras")
    RPGANGenerator(width=0.06).save("run/generator.keras")
    Path("run/pipeline.json").write_text(json.dumps({"betas": BETAS}))
    code = deblur("blur", "--flow", "--confidence", "--compare", "--json", model="run")
    file = report_of(capsys)[1]
    # Weights that were not trained may give nonsense, which is then told and not written.
    assert (code, file["status"]) in ((0, "done"), (5, "degenerate"), (5, "not converged"))
    assert pixels("out/x.png").shape == (40, 56, 3) and 0 <= file["confidence"] <= 1
    assert Path("out/x.flow.npz").is_file() and Path("out/x.compare.png").is_file()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--self-ensemble"], "--self-ensemble: works with --model only, and not with RP-GAN"),
        (["--beta", "0.1"], "--beta: works with --known-flow only, without --model"),
        (["--known-flow", "f", "--beta", "0.1"], "--beta: works with --known-flow only, without"),
        (["--rasterizer", "fspecial"], "--rasterizer: works with --known-flow only, without"),
        (["--flow-format", "flo"], "--flow-format: works with --flow only"),
        (["--levels", "0"], "--levels: must be at least 1, not 0"),
    ],
)
def test_options_that_mean_nothing_for_rp_gan(options, says, deblur, monkeypatch, capsys):
    # Said before anything is loaded.
    monkeypatch.setattr("tfdeblur.restorers.blind.load.load_blind", None)
    with pytest.raises(SystemExit) as end:
        deblur("blur", *options)
    assert end.value.code == 2 and says in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--flow"], "--flow: works with RP-GAN models and --known-flow only"),
        (["--confidence"], "--confidence: works with RP-GAN models only (folders that hold"),
        (["--levels", "2"], "--levels: works with RP-GAN models only"),
        (["--no-early-stop"], "--no-early-stop: works with RP-GAN models only"),
        (["--known-flow", "f"], "--known-flow: this model restores without any motion flow"),
        (["--max-steps", "9"], "--max-steps: works with --known-flow only, or with an RP-GAN"),
        (["--tolerance", "1e-3"], "--tolerance: works with --known-flow only, or with an RP-GAN"),
    ],
)
def test_options_that_mean_nothing_for_other_networks(options, says, deblur, affine_model, capsys):
    with pytest.raises(SystemExit) as end:
        deblur("blur", *options, model=affine_model)
    assert end.value.code == 2 and says in capsys.readouterr().err


def test_a_model_that_is_not_there_is_not_called_one_of_the_wrong_kind(deblur, capsys):
    assert deblur("blur", "--flow", "--confidence", model="gone") == 3
    assert "No model 'gone': it must be a preset" in capsys.readouterr().err


def _without(name):
    return lambda run: os.unlink(run / name)


def _instead(name, text):
    return lambda run: (run / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_without("sen.keras"), "no sen.keras"),
        (_without("generator.keras"), "no generator.keras"),
        (_instead("sen.keras", "no zip"), "sen.keras cannot be loaded as a Keras model"),
        (_instead("pipeline.json", "{"), "pipeline.json cannot be read as settings of RP-GAN"),
        (_instead("pipeline.json", '{"betas": []}'), "`betas` must be numbers > 0"),
        (_instead("pipeline.json", '{"betas": [1], "beta": 2}'), "Unknown keys ['beta']"),
        (lambda run: os.replace(run / "generator.keras", run / "sen.keras"), "no generator.keras"),
    ],
)
def test_damaged_models_are_named(damage, says, deblur, rp_gan, tmp_path, capsys):
    run = tmp_path / "damaged"
    run.mkdir()
    for path in rp_gan.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    damage(run)
    assert deblur("blur", model=run) == 4
    captured = capsys.readouterr()
    assert says in captured.err and "Traceback" not in captured.err


BAD_FLOWS = {
    "of another size": (np.zeros((5, 6, 2)), "does not fit the image: that is 56x40 pixels"),
    "with nan": (np.full((40, 56, 2), np.nan), "must be known and finite everywhere"),
    "far too long": (np.full((40, 56, 2), 9000.0), "holds a motion of 9000 pixels"),
}


@pytest.mark.parametrize("kind", BAD_FLOWS)
def test_bad_flows_cost_one_file(kind, deblur, capsys):
    bad, says = BAD_FLOWS[kind]
    Path("flows").mkdir()
    np.savez("flows/x.npz", flow=bad.astype("float32"))
    Image.fromarray(levels(6, 7)).save("blur/y.png")
    write_flow("flows/y.npz", np.zeros((6, 7, 2)))
    before = contents(Path("blur"))
    assert deblur("blur", "--known-flow", "flows", "--flow", "--confidence") == 3
    assert says in capsys.readouterr().err and contents(Path("blur")) == before
    assert sorted(os.listdir("out")) == [
        "y.confidence.png", "y.flow.npz", "y.flow.png", "y.png"
    ]  # fmt: skip
