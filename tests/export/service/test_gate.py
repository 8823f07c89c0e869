"""Who runs, who waits, who is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from export.service.gate import Gate
from export.status import Status


def test_so_many_run_and_all_get_their_turn():
    gate, lock, inside, most = Gate(2, 50), threading.Lock(), [0], [0]
    both = threading.Barrier(2)

    def enter(_):
        with gate.turn(lambda: None):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            both.wait(30)  # two are inside at the same time, or this never ends
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(enter, range(20)))
    assert (inside[0], most[0]) == (0, 2)


def test_refusal_and_deadline_give_the_place_back():
    gate = Gate(1, 1)
    for _ in range(3):
        with gate.turn(lambda: 5.0) as left:
            assert left == 5.0
            with pytest.raises(Status, match="Server Threadpool Exhausted") as refused:
                with gate.turn(lambda: None):
                    pytest.fail("there was no place")
            assert refused.value.row.name == "RESOURCE_EXHAUSTED"
    waiting = Gate(1, 2)
    for _ in range(3):
        with waiting.turn(lambda: None):
            with pytest.raises(Status) as late:
                with waiting.turn(lambda: 0.01):
                    pytest.fail("there was no place")
            assert late.value.row.name == "DEADLINE_EXCEEDED"


def test_a_caller_that_is_late_already_does_not_run():
    gate = Gate(1, 2)
    for _ in range(3):
        with pytest.raises(Status) as late:
            with gate.turn(lambda: 0.0):
                pytest.fail("must not run")
        assert late.value.row.name == "DEADLINE_EXCEEDED"


def test_an_error_inside_gives_the_place_back():
    gate = Gate(1, 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            with gate.turn(lambda: None):
                1 / 0  # noqa: B018
