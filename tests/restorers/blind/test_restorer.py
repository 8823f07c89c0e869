"""BlindRestorer: kinds and sizes, tiles, precision, the user's own flow, bad input."""

import contextlib
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import picture
from tests.restorers.makers import KEEP, LOCAL, MOTION, SEN, SETTINGS, Network, blurred
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.flow_files import write_flow
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers import tiled
from tfdeblur.restorers.blind import one_pass as blind
from tfdeblur.restorers.blind import restorer as blind_restore
from tfdeblur.restorers.blind.one_pass import BlindSettings, blind_pass, cleaner, estimator
from tfdeblur.restorers.blind.restorer import BlindRestorer


@pytest.fixture(scope="module")
def restorer():
    return BlindRestorer(SEN, LOCAL, SETTINGS)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 9, 3), (2, 7, 9, 3)])
def test_the_same_kind_out(restorer, dtype, shape):
    image = blurred(7, 9) * np.ones(shape, "float32")
    if dtype.startswith("uint"):
        image = np.round(image * np.iinfo(dtype).max)
    restored = restorer(image.astype(dtype))
    assert restored.image.dtype == dtype and restored.image.shape == shape
    assert restored.flow.shape == (*shape[:-1], 2) and restored.flow.dtype == np.float32
    assert restored.confidence.shape == shape[:-1]
    assert restored.seconds > 0 and restored.stages == () and restored.remark == ""
    numbers = (restored.passes, restored.converged, restored.degenerate)
    each = (1, True, False)
    assert numbers == (each if len(shape) == 3 else tuple((value,) * 2 for value in each))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (65, 64)])
def test_every_size(restorer, size):
    restored = restorer(blurred(*size))
    assert restored.image.shape == (*size, 3) and not restored.degenerate


def test_is_the_blind_pass_clipped_once(restorer):
    image = blurred()
    wanted = blind_pass(image[None], estimator(SEN), cleaner(LOCAL), SETTINGS)
    restored = restorer(image, keep_stages=True)
    np.testing.assert_allclose(restored.image, np.clip(wanted.image[0], 0, 1), atol=1e-5)
    np.testing.assert_array_equal(restored.flow, wanted.flow[0])
    np.testing.assert_allclose(restored.confidence, wanted.confidence[0], atol=1e-4)
    assert restored.score == pytest.approx(float(wanted.score[0]), abs=1e-4) and restored.score > 0
    assert restored.steps == np.sum(wanted.steps)
    assert restored.residual == pytest.approx(np.max(wanted.residual), rel=1e-2)
    assert [(stage.number, stage.level) for stage in restored.stages] == [(1, 1), (1, 2)]
    for stage, level in zip(restored.stages, wanted.levels, strict=True):
        np.testing.assert_allclose(stage.deconvolved, np.clip(level[0][0], 0, 1), atol=1e-5)
        np.testing.assert_allclose(stage.restored, np.clip(level[1][0], 0, 1), atol=1e-5)
    np.testing.assert_array_equal(restored.stages[-1].restored, restored.image)


def test_integers_are_rounded_once_and_stages_are_of_their_kind():
    image = np.round(255 * blurred()).astype("uint8")
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=2)
    restored, exact = restorer(image, keep_stages=True), restorer(image / np.float32(255))
    np.testing.assert_allclose(restored.image, 255 * exact.image, atol=0.51)
    assert all(stage.restored.dtype == np.uint8 for stage in restored.stages)


def test_a_batch_is_its_images(restorer):
    batch = np.stack([blurred(seed=seed) for seed in range(3)])
    alone, together = [restorer(image) for image in batch], restorer(batch)
    for name in ("image", "flow", "confidence"):
        np.testing.assert_array_equal(
            getattr(together, name), [getattr(one, name) for one in alone]
        )
    for name in ("score", "steps", "residual", "converged", "passes"):
        assert getattr(together, name) == tuple(getattr(one, name) for one in alone)


@pytest.fixture
def narrow_overlap(monkeypatch):
    """SEN's tiles may be as small as the generator's: small images then have several."""
    monkeypatch.setattr(blind_restore, "SEN_OVERLAP", 64)


def test_tiles_equal_the_whole(narrow_overlap):
    sen = Network(lambda x: 20 * tf.nn.avg_pool2d(x, 9, 1, "SAME")[..., :2] - 9, size_multiple=64)
    image = blurred(150, 330)
    whole = BlindRestorer(sen, LOCAL, SETTINGS)(image)
    restorer = BlindRestorer(sen, LOCAL, SETTINGS, tile=160)
    plan = restorer.plan(150, 330)
    assert plan.sen.tiles > 1 and plan.generator.tiles > 2
    tiles = restorer(image)
    np.testing.assert_allclose(tiles.flow, whole.flow, atol=1e-5)
    np.testing.assert_allclose(tiles.image, whole.image, atol=1e-4)


def test_sen_takes_no_tiles_smaller_than_its_overlap():
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, tile=160)
    assert restorer.sen.tile == 2 * blind_restore.SEN_OVERLAP + 64
    assert restorer.generator.tile == 160
    assert BlindRestorer(SEN, KEEP, SETTINGS, tile=800).sen.tile == 800


