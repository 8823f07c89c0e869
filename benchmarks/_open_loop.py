"""Callers who do not wait for each other, and who know what the answers must be."""

import collections
import random
import threading
import time
import zlib
from dataclasses import dataclass, field

from _serving import INPUTS, rate

MODEL = "network"
METHOD = "/tensorflow.serving.PredictionService/Predict"
# Heights and widths that people send, and their shares.
MIX = (((240, 320), 0.5), ((480, 640), 0.35), ((720, 1280), 0.15))
GRACE = 2.0  # seconds beyond the deadline until a call counts as lost


@dataclass
class Seen:
    """What became of the calls of one load."""

    good: list[float] = field(default_factory=list)  # seconds
    codes: collections.Counter = field(default_factory=collections.Counter)
    wrong: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def request_of(shape, payload, image):
    """A PredictRequest as bytes: one image uint8 `(height, width, 3)`, sent as `payload`."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    from export.client.payloads import PAYLOADS

    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name, name = INPUTS[payload]
    value = PAYLOADS[payload].write(image[None, : shape[0], : shape[1]])
    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request.SerializeToString()


class Callers:
    """Sends prepared requests.

    Args:
        target: where the service listens.
        deadline: float, seconds that a caller waits.
        mix: pairs of `(height, width)` or `(height, width, payload)`, and their shares; payloads
            are those of `INPUTS`, "uint8" if none is told.

    Attributes:
        pixels: mean of a request.
    """

    def __init__(self, target, deadline, mix):
        import grpc
        import numpy as np

        from export.wire import CONTENT_WANTED

        limits = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        self._channel = grpc.insecure_channel(target, options=limits)
        self._call = self._channel.unary_unary(METHOD)
        self._metadata, self._deadline = [CONTENT_WANTED], deadline
        self._sizes, self._shares = zip(*mix, strict=True)
        self.pixels = sum(one[0] * one[1] * share for one, share in mix) / sum(self._shares)
        self._requests, self._answers, draw = {}, {}, np.random.default_rng(0)
        for one in self._sizes:
            image = draw.integers(0, 256, (*one[:2], 3), "uint8")
            self._requests[one] = request_of(one[:2], (*one, "uint8")[2], image)
            for _ in range(2):  # the first traces
                self._answers[one] = zlib.crc32(self._once(one, 300))

    def _once(self, one, seconds):
        return self._call(self._requests[one], timeout=seconds, metadata=self._metadata)

    def prepared(self, one):
        """A request as bytes, and the CRC-32 of its right answer."""
        return self._requests[one], self._answers[one]

    def closed_loop(self, callers, calls):
        """Calls a second that so many callers make who wait for their answers."""
        sizes = iter(random.Random(1).choices(self._sizes, self._shares, k=calls))
        lock = threading.Lock()

        def call():
            with lock:
                one = next(sizes)
            self._once(one, 300)

        return rate(call, callers, calls)

    def open_loop(self, per_second, seconds, seed):
        """Offers a load; returns what was seen, and calls and seconds it really took."""
        draw, seen, calls, sent = random.Random(seed), Seen(), [], 0
        begun = due = time.perf_counter()
        while (due := due + draw.expovariate(per_second)) < begun + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            (one,) = draw.choices(self._sizes, self._shares)
            # Those that have ended hold their answers: an hour's would fill the memory.
            calls = [call for call in calls if not call.done()]
            calls.append(self._send(one, due, seen))
            sent += 1
        for call in calls:
            call.cancelled() or call.exception(self._deadline + GRACE)
        return seen, sent, max(seconds, time.perf_counter() - begun)

    def _send(self, one, due, seen):
        call = self._call.future(
            self._requests[one], timeout=self._deadline, metadata=self._metadata
        )

        def done(call):
            taken, code = time.perf_counter() - due, call.code().name
            right = code != "OK" or zlib.crc32(call.result()) == self._answers[one]
            with seen.lock:
                seen.codes[code] += 1
                seen.wrong += not right
                if code == "OK" and right:
                    seen.good.append(taken)

        call.add_done_callback(done)
        return call
