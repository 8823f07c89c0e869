"""Interleaved timing, with a clock of its own: nothing here depends on how long things take."""

import pytest

from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.timing import compare, machine_facts


class Machine:
    """A clock that its calls move; every second of work takes `slowness` seconds."""

    def __init__(self):
        self.now, self.order, self.slowness = 0.0, [], lambda call: 1.0

    def work(self, name, seconds):
        def call():
            self.order.append(name)
            self.now += seconds * self.slowness(len(self.order))

        return call

    def compare(self, **options):
        calls = {"bare": self.work("bare", 2.0), "full": self.work("full", 3.0)}
        return compare(calls, clock=lambda: self.now, **options)


def test_takes_turns_and_leaves_warm_up_out():
    machine = Machine()
    result = machine.compare(repeats=3, warmups=1)
    assert machine.order == ["full", "bare", "bare", "full", "full", "bare", "bare", "full"]
    assert result.seconds == {"bare": [2.0] * 3, "full": [3.0] * 3}
    assert result.ratio("full", "bare") == 1.5 and result.median("full") == 3.0


def test_an_interruption_does_not_move_the_ratio():
    machine = Machine()
    machine.slowness = lambda call: 50.0 if call == 4 else 1.0
    assert machine.compare(repeats=5, warmups=0).ratio("full", "bare") == 1.5


def test_a_slowing_machine_does_not_move_the_ratio():
    """In turn, and starting with either in turn: the drift cancels in the median."""
    machine = Machine()
    machine.slowness = lambda call: 1.0 + 0.02 * call
    result = machine.compare(repeats=9, warmups=0)
    assert abs(result.ratio("full", "bare") - 1.5) < 0.04
    assert result.median("full") / 3.0 > 1.1  # the seconds did move


def test_to_dict():
    found = Machine().compare(repeats=2).to_dict(to="bare")
    assert found["full"] == {
        "median_seconds": 3.0,
        "ratio": 1.5,
        "ratios": [1.5, 1.5],
        "seconds": [3.0, 3.0],
    }
    assert found["bare"]["ratio"] == 1.0


@pytest.mark.parametrize("options", [{"repeats": 0}, {"warmups": -1}])
def test_wrong_counts(options):
    with pytest.raises(InvalidInput, match="`repeats` must be at least 1"):
        Machine().compare(**options)
    with pytest.raises(InvalidInput, match=r"Received: calls=\[\]"):
        compare({})


def test_machine_facts():
    facts = machine_facts()
    assert facts["cpu"] and facts["cores"] >= 1
    assert facts["tensorflow"].startswith("2.") and facts["keras"].startswith("3.")
    assert facts["memory_gib"] is None or facts["memory_gib"] > 0
    assert facts["bfloat16_cpu"] in (True, False, None)
