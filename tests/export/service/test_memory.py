"""The ceiling on a service's memory: where it comes from, and what passes it."""

import json
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from export import LocalService
from export.service import memory
from export.service.engine import Engine
from export.service.options import ServiceOptions
from tests.export.service.makers import Caller, add_version, picture, refusal
from tfdeblur.errors import InvalidInput


@pytest.fixture
def base(model, tmp_path):
    """A version whose manifest says that a pixel takes 100 kB, padded to 8."""
    folder = add_version(model, tmp_path / "deblur", 1)
    (folder / "assets.extra").mkdir()
    costs = {"size_multiples": {"network": 8}, "bytes_per_pixel": 100_000.0}
    (folder / "assets.extra" / "tfdeblur_export.json").write_text(json.dumps(costs))
    return tmp_path / "deblur"


def test_a_request_above_the_ceiling_is_refused_and_others_are_answered(base, monkeypatch):
    monkeypatch.setattr(memory, "of_this_process", lambda: 500_000_000)
    with LocalService(base.parent, memory=1833) as service, Caller(service.target) as caller:
        code, text = refusal(caller.predict, image=picture(105, 96))  # 112 x 96 padded
        assert code == 8 and "would take about 1076 MB" in text and "has 1000 MB" in text, text
        assert refusal(caller.predict, image=picture(96, 96)) == (0, "")


def test_what_is_seen_in_tiles_takes_the_memory_of_one(base, monkeypatch):
    monkeypatch.setattr(memory, "of_this_process", lambda: 500_000_000)
    (noted,) = base.glob("1/assets.extra/tfdeblur_export.json")
    noted.write_text(json.dumps({**json.loads(noted.read_text()), "pixels_at_a_time": 64 * 64}))
    with LocalService(base.parent, memory=1500) as service, Caller(service.target) as caller:
        assert refusal(caller.predict, image=picture(400, 400)) == (0, "")


def test_the_pictures_of_a_call_count_one_at_a_time(base, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(memory, "of_this_process", lambda: 500_000_000)
    small, large = (
        tf.io.encode_png(picture(side, 80, dtype="uint8")[0]).numpy() for side in (80, 160)
    )
    with LocalService(base.parent, memory=1833) as service, Caller(service.target) as caller:
        assert refusal(caller.predict, "serving_bytes", image_bytes=[small] * 3) == (0, "")
        code, text = refusal(caller.predict, "serving_bytes", image_bytes=[small, large])
        assert code == 8 and "about 1280 MB" in text


def test_two_that_do_not_fit_together_run_one_after_the_other(base, monkeypatch):
    monkeypatch.setattr(memory, "of_this_process", lambda: 500_000_000)
    with LocalService(base.parent, memory=1833, max_running=2) as service:
        together = threading.Barrier(2)

        def ask(_):
            with Caller(service.target) as caller:
                together.wait(20)
                return refusal(caller.predict, timeout=60, image=picture(80, 80))

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(ask, range(2))) == [(0, "")] * 2


def test_the_default_is_of_the_machine_or_its_container(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_LIMITS", (limit, tmp_path / "none"))
    whole = memory.of_the_machine()
    assert whole > 10**9
    limit.write_text("max\n")
    assert memory.of_the_machine() == whole
    limit.write_text("800000000\n")
    assert memory.of_the_machine() == 800_000_000
    monkeypatch.setattr(memory, "of_this_process", lambda: 600_000_000)
    assert memory.for_requests(0) == 30_000_000


def test_a_ceiling_below_the_models_is_refused():
    with pytest.raises(InvalidInput, match="`memory` must leave something.*Received: memory=7 MB"):
        memory.for_requests(7)


def test_this_process_is_weighed():
    assert 50_000_000 < memory.of_this_process() < 50_000_000_000


def test_a_version_that_is_closed_leaves_no_graph(model):
    """It holds itself: without a look for garbage it would stay, and so would the next one."""
    engine = Engine(model, ServiceOptions())
    graph = weakref.ref(engine._session.graph)
    engine.close()
    assert graph() is None


# Threads that take 24 MB, one after another, and all of them live until the last one has.
_THREADS = """
import threading
from export.service.memory import of_this_process
from tfdeblur.cli.common import keep_freed_memory

assert keep_freed_memory()
before, turn, all_done = of_this_process(), threading.Lock(), threading.Barrier(17)

def take():
    with turn:
        bytearray(24 * 2**20)
    all_done.wait()

threads = [threading.Thread(target=take) for _ in range(16)]
for thread in threads:
    thread.start()
all_done.wait()
print(of_this_process() - before)
"""


def test_what_threads_free_is_kept_for_all_of_them():
    """With a heap for each thread it would be 400 MB."""
    found = subprocess.run([sys.executable, "-c", _THREADS], capture_output=True, check=True)
    assert int(found.stdout) < 100e6
