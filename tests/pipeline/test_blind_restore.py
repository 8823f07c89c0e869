"""BlindRestorer: kinds and sizes, tiles, passes and their end, what it reports, bad input."""

import contextlib
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise, picture
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.flow_files import write_flow
from tfdeblur.operators import MotionBlur
from tfdeblur.pipeline import blind, blind_restore, tiled
from tfdeblur.pipeline.blind import BlindSettings, blind_pass, cleaner, estimator
from tfdeblur.pipeline.blind_restore import BlindRestorer, NotConvergedWarning
from tfdeblur.pipeline.restore import DegenerateOutputWarning

SETTINGS = BlindSettings((0.02, 0.05))
MOTION = (6.0, -3.0)


class Network:
    """Stands for a network: a function of the image."""

    def __init__(self, function, size_multiple=4):
        self.function = function
        self.size_multiple = size_multiple

    def __call__(self, image, training):
        return self.function(image)


def motion(u, v):
    """A SEN that sees the same motion everywhere."""
    return Network(lambda image: tf.zeros_like(image[..., :2]) + (u, v), size_multiple=64)


SEN = motion(*MOTION)
KEEP = Network(lambda images: images[..., :3])  # what was deconvolved
LOCAL = Network(  # sees a few pixels of both images
    lambda images: 0.8 * images[..., :3] + 0.2 * tf.nn.avg_pool2d(images[..., 3:], 5, 1, "SAME")
)


def blurred(height=24, width=32, seed=0, flow=MOTION):
    sharp = np.clip(picture(height, width, seed=seed) + 0.08 * noise(height, width, 3), 0, 1)
    field = np.broadcast_to(np.float32(flow), (height, width, 2))
    return MotionBlur(field).apply(sharp[None])[0].numpy()


@pytest.fixture(scope="module")
def restorer():
    return BlindRestorer(SEN, LOCAL, SETTINGS)


def scripted(restorer, monkeypatch, *, flows=None, results=None):
    """Lets the networks return these, call by call."""

    def replay(values):
        values = iter(values)
        return lambda image, plan, after_tile: after_tile() or next(values)(image)

    for network, values in ((restorer.sen, flows), (restorer.generator, results)):
        if values is not None:
            monkeypatch.setattr(network, "in_tiles", replay(values))
    return restorer


def still(length):
    """A constant flow to the right, as `scripted` takes it."""
    return lambda image: np.zeros((*image.shape[:2], 2), "float32") + np.float32([length, 0])


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
    assert asked == [1_500_000]
    assert restorer.sen.memory_budget_bytes == restorer.generator.memory_budget_bytes == 1_500_000


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


def test_a_further_pass_takes_the_result_of_the_last(restorer):
    image = blurred()
    twice = BlindRestorer(SEN, LOCAL, SETTINGS, passes=2, early_stop=False)
    restored = twice(image, keep_stages=True)
    first = restorer(image)
    second = restorer(first.image)
    np.testing.assert_allclose(restored.image, second.image, atol=1e-5)
    # What is said of the blur is said of the photograph.
    np.testing.assert_array_equal(restored.confidence, first.confidence)
    assert (restored.passes, restored.score) == (2, first.score)
    assert restored.steps == first.steps + second.steps
    numbers = [(stage.number, stage.level) for stage in restored.stages]
    assert numbers == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_stops_where_nothing_moves_any_more(monkeypatch):
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=3)
    scripted(restorer, monkeypatch, flows=[still(6), still(1.5), still(0.5)])
    restored = restorer(blurred(flow=(6, 0)))
    assert restored.passes == 2
    assert restored.remark == "stopped after pass 2: 0.5 pixels of motion are left"


def test_stops_where_the_result_explains_nothing(monkeypatch):
    def deconvolved(images):
        return images[..., :3]

    def observed(images):
        return images[..., 3:]

    restorer = BlindRestorer(SEN, KEEP, BlindSettings((0.02,)), passes=3)
    image = blurred()
    scripted(restorer, monkeypatch, results=[observed])
    restored = restorer(image)
    assert (restored.passes, restored.score) == (1, 0.0)
    assert restored.remark.startswith("stopped after pass 1: re-blurring its result explains")
    scripted(restorer, monkeypatch, results=[deconvolved, observed])
    restored = restorer(image)
    assert restored.passes == 1 and restored.score > 0.5
    assert restored.remark.startswith("pass 2 was left out: re-blurring")
    restorer.early_stop = False
    scripted(restorer, monkeypatch, results=[deconvolved, observed, observed])
    restored = restorer(image)
    assert (restored.passes, restored.remark) == (3, "")


def test_what_is_not_converged_is_never_silent():
    settings = BlindSettings((1e-3, 1e-3), tolerance=1e-5, max_steps=2)
    restorer = BlindRestorer(SEN, KEEP, settings)
    with pytest.warns(NotConvergedWarning, match="the image: not converged.*Give more steps"):
        restored = restorer(blurred())
    assert not restored.converged and restored.residual > 1e-5 and restored.steps == 4
    assert f"residual is {restored.residual:.3g} in level" in restored.remark
    assert "after at most 2 steps, the tolerance 1e-05" in restored.remark
    flat = np.full_like(blurred(), 0.5)
    with pytest.warns(NotConvergedWarning, match=r"images \[1\] of the batch"):
        assert restorer(np.stack([flat, blurred()])).converged == (True, False)


