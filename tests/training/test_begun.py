"""Ctrl-C before the first step is done acts at once; fillings foretell from the second batch on."""

import os
import signal

import pytest

from tfdeblur.training.backup import GracefulInterrupt
from tfdeblur.training.begun import Begun
from tfdeblur.training.fill import EveryFewSeconds


def test_while_the_first_step_compiles_the_first_signal_interrupts():
    with GracefulInterrupt() as interrupt:
        begun = Begun(interrupt)
        begun.on_train_begin()
        begun.on_train_batch_end(0, {})  # done before a restart
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert not interrupt.event.is_set()


def test_after_a_step_the_first_signal_waits_for_the_end_of_the_next():
    with GracefulInterrupt() as interrupt:
        begun = Begun(interrupt)
        begun.on_train_begin()
        begun.on_train_batch_end(0, {"loss": 1.0})
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.event.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_no_time_is_foretold_from_the_first_batch(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tfdeblur.training.fill.time.monotonic", lambda: now[0])
    lines = []
    progress = EveryFewSeconds(lines.append, "level 1", lambda: None)
    now[0] = 60.0  # compiling
    progress(8, 80)
    now[0] = 71.0
    progress(30, 80)  # 22 samples in 11 s
    assert lines == [
        "  level 1: 8 of 80 samples",
        "  level 1: 30 of 80 samples, about 25 s left",
    ]
