"""A version whose folder goes while it is asked, and comes back."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from export import LocalService
from tests.export.service.makers import Caller, add_version, picture, save

AVAILABLE, END = 30, 50
CALLERS = 3
WHITES = {1: 255.0, 2: 510.0}  # what each version subtracts the image from, of 255


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return {number: save(folder / str(number), white) for number, white in WHITES.items()}


def settled(caller, wanted, seconds=30):
    """Waits until the states are those; a state in between must end by itself."""
    end = time.monotonic() + seconds
    while True:
        states = {number: entry.state for number, entry in caller.status().items()}
        if states == wanted:
            return
        assert time.monotonic() < end, f"{states} where {wanted} should have come"
        time.sleep(0.02)


@pytest.fixture
def under_load(models, tmp_path):
    """A service of both versions with callers that keep asking; checks each of their answers."""
    base = tmp_path / "deblur"
    for number, model in models.items():
        add_version(model, base, number)
    seen, stop = [], threading.Event()
    image = picture()

    def ask():
        with Caller(service.target) as caller:
            while not stop.is_set():
                answer = caller.predict(image=image)
                number = answer.model_spec.version.value
                wanted = np.float32(WHITES[number] / 255) - image
                np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["restored"]), wanted)
                seen.append(number)

    options = {"file_system_poll_wait_seconds": 0.05, "grpc_max_threads": 16}
    with LocalService(base.parent, **options) as service, Caller(service.target) as caller:
        with ThreadPoolExecutor(CALLERS) as pool:
            calls = [pool.submit(ask) for _ in range(CALLERS)]
            try:
                yield base, caller, seen
            finally:
                stop.set()
            for call in calls:
                call.result()  # a lost or wrong answer raises here


@pytest.mark.parametrize("how", ["at once", "file by file"])
def test_the_folder_of_the_version_that_is_asked_goes(under_load, models, how):
    base, caller, seen = under_load
    settled(caller, {2: AVAILABLE})
    for _ in range(2):
        if how == "at once":
            (base / "2").rename(base.parent / "away")
            shutil.rmtree(base.parent / "away")
        else:
            shutil.rmtree(base / "2")
        settled(caller, {2: END, 1: AVAILABLE})
        assert caller.predict(image=picture()).model_spec.version.value == 1
        add_version(models[2], base, 2)
        settled(caller, {2: AVAILABLE, 1: END})
        assert caller.predict(image=picture()).model_spec.version.value == 2
    assert set(seen) == {1, 2}
