"""A service in a process of its own, models for it, and the same model called directly."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

INPUTS = {"float": ("serving_default", "image"), "uint8": ("serving_uint8", "image_u8")}
INPUTS["bytes"] = ("serving_bytes", "image_bytes")
_START_SECONDS = 300


def pointwise_network():
    """Maps each level x in [0, 1] to 3/4 x + 1/8: what is left is the cost of serving."""
    import keras
    import numpy as np

    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(3, 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([0.75 * np.eye(3)[None, None], np.full(3, 0.125)])
    return network


class Service:
    """`tfdeblur serve` of one model folder, in a process of its own; a context manager.

    Attributes:
        target: where it listens.
        seconds: from the start of the process until the port was open.
    """

    def __init__(self, folder, *options):
        self._command = [sys.executable, "-m", "tfdeblur.cli.main", "serve", "--port=0"]
        self._command += [f"--model_base_path={folder}", *options]
        self._lines = []

    def __enter__(self):
        start = time.perf_counter()
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        for line in self._process.stderr:
            self._lines.append(line)
            found = re.search(r"serving on (\S+?),", line)
            if found:
                self.target, self.seconds = found[1], time.perf_counter() - start
                threading.Thread(target=self._drain, daemon=True).start()
                return self
        raise RuntimeError("the service did not start:\n" + "".join(self._lines))

    def _drain(self):
        self._lines.extend(self._process.stderr)

    def __exit__(self, *error):
        self._process.terminate()
        self._process.wait(60)

    def processor_seconds(self):
        """Processor time of the process so far, in steps of 10 ms."""
        with open(f"/proc/{self._process.pid}/stat") as file:
            user, system = file.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        """Resident memory of the process now."""
        with open(f"/proc/{self._process.pid}/status") as file:
            return 1024 * int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


class Direct:
    """The signatures of an exported version, called in this process as a service calls them."""

    def __init__(self, version_folder):
        from export.service_engine import Engine
        from export.service_options import ServiceOptions

        self._engine = Engine(version_folder, ServiceOptions())

    def __call__(self, payload, value):
        """Runs the signature of `payload` on what a request would carry."""
        key, name = INPUTS[payload]
        signature = self._engine.signatures[key]
        (output,) = signature.outputs.values()
        return self._engine.run({signature.inputs[name].name: value}, [output.name])[0]


def processor_seconds(service, call, calls):
    """Processor time of one call, this process and the service together.

    Unlike the wall clock, it says something on a machine that is busy with other work.
    """
    before = time.process_time() + service.processor_seconds()
    for _ in range(calls):
        call()
    return (time.process_time() + service.processor_seconds() - before) / calls


def swap_in(version_folder):
    """Adds a copy of a version as the next one, in one step; returns its number."""
    number = 1 + max(int(p.name) for p in version_folder.parent.iterdir() if p.name.isdigit())
    begun = version_folder.parent / f".tmp-{number}"
    shutil.copytree(version_folder, begun)
    begun.rename(version_folder.parent / str(number))
    return number


def rate(call, threads, calls):
    """Calls a second when `threads` threads make `calls` calls together."""
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        for done in [pool.submit(call) for _ in range(calls)]:
            done.result()
        return calls / (time.perf_counter() - start)


class Load:
    """Threads that call until they are stopped; a context manager.

    Attributes:
        done: calls that were answered.
        errors: what was raised, at most one a call.
    """

    def __init__(self, call, threads):
        self._call, self.done, self.errors = call, 0, []
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self):
        while not self._stop.is_set():
            try:
                self._call()
            except Exception as error:  # counted: that is what is measured
                with self._lock:
                    self.errors.append(f"{type(error).__name__}: {error}")
                time.sleep(0.1)
            else:
                with self._lock:
                    self.done += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join()
