"""Several passes: what is applied, counted, reported, and when the row ends."""

import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.passes import InPasses
from tfdeblur.restorers.protocol import Restored


class Halver:
    """Halves images; degenerate from call `bad` on, counted from 1. Four tiles a call."""

    def __init__(self, bad=99):
        self.calls, self.bad = 0, bad

    def __call__(self, image, *, progress=None):
        self.calls += 1
        for tile in range(4):
            progress(tile + 1, 4)
        bad = self.calls >= self.bad
        return Restored(image if bad else image / 2, seconds=1.0, degenerate=bad)


def test_each_pass_takes_the_result_of_the_last():
    image = picture(4, 5)
    restored = InPasses(Halver(), 3)(image)
    np.testing.assert_allclose(restored.image, image / 8, rtol=1e-6)
    assert (restored.passes, restored.seconds, restored.degenerate) == (3, 3.0, False)


def test_integers_are_rounded_once():
    image = np.array([[[3, 5, 255]]], np.uint8)  # rounded each time, 5 -> 2 (or 3) -> 1 (or 2)
    restored = InPasses(Halver(), 2)(image).image
    assert restored.dtype == np.uint8
    np.testing.assert_array_equal(restored, [[[1, 1, 64]]])
    restored = InPasses(Halver(), 2)(np.uint16(image) * 257).image
    assert restored.dtype == np.uint16


def test_progress_runs_once_through_all_passes():
    seen = []
    InPasses(Halver(), 2)(picture(2, 2), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 8) for n in range(1, 9)]


@pytest.mark.parametrize(("bad", "calls", "passes"), [(1, 1, 1), (2, 2, 1), (3, 3, 2)])
def test_a_degenerate_pass_ends_the_row(bad, calls, passes):
    image, halver = picture(2, 2), Halver(bad)
    restored = InPasses(halver, 4)(image)
    assert (halver.calls, restored.passes, restored.degenerate) == (calls, passes, bad == 1)
    np.testing.assert_allclose(restored.image, image / 2 ** (bad - 1))


def test_passes_below_one_are_refused():
    with pytest.raises(InvalidInput, match="`passes` must be at least 1. Received: passes=0"):
        InPasses(Halver(), 0)
