"""Experiments: their numbers against the solvers and restorers that they are made of."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from tests.evaluation.makers import FLOW, constant_sen, mixing_generator, write_model, write_pairs
from tests.helpers import noise
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation.experiments.artifact_penalty import ArtifactPenalty
from tfdeblur.evaluation.experiments.base import run_experiment
from tfdeblur.evaluation.experiments.cases import find_cases
from tfdeblur.evaluation.experiments.confidence import Confidence, pearson, ranks, spearman
from tfdeblur.evaluation.experiments.global_iterations import GlobalIterations
from tfdeblur.evaluation.experiments.levels import Levels
from tfdeblur.evaluation.experiments.models import Model, continued, load_model
from tfdeblur.evaluation.experiments.oracle import Oracle, flow_errors
from tfdeblur.metrics import psnr_rgb_u8
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.solvers import deconvolve

BETAS = (0.05, 0.1)


@functools.cache  # each traces its networks once
def model(part=1.0, flow=FLOW):
    settings = BlindSettings(BETAS)
    networks = constant_sen(flow), mixing_generator(part)
    return Model(BlindRestorer(*networks, settings, early_stop=False), settings.to_json())


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs")


def run(experiment, pairs, out, **options):
    return run_experiment(experiment, find_cases(str(pairs), **options), out)


def psnr(sharp, image):
    return float(psnr_rgb_u8(sharp, np.asarray(image, "float32"))[0])


def test_levels_are_those_of_the_solver(pairs, tmp_path):
    report = run(Levels(model()), pairs, tmp_path / "out")
    assert [image.name for image in report.images] == ["photo-0", "photo-1"]
    K = MotionBlur(np.broadcast_to(np.float32(FLOW), (24, 32, 2)))
    for case, image in zip(find_cases(str(pairs)), report.images, strict=True):
        case = case[1]()
        observed = anchor = case.blurred[None]
        assert image.rows["blurred"]["psnr_rgb_u8"] == pytest.approx(psnr(case.sharp, observed[0]))
        for number, beta in enumerate(BETAS, start=1):
            anchor = deconvolve(K, observed, anchor, beta, tolerance=1e-3, max_steps=50).value
            expected = psnr(case.sharp, anchor[0])
            for what in ("", " deconvolved"):  # the generator hands on what it is given
                found = image.rows[f"level {number}{what}"]["psnr_rgb_u8"]
                assert found == pytest.approx(expected, abs=0.02)
    assert report.mean("level 2", "psnr_rgb_u8") > report.mean("blurred", "psnr_rgb_u8") + 2
    assert report.is_complete and not report.notes


def test_cleaning_stands_apart_from_deconvolution(pairs, tmp_path):
    """A generator that only returns the observed image leaves each level blurred."""
    report = run(Levels(model(part=0.0)), pairs, tmp_path / "out", limit=1)
    rows = report.images[0].rows
    assert rows["level 1"] == rows["level 2"] == rows["blurred"]
    assert rows["level 1 deconvolved"]["psnr_rgb_u8"] > rows["blurred"]["psnr_rgb_u8"] + 2


def test_schedules_are_continued_by_their_last_ratio():
    assert continued((0.1, 0.2, 0.6), 5) == pytest.approx((0.1, 0.2, 0.6, 1.8, 5.4))
    assert continued((0.1, 0.2, 0.6), 2) == (0.1, 0.2)
    assert continued((0.1,), 3) == (0.1, 0.1, 0.1)


def test_more_levels_than_the_model_has_are_told(tmp_path):
    folder = write_model(tmp_path / "m")
    assert load_model(str(folder)).restorer.settings.betas == BETAS
    assert load_model(str(folder), 1).notes == ()
    more = load_model(str(folder), 4)
    assert more.restorer.settings.betas == pytest.approx((0.05, 0.1, 0.2, 0.4))
    assert "has 2 levels" in more.notes[0] and "0.2, 0.4" in more.notes[0]
    assert Levels(more).notes == more.notes


def test_models_without_levels_are_refused(tmp_path):
    from tfdeblur.networks import BiSkip

    (tmp_path / "run").mkdir()
    BiSkip(variant="S", width=0.05).save(tmp_path / "run" / "generator.keras")
    with pytest.raises(InvalidInput, match="must be an RP-GAN.*it has neither levels"):
        load_model(str(tmp_path / "run"))
    with pytest.raises(InvalidInput, match="No model 'nothing'"):
        load_model("nothing")


def test_passes_are_those_of_the_restorer(pairs, tmp_path):
    one = model(part=0.9)
    restorer = one.restorer
    three = BlindRestorer(
        constant_sen(), mixing_generator(0.9), restorer.settings, passes=3, early_stop=False
    )
    report = run(GlobalIterations(one, 3), pairs, tmp_path / "out", limit=1)
    rows = report.images[0].rows
    assert list(rows) == ["blurred", "pass 1", "pass 2", "pass 3"]
    case = next(iter(find_cases(str(pairs))))[1]()
    assert rows["pass 3"]["psnr_rgb_u8"] == psnr(case.sharp, three(case.blurred).image)
    assert rows["pass 1"]["psnr_rgb_u8"] == psnr(case.sharp, restorer(case.blurred).image)
    assert rows["pass 1"]["score"] == pytest.approx(restorer(case.blurred).score)
    seconds = [rows[f"pass {i}"]["seconds"] for i in (1, 2, 3)]
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    assert rows["pass 2"]["flow_length"] == pytest.approx(np.hypot(*FLOW))
    assert report.references[0].rows["pass 3"]["psnr_rgb_u8"] == 31.25


def test_oracle_equals_the_estimate_where_that_is_right(pairs, tmp_path):
    opposite = tuple(-component for component in FLOW)  # the same blur
    report = run(
        Oracle(model(flow=opposite), [0.05, 10.0]), pairs, tmp_path / "out", flows=True, limit=1
    )
    rows = report.images[0].rows
    true = {name: row for name, row in rows.items() if name.startswith("true flow")}
    assert len(true) == 2 + 4
    for name, row in true.items():
        assert rows[name.replace("true", "estimated")] == row
    assert set(rows["estimated flow"].values()) == {0.0}
    best = report.summary["best beta alone, true flow"]
    assert best["beta"] == 0.05  # 10 leaves the image nearly as it was
    assert best["psnr_rgb_u8"] == report.mean(
        "true flow, deconvolution alone, beta 0.05", "psnr_rgb_u8"
    )


def test_oracle_tells_the_errors_of_the_estimate(pairs, tmp_path):
    report = run(
        Oracle(model(flow=(8.0, 6.0)), [0.05]), pairs, tmp_path / "out", flows=True, limit=1
    )
    errors = report.images[0].rows["estimated flow"]
    assert errors["flow_mse"] == pytest.approx((3**2 + 4**2) / 2)
    assert errors["end_point_error"] == errors["sign_free_epe"] == pytest.approx(5)
    levels = [report.mean(f"{flow} flow, level 1", "psnr_rgb_u8") for flow in ("true", "estimated")]
    assert levels[0] > levels[1] + 1


def test_oracle_says_so_where_the_true_flow_has_other_betas():
    plain = model()
    assert Oracle(plain, [0.05]).notes == ()
    settings = {**plain.settings, "known_betas": [0.001, 0.002]}
    (note,) = Oracle(dataclasses.replace(plain, settings=settings), [0.05]).notes
    assert "0.001, 0.002 with the true flow" in note
    assert f"{BETAS[0]:g}, {BETAS[1]:g} with the estimated one" in note


def test_sign_free_errors_do_not_see_the_sign():
    """(0.1, 9) and its canonical opposite of (-0.1, 9) are nearly one blur."""
    true, estimated = (np.broadcast_to(np.float32(v), (4, 5, 2)) for v in ((0.1, 9), (-0.1, 9)))
    errors = flow_errors(true, estimated)
    assert errors["end_point_error"] == pytest.approx(18)
    assert errors["sign_free_epe"] == pytest.approx(0.2, abs=1e-4)


def test_two_models_stand_side_by_side(pairs, tmp_path):
    models = {"with": model(part=0.5), "without": model(part=1.0)}
    report = run(ArtifactPenalty(models, **{"without": "b"}), pairs, tmp_path / "out", limit=1)
    for name, one in models.items():
        alone = run(Levels(one), pairs, tmp_path / name, limit=1).images[0].rows
        for level in ("level 1", "level 2", "level 1 deconvolved"):
            assert report.images[0].rows[f"{name}, {level}"] == alone[level]
    assert report.settings == {"size": 0, **models["with"].settings, "without": "b"}
    other = dataclasses.replace(models["without"], settings={"betas": [9.0], "tolerance": 1e-3})
    both = ArtifactPenalty({"with": models["with"], "without": other}).settings
    assert both == {**models["with"].settings, "betas without": [9.0]}
    added = report.summary["dB from the first level to the last, with"]
    rows = report.images[0].rows
    assert added == pytest.approx(
        rows["with, level 2"]["psnr_rgb_u8"] - rows["with, level 1"]["psnr_rgb_u8"]
    )


def test_confidence_stands_beside_the_true_gain(pairs, tmp_path):
    report = run(Confidence(model()), pairs, tmp_path / "out")
    for image in report.images:
        after, before = image.rows["restored"], image.rows["blurred"]
        assert after["gain_db"] == pytest.approx(after["psnr_rgb_u8"] - before["psnr_rgb_u8"])
        assert 0.5 < after["score"] <= 1  # the flow is right
    assert abs(report.summary["pearson"]) == pytest.approx(1)  # of two points
    assert np.asarray(Image.open(tmp_path / "out" / "confidence-scatter.png")).ndim == 3


def test_correlations_are_scipys():
    x, y = noise(40, seed=1), noise(40, seed=2)
    y = y + x
    assert pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, rel=1e-5)
    ties = np.round(x)
    assert len(set(ties)) < 10
    assert spearman(ties, y) == pytest.approx(scipy.stats.spearmanr(ties, y).statistic)
    np.testing.assert_array_equal(ranks(ties), scipy.stats.rankdata(ties))
    assert spearman(x, np.exp(3 * x)) == pytest.approx(1)
    assert spearman(x, -(x**3)) == pytest.approx(-1)


def test_correlations_that_do_not_exist_are_nan():
    for x, y in (([], []), ([1.0], [2.0]), ([1.0, 1.0], [2.0, 3.0]), ([1.0, np.inf], [2.0, 3.0])):
        assert np.isnan(pearson(x, y)) and np.isnan(spearman(x, y))
    assert pearson([1, 2, np.nan, 3], [1, 2, 9, 3]) == pytest.approx(1)


def test_results_are_written_after_every_image(pairs, tmp_path):
    """What an interruption leaves behind is whole, and says that it is not all."""
    found = []

    def stop(report, fraction):
        if len(report.images) == 1 and fraction == 0:
            found.append(json.loads((tmp_path / "out" / "levels.json").read_text()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(Levels(model()), find_cases(str(pairs)), tmp_path / "out", stop)
    assert len(found[0]["images"]) == 1 and found[0]["complete"] is False
    assert (tmp_path / "out" / "panels" / "photo-0.png").is_file()


def test_a_bad_pair_costs_its_own_numbers(pairs, tmp_path):
    (pairs / "sharp" / "photo-0.png").write_bytes(b"no image")
    report = run(Levels(model()), pairs, tmp_path / "out")
    assert [bad.name for bad in report.failures] == ["photo-0"] and not report.is_complete
    assert [image.name for image in report.images] == ["photo-1"]


def test_unusable_output_counts_as_the_blurred_image(pairs, tmp_path):
    """A generator of NaN: the input is kept, and no mean leaves the image out."""
    report = run(Levels(model(part=np.nan)), pairs, tmp_path / "out", limit=1)
    image = report.images[0]
    assert image.degenerate and "left as it was" in image.remarks[0]
    assert image.rows["level 2"] == image.rows["blurred"]
    assert "output for 1 image; the blurred one was counted" in report.facts()


def test_solves_that_do_not_converge_are_remarks(pairs, tmp_path):
    settings = BlindSettings((1e-4,), tolerance=1e-6, max_steps=2)
    restorer = BlindRestorer(constant_sen(), mixing_generator(), settings)
    report = run(Levels(Model(restorer)), pairs, tmp_path / "out", limit=1)
    assert "not converged" in report.images[0].remarks[0] and not report.images[0].degenerate


def test_centres_of_images(pairs):
    whole = next(iter(find_cases(str(pairs), flows=True)))[1]()
    part = next(iter(find_cases(str(pairs), flows=True, size=12)))[1]()
    place = slice(6, 18), slice(10, 22)
    for name in ("blurred", "sharp", "flow"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[place])
    assert next(iter(find_cases(str(pairs), size=28)))[1]().sharp.shape == (24, 28, 3)


@pytest.mark.parametrize("size", [-1, 1, 10])
def test_parts_too_small_for_ssim_are_refused(pairs, size):
    with pytest.raises(InvalidInput, match=f"`size` must be 0 .* Received: size={size}"):
        find_cases(str(pairs), size=size)


def test_flows_are_asked_for(pairs, tmp_path):
    for path in (pairs / "flow").iterdir():
        path.unlink()
    (pairs / "flow").rmdir()
    with pytest.raises(DataError, match="pairs with their flows.*holds no flow"):
        find_cases(str(pairs), flows=True)
    with pytest.raises(DataError, match="no such folder"):
        find_cases(str(tmp_path / "no"), flows=True)


@pytest.mark.parametrize(
    "option", [{"patterns": ("a/*.png", "b/*.png")}, {"white_level": 1023}], ids=str
)
def test_with_flows_options_of_pairs_are_refused(option, tmp_path):
    with pytest.raises(InvalidInput, match="Leave it out"):
        find_cases(str(tmp_path), flows=True, **option)
