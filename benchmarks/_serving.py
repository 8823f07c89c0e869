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
_ERRORS_KEPT = 20


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
        self._process = subprocess.Popen(
            # Not in our session: Ctrl-C is for us, and the service is stopped when we have done.
            self._command,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
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

    def processor_seconds_with_ours(self):
        """The same, of this process and that one together."""
        return time.process_time() + self.processor_seconds()

    def resident_bytes(self):
        """Resident memory of the process now."""
        return resident_bytes(self._process.pid)


def resident_bytes(process="self"):
    """Resident memory of a process now; FileNotFoundError if it is gone."""
    with open(f"/proc/{process}/status") as file:
        found = re.search(r"VmRSS:\s+(\d+)", file.read())
    if found is None:  # it has ended, and nobody has asked for its exit code yet
        raise FileNotFoundError(f"process {process}")
    return 1024 * int(found[1])


class PlainClient:
    """`serving_uint8` through the stubs of `tensorflow-serving-api` and nothing else."""

    def __init__(self, target, model):
        import grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        sizes = ("grpc.max_send_message_length", "grpc.max_receive_message_length")
        channel = grpc.insecure_channel(target, options=[(size, -1) for size in sizes])
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._model = model

    def __call__(self, images):
        """Restores uint8 `(batch, height, width, 3)`."""
        import numpy as np
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name, name = INPUTS["uint8"]
        request.inputs[name].CopyFrom(tf.make_tensor_proto(images))
        restored = self._stub.Predict(request, timeout=300).outputs["restored_u8"]
        return np.array(restored.int_val, "uint8").reshape(images.shape)


class Direct:
    """The signatures of an exported version, called in this process as a service calls them."""

    def __init__(self, version_folder):
        from export.service.engine import Engine
        from export.service.options import ServiceOptions

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
    before = service.processor_seconds_with_ours()
    for _ in range(calls):
        call()
    return (service.processor_seconds_with_ours() - before) / calls


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
        failed: calls that were not.
        errors: what the first of them raised.
    """

    def __init__(self, call, threads):
        self._call, self.done, self.failed, self.errors = call, 0, 0, []
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self):
        while not self._stop.is_set():
            try:
                self._call()
            except Exception as error:  # counted: that is what is measured
                with self._lock:
                    self.failed += 1
                    if len(self.errors) < _ERRORS_KEPT:
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