def test_tiles_of_opposite_signs_are_one_motion(narrow_overlap):
    """Nearly vertical motions: the mean of (u, v) and (-u, -v) would be none."""
    calls = []

    def either_sign(image):
        sign = tf.py_function(lambda: calls.append(1) or (-1.0) ** len(calls), [], tf.float32)
        return sign * (tf.zeros_like(image[..., :2]) + (0.2, 9.0))

    restorer = BlindRestorer(Network(either_sign, 64), KEEP, SETTINGS, tile=160)
    flow = restorer(blurred(40, 450, flow=(0, 9))).flow
    assert len(calls) > 2
    np.testing.assert_allclose(flow, np.zeros((40, 450, 2)) + (0.2, 9.0), atol=1e-5)


def test_networks_share_the_budget_with_the_operator(monkeypatch):
    asked = []

    class Blur(MotionBlur):
        def __init__(self, *arguments, memory_budget_bytes):
            asked.append(memory_budget_bytes)
            super().__init__(*arguments)

    monkeypatch.setattr(blind, "MotionBlur", Blur)
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, memory_budget_bytes=3_000_000)
    restorer(blurred())
    assert asked == [1_000_000]
    assert restorer.sen.memory_budget_bytes == restorer.generator.memory_budget_bytes == 2_000_000


def test_only_the_networks_run_in_bfloat16(monkeypatch):
    inside, seen = [], {"network": set(), "solver": set()}

    @contextlib.contextmanager
    def arithmetic(precision):
        assert precision == "bfloat16"
        inside.append(1)
        yield
        inside.pop()

    class Blur(MotionBlur):
        def apply(self, image):
            seen["solver"].add(len(inside))
            return super().apply(image)

    def spy(images):
        tf.py_function(lambda: seen["network"].add(len(inside)), [], [])
        return images[..., :3]

    monkeypatch.setattr(tiled, "arithmetic", arithmetic)
    monkeypatch.setattr(blind, "MotionBlur", Blur)
    BlindRestorer(SEN, Network(spy), SETTINGS, precision="bfloat16")(blurred())
    assert seen == {"network": {1}, "solver": {0}}


def test_levels_are_the_first_betas():
    image = blurred()
    one = BlindRestorer(SEN, KEEP, SETTINGS, levels=1)(image)
    wanted = BlindRestorer(SEN, KEEP, BlindSettings(SETTINGS.betas[:1]))(image)
    np.testing.assert_array_equal(one.image, wanted.image)


@pytest.mark.parametrize("kind", ["array", "npz", "flo"])
def test_a_users_own_flow_takes_the_place_of_sen(tmp_path, kind):
    def refuse(image):
        raise RuntimeError("SEN was asked")

    image = blurred()
    wanted = BlindRestorer(SEN, KEEP, SETTINGS)(image)
    flow = -np.broadcast_to(np.float32(MOTION), (24, 32, 2))
    if kind != "array":
        write_flow(tmp_path / f"own.{kind}", flow)
        flow = tmp_path / f"own.{kind}"
    restored = BlindRestorer(Network(refuse, 64), KEEP, SETTINGS)(image, flow=flow)
    np.testing.assert_array_equal(restored.image, wanted.image)
    np.testing.assert_array_equal(restored.flow, wanted.flow)


IMAGE, FLOW = picture(24, 32), np.zeros((24, 32, 2), "float32")
ROWS = {
    "nan": ({"flow": FLOW * np.nan}, "`flow` must be finite. Received: 1536 NaN"),
    "size": ({"flow": FLOW[:, 1:]}, "`flow` does not fit the image: that is 32x24 pixels"),
    "long": ({"flow": FLOW + 5000}, "`flow` holds a motion of 5000 pixels"),
    "text": ({"flow": [["a"]]}, "`flow` must be an array of shape (height, width, 2)"),
    "batch": ({"image": IMAGE[None], "flow": FLOW}, "`flow` and `keep_stages` are for one"),
    "stages": ({"image": IMAGE[None], "keep_stages": True}, "image.shape=(1, 24, 32, 3)"),
    "0..255": ({"image": 255 * IMAGE}, "`image` must be in [0, 1]"),
    "image nan": ({"image": IMAGE * np.nan}, "`image` must be finite"),
    "gray": ({"image": IMAGE[..., 0]}, "Received: shape=(24, 32)"),
}


@pytest.mark.parametrize("changed, says", ROWS.values(), ids=list(ROWS))
def test_bad_arguments_are_named(restorer, changed, says):
    with pytest.raises(InvalidInput, match=re.escape(says)):
        restorer(**{"image": IMAGE, **changed})


def test_a_missing_flow_file_is_named(restorer):
    with pytest.raises(DataError, match="gone.npz"):
        restorer(IMAGE, flow="gone.npz")


OPTIONS = {
    "passes": ({"passes": 0}, "`passes` must be at least 1. Received: passes=0"),
    "half": ({"passes": 1.5}, "passes=1.5"),
    "levels": ({"levels": 3}, "`levels` must be 1 to 2, as many as there are `betas`"),
    "none": ({"levels": 0}, "levels=0"),
    "tile": ({"tile": 64}, "`tile` must be at least 160 pixels"),
    "precision": ({"precision": "float16"}, "precision='float16'"),
}


@pytest.mark.parametrize("options, says", OPTIONS.values(), ids=list(OPTIONS))
def test_bad_options_are_named(options, says):
    with pytest.raises(InvalidInput, match=re.escape(says)):
        BlindRestorer(SEN, KEEP, SETTINGS, **options)