NONSENSE = {
    "flow nan": ({"flows": [lambda i: still(1)(i) * np.nan]}, "the estimated motion is not finite"),
    "flow long": ({"flows": [still(1e6)]}, "or above 1000"),
    "result nan": ({"results": [lambda i: i[..., :3] * np.nan]}, "the output is not finite"),
    "result far": ({"results": [lambda i: i[..., :3] + 0.5] * 2}, "too far from the input"),
}


@pytest.mark.parametrize("networks, says", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_of_a_network_returns_the_input(monkeypatch, networks, says):
    restorer = BlindRestorer(SEN, KEEP, BlindSettings((0.02,)), passes=2)
    image = np.round(255 * blurred()).astype("uint8")
    with pytest.warns(DegenerateOutputWarning, match=says):
        restored = scripted(restorer, monkeypatch, **networks)(image, keep_stages=True)
    np.testing.assert_array_equal(restored.image, image)
    assert restored.degenerate is True and says in restored.remark and restored.stages == ()
    assert restored.score == 0 and not restored.confidence.any()
    assert np.isfinite(restored.flow).all() and np.abs(restored.flow).max() < 1000
    assert restored.converged and restored.residual == 0


def test_nonsense_of_a_further_pass_is_left_out(monkeypatch):
    image = blurred()
    once = BlindRestorer(SEN, KEEP, SETTINGS)(image)
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=3)
    flows = [lambda i: still(0)(i) + np.float32(MOTION), lambda i: still(1)(i) * np.nan]
    restored = scripted(restorer, monkeypatch, flows=flows)(image)
    np.testing.assert_array_equal(restored.image, once.image)
    assert (restored.passes, restored.degenerate) == (1, False)
    assert restored.remark.startswith("pass 2 was left out: the estimated motion is not finite")


def test_one_bad_image_of_a_batch():
    bright = Network(
        lambda x: tf.where(tf.reduce_max(x, (1, 2, 3), True) > 0.99, np.nan, x)[..., :3]
    )
    restorer = BlindRestorer(SEN, bright, SETTINGS)
    batch = np.stack([0.5 * blurred(), np.ones((24, 32, 3), "float32")])
    with pytest.warns(DegenerateOutputWarning, match=r"images \[1\] of the batch"):
        restored = restorer(batch)
    assert restored.degenerate == (False, True) and restored.remark.startswith("image 1: left")
    np.testing.assert_array_equal(restored.image[1], batch[1])


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


FLOW = np.zeros((24, 32, 2), "float32")
ROWS = {
    "nan": ({"flow": FLOW * np.nan}, "`flow` must be finite. Received: 1536 NaN"),
    "size": ({"flow": FLOW[:, 1:]}, "`flow` does not fit the image: that is 32x24 pixels"),
    "long": ({"flow": FLOW + 5000}, "`flow` holds a motion of 5000 pixels"),
    "text": ({"flow": [["a"]]}, "`flow` must be an array of shape (height, width, 2)"),
    "batch": ({"image": blurred()[None], "flow": FLOW}, "`flow` and `keep_stages` are for one"),
    "stages": ({"image": blurred()[None], "keep_stages": True}, "image.shape=(1, 24, 32, 3)"),
    "0..255": ({"image": 255 * blurred()}, "`image` must be in [0, 1]"),
    "image nan": ({"image": blurred() * np.nan}, "`image` must be finite"),
    "gray": ({"image": blurred()[..., 0]}, "Received: shape=(24, 32)"),
}


@pytest.mark.parametrize("changed, says", ROWS.values(), ids=list(ROWS))
def test_bad_arguments_are_named(restorer, changed, says):
    with pytest.raises(InvalidInput, match=re.escape(says)):
        restorer(**{"image": blurred(), **changed})


def test_a_missing_flow_file_is_named(restorer):
    with pytest.raises(DataError, match="gone.npz"):
        restorer(blurred(), flow="gone.npz")


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


def progress_of(restorer, *arguments, **options):
    told = []
    restorer(*arguments, **options, progress=lambda done, total: told.append((done, total)))
    return told


def test_progress_counts_tiles_and_solves(monkeypatch):
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=2, tile=160)
    image = blurred(24, 200)
    plan = restorer.plan(24, 200)
    assert (plan.sen.tiles, plan.generator.tiles) == (1, 3)
    total = 2 * (1 + 2 * (1 + 3))
    told = progress_of(restorer, image)
    assert told == [(done, total) for done in range(1, total + 1)]
    known = progress_of(restorer, image, flow=np.zeros((24, 200, 2)) + MOTION)
    assert known == [(done, total - 1) for done in range(1, total)]
    # A row that ends early is done as well.
    scripted(restorer, monkeypatch, flows=[still(6), still(0)])
    told = progress_of(restorer, image)
    assert told[-2:] == [(10, total), (total, total)]
