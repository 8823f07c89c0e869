"""Who runs, who waits, who is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from export.service.gate import Gate, Work
from export.service.pace import Pace
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
        with gate.turn(lambda: 5.0) as place:
            assert place.left == 5.0
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


def refused(gate, **wants):
    with pytest.raises(Status) as error:
        with gate.turn(lambda: 0.01, **wants):
            pytest.fail("there was no room")
    return error.value.row.name, error.value.text


def test_what_memory_can_never_hold_is_refused_at_once():
    gate = Gate(2, 9)
    gate.room.limit(1_000_000_000, int)
    code, text = refused(gate, work=Work(1_050_000_000))
    assert code == "RESOURCE_EXHAUSTED"
    assert "about 1050 MB of memory, and the service has 1000 MB for requests (--memory)" in text
    with gate.held(100_000_000), gate.turn(lambda: None, work=Work(900_000_000)):
        pass


def test_what_fits_alone_waits_for_the_memory_of_the_others():
    gate = Gate(2, 9)
    gate.room.limit(1000, int)
    with gate.turn(lambda: None, work=Work(600)):
        assert refused(gate, work=Work(401))[0] == "DEADLINE_EXCEEDED"  # waited in vain
        with gate.turn(lambda: 5.0, work=Work(400)):
            pass
    with gate.turn(lambda: 5.0, work=Work(1000)):
        pass


def test_messages_that_wait_take_memory_too():
    gate = Gate(1, 9)
    gate.room.limit(1000, int)
    with gate.held(700), gate.turn(lambda: None, work=Work(200)):
        with pytest.raises(Status, match="Requests that run and wait take") as error:
            with gate.held(101):
                pytest.fail("there was no room")
        assert error.value.row.name == "RESOURCE_EXHAUSTED"
        with gate.held(100):
            assert refused(gate)[0] == "DEADLINE_EXCEEDED"
    assert gate.room.taken == 0


def test_a_large_request_is_not_passed_by():
    gate, order = Gate(3, 20), []
    gate.room.limit(1000, int)

    def enter(needed):
        with gate.turn(lambda: 30.0, work=Work(needed)):
            order.append(needed)

    with ThreadPoolExecutor(10) as pool:
        with gate.turn(lambda: None, work=Work(300)):
            large = pool.submit(enter, 900)
            while len(gate._waiting) < 1:
                pass
            small = [pool.submit(enter, 100) for _ in range(3)]
            while len(gate._waiting) < 4:
                pass
            assert order == []  # they would fit, but came later
        for call in (large, *small):
            call.result()
    assert order == [900, 100, 100, 100] and gate.room.taken == 0


def test_the_pace_of_a_size_is_a_moving_mean():
    pace = Pace()
    pace.note(1000, 60.0)  # graphs are traced in the first one
    assert pace.expected(1000) is None
    pace.note(1000, 2.0)
    assert pace.expected(1000) == pytest.approx(2.0)
    pace.note(1000, 4.0)
    assert pace.expected(1000) == pytest.approx(2.5)
    assert pace.expected(1020) == pytest.approx(2.55)  # the same power of two
    assert pace.expected(3000) is None and pace.expected(0) is None


def known(seconds, pixels=1000):
    """Work of a model that was seen to take so long for it."""
    pace = Pace()
    for _ in range(2):
        pace.note(pixels, seconds)
    return Work(0, pixels, pace)


def test_who_would_be_late_is_refused_at_once():
    gate = Gate(1, 9)
    with gate.turn(lambda: None, known(60.0)):
        with pytest.raises(Status, match="would take about 61 s, as 1 requests run and 0") as late:
            with gate.turn(lambda: 10.0, known(1.0)):
                pytest.fail("must not wait")
        assert late.value.row.name == "RESOURCE_EXHAUSTED"
        assert not gate._waiting
    with gate.turn(lambda: 10.0, known(1.0)):
        pass  # nobody is before it


def test_who_comes_alone_or_has_no_deadline_or_is_unknown_is_never_refused():
    gate = Gate(2, 9)
    with gate.turn(lambda: 10.0, known(60.0)):  # slow once does not mean slow for ever
        with gate.turn(lambda: None, known(60.0)):
            pass
        with gate.turn(lambda: 10.0, Work(0, 1000, Pace())):
            pass


def test_runs_teach_the_pace_and_broken_ones_only_by_being_long():
    gate, slow, quick = Gate(1, 9), known(0.0), known(60.0)
    with gate.turn(lambda: None, slow):
        pass
    assert 0 < slow.pace.expected(1000) < 1
    for work, learns in ((known(0.0), True), (quick, False)):
        before = work.pace.expected(1000)
        with pytest.raises(ZeroDivisionError):
            with gate.turn(lambda: None, work):
                1 / 0  # noqa: B018
        assert (work.pace.expected(1000) > before) == learns
    with gate.turn(lambda: None, quick):
        pass
    assert quick.pace.expected(1000) == pytest.approx(45.0, abs=0.5)


class Call:
    """What the gate asks of a call: to be told of its end, and to end it."""

    def __init__(self, ended=False):
        self.ended, self.callbacks = ended, []

    def add_callback(self, callback):
        self.callbacks.append(callback)
        return not self.ended

    def cancel(self):
        # gRPC tells it from a thread of its own.
        threading.Thread(target=lambda: [callback() for callback in self.callbacks]).start()


def answered(gate, call, size):
    with gate.turn(lambda: None, work=Work(500), call=call) as place:
        place.answer = size


def test_answers_take_memory_until_they_are_taken():
    gate, call = Gate(2, 9), Call()
    gate.room.limit(1000, int)
    answered(gate, call, 600)
    assert gate.room.taken == 600
    assert refused(gate, work=Work(401))[0] == "DEADLINE_EXCEEDED"  # waited in vain
    with pytest.raises(Status, match="Timed out"), gate.held(401, lambda: 0.01):
        pytest.fail("there was no room")
    with gate.held(10), gate.turn(lambda: None, work=Work(390)):
        pass
    call.callbacks[0]()
    with gate.held(401), gate.turn(lambda: 5.0, work=Work(599)):
        pass
    answered(gate, Call(ended=True), 600)
    assert gate.room.taken == 0


def test_a_message_waits_for_an_answer_that_is_taken_soon():
    gate, call = Gate(1, 9), Call()
    gate.room.limit(1000, int)
    answered(gate, call, 900)
    with ThreadPoolExecutor(1) as pool:

        def hold():
            with gate.held(200, lambda: 30.0):
                return gate.room.taken

        held = pool.submit(hold)
        while not gate._held_up:
            pass
        call.callbacks[0]()
        assert held.result(30) == 200


def test_an_answer_that_nobody_takes_is_given_up_where_others_need_its_memory(monkeypatch):
    monkeypatch.setattr("export.service.room.SECONDS_TO_TAKE", 0.0)
    gate = Gate(1, 9)
    gate.room.limit(1000, int)
    answered(gate, Call(), 900)
    with gate.turn(lambda: 30.0, work=Work(100)):
        assert gate.room.answers == 900  # nobody needed it
    with gate.turn(lambda: 30.0, work=Work(200)):
        assert gate.room.answers == 0


def test_what_a_run_left_behind_is_there_for_the_next_run_only():
    gate, rss = Gate(1, 9), [5000]
    gate.room.limit(1000, lambda: rss[0])
    with gate.turn(lambda: None, work=Work(600)):
        rss[0] += 400
    assert gate.room.taken == 400
    with gate.turn(lambda: 5.0, work=Work(1000)), pytest.raises(Status, match="Try again later"):
        with gate.held(1):
            pytest.fail("there was no room")
    with pytest.raises(Status, match="Try again later"), gate.held(601):
        pytest.fail("there was no room")
    with gate.turn(lambda: None, work=Work(100)):
        rss[0] += 9000  # of something else: it must not keep everybody out
    assert gate.room.kept == 1000
