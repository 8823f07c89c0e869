"""RP-GAN's buffer: exact shares, an order by seed, the same samples however they are made."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.errors import InvalidInput
from tfdeblur.training.replay import ReplayBuffer, split

SHARES = (0.5, 0.3, 0.2)


def stream(start, stop, batch=3):
    """Sample k is k levels bright."""
    for first in range(start, stop, batch):
        numbers = tf.range(first, min(first + batch, stop), dtype=tf.float32)
        image = tf.tile(tf.reshape(numbers, (-1, 1, 1, 1)), (1, 2, 2, 3)) / 255
        yield image, image, image[..., :2]


def first(observed, known):
    # Every sample of an even number has a flow that is known.
    return known, tf.round(255 * observed[:, 0, 0, 0]) % 2 == 0, observed + 1


def further(observed, flow, known, deconvolved, level):
    return deconvolved + level


def filled(size=10, cycle=0, seed=0, shares=SHARES, passes=2):
    buffer = ReplayBuffer(size, shares, batch=3, passes=passes, seed=seed)
    buffer.fill(cycle, buffer.prepare(cycle, stream, first), further)
    return buffer


def epoch(buffer, number=0):
    """Everything of one pass."""
    steps = buffer.steps // buffer.passes
    batches = [buffer.train_batch(number * steps + step) for step in range(steps)]
    return [np.concatenate([batch[i] for batch in batches]) for i in range(3)]


@pytest.mark.parametrize(
    ("size", "shares", "counts"),
    [
        (1000, SHARES, [500, 300, 200]),
        (7, SHARES, [4, 2, 1]),  # 3.5, 2.1, 1.4
        (10, (1.0,), [10]),
        (3, (1 / 3, 1 / 3, 1 / 3), [1, 1, 1]),
        (8, (0.5, 0.0, 0.5), [4, 0, 4]),
    ],
)
def test_shares_are_exact(size, shares, counts):
    assert split(size, shares) == counts
    levels = Counter(ReplayBuffer(size, shares, 1, 1, 0).levels.tolist())
    assert levels == Counter({i + 1: n for i, n in enumerate(counts) if n})


def test_every_sample_has_its_level_and_is_seen_once_a_pass():
    buffer = filled(size=9, cycle=2)
    deconvolved, observed, sharp = epoch(buffer)
    np.testing.assert_array_equal(observed, sharp)
    numbers = np.round(255 * observed[:, 0, 0, 0]).astype(int)
    assert sorted(numbers) == list(range(18, 27))  # filling 2 of 9 samples
    added = np.round(deconvolved - observed)[:, 0, 0, 0]
    expected = {1: 1, 2: 3, 3: 4}
    assert split(9, SHARES) == [5, 3, 1] or split(9, SHARES) == [4, 3, 2]
    for number, more in zip(numbers, added, strict=True):
        assert more == expected[buffer.levels[number - 18]]


def test_order_is_random_by_seed_filling_and_pass():
    def order(number=0, **options):
        return tuple(np.round(255 * epoch(filled(size=30, **options), number)[2][:, 0, 0, 0]))

    assert order() == order()
    assert list(order()) != sorted(order())
    others = order(number=1), order(seed=1)
    assert all(sorted(other) == sorted(order()) for other in others)
    moved = tuple(np.array(order(cycle=1)) - 30)
    assert len({order(), *others, moved}) == 4


def test_what_does_not_fill_whole_batches_is_left_out_of_a_pass_only():
    buffer = filled(size=10, passes=3)
    assert buffer.steps == 9
    seen = np.concatenate([epoch(buffer, number)[2][:, 0, 0, 0] for number in range(3)])
    assert len(seen) == 27 and len(set(np.round(255 * seen))) > 9


def test_stored_values_lose_nothing_that_matters():
    image = np.round(255 * np.clip(0.5 + 0.3 * noise(3, 4, 4, 3), 0, 1)).astype("float32") / 255
    flow = 10 * noise(3, 4, 4, 2)
    beyond = 0.5 + 0.5 * noise(3, 4, 4, 3, seed=1)  # deconvolved images leave [0, 1]
    buffer = ReplayBuffer(3, (1.0,), batch=3, passes=1, seed=0)
    tensors = [tf.constant(array) for array in (image, image, flow)]
    prepared = buffer.prepare(
        0, lambda *_: [tensors], lambda o, k: (k, tf.fill([3], True), tf.constant(beyond))
    )
    np.testing.assert_array_equal(prepared.flow, flow)
    buffer.fill(0, prepared, further)
    order = np.random.default_rng([0, 0, 0]).permutation(3)
    deconvolved, observed, _ = buffer.train_batch(0)
    np.testing.assert_array_equal(observed, image[order])
    assert np.abs(deconvolved - beyond[order]).max() < 1 / 255 / 2


def test_whose_flow_is_known_reaches_the_further_levels():
    buffer, seen = ReplayBuffer(10, SHARES, batch=3, passes=1, seed=0), []

    def recorded(observed, flow, known, deconvolved, level):
        seen.extend(zip(np.round(255 * observed[:, 0, 0, 0]), known.numpy(), strict=True))
        return deconvolved

    buffer.fill(0, buffer.prepare(0, stream, first), recorded)
    assert seen == [(number, number % 2 == 0) for number in range(5, 10)]


def test_progress_counts_all_samples():
    buffer, told = ReplayBuffer(10, SHARES, batch=3, passes=1, seed=0), []
    prepared = buffer.prepare(0, stream, first, lambda *done: told.append(done))
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    told.clear()
    buffer.fill(0, prepared, further, lambda *done: told.append(done))
    assert told == [(8, 10), (10, 10)]


def test_an_empty_buffer_gives_nothing():
    buffer = ReplayBuffer(4, SHARES, batch=2, passes=1, seed=0)
    with pytest.raises(RuntimeError, match="must be filled"):
        buffer.train_batch(0)
    with pytest.raises(RuntimeError, match="step 6 of 6"):
        filled(size=9).train_batch(6)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("size", (2, SHARES, 3, 1, 0)),
        ("batch", (2, SHARES, 0, 1, 0)),
        ("passes", (4, SHARES, 2, 0, 0)),
    ],
)
def test_numbers_that_cannot_be(name, arguments):
    with pytest.raises(InvalidInput, match=f"`{name}` must be at least"):
        ReplayBuffer(*arguments)
