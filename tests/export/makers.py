"""A service that answers as it is told, over real gRPC on this machine."""

import threading
import time
from concurrent import futures
from contextlib import contextmanager

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

FLOAT, UINT8, STRING = 1, 4, 7
CONTENT, FIELD = "content", "field"

# key -> inputs and outputs as (name, type, channels)
SIGNATURES = {
    "serving_default": ([("image", FLOAT, 3)], [("restored", FLOAT, 3)]),
    "serving_uint8": ([("image_u8", UINT8, 3)], [("restored_u8", UINT8, 3)]),
    "serving_bytes": ([("image_bytes", STRING, None)], [("restored_bytes", STRING, None)]),
    "__saved_model_init_op": ([], [("__saved_model_init_op", 0, None)]),
}
FLOW = {
    "serving_flow": (
        [("image", FLOAT, 3)],
        [("restored", FLOAT, 3), ("flow", FLOAT, 2), ("confidence", FLOAT, None)],
    )
}


def write_proto(proto, value, encoding=CONTENT):
    """An array as TensorFlow Serving writes it by default (FIELD), or with its flag (CONTENT)."""
    kind = {"float32": FLOAT, "uint8": UINT8, "float16": 19}[value.dtype.name]
    proto.dtype = kind
    for size in value.shape:
        proto.tensor_shape.dim.add().size = size
    if encoding == CONTENT:
        proto.tensor_content = value.tobytes()
    elif kind == FLOAT:
        proto.float_val.extend(value.ravel().tolist())
    elif kind == UINT8:
        proto.int_val.extend(value.ravel().tolist())
    else:
        proto.half_val.extend(value.view("uint16").ravel().tolist())


def read_array(proto):
    dtype = {FLOAT: "float32", UINT8: "uint8"}[proto.dtype]
    shape = [d.size for d in proto.tensor_shape.dim]
    return np.frombuffer(proto.tensor_content, dtype).reshape(shape)


class Fake(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    """Answers Predict by `model`, after `failures`, one a call: codes, with or without a text, or
    seconds to sleep.

    Attributes:
        model: `(signature, image)` -> outputs by name.
        requests: all that Predict received.
        most_at_once: calls of Predict that were under way at a time.
        max_pixels: refuses more, as exported models do.
    """

    def __init__(self, model, encoding=CONTENT, signatures=SIGNATURES, side=-1, max_pixels=None):
        self.model, self.encoding, self.signatures = model, encoding, signatures
        self.side, self.max_pixels = side, max_pixels
        self.failures, self.requests, self.sleep = [], [], 0.0
        self.known = {"deblur": 3}
        self._lock = threading.Lock()
        self._now = self.most_at_once = 0

    def Predict(self, request, context):
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            failure = self.failures.pop(0) if self.failures else None
        try:
            if isinstance(failure, float):
                time.sleep(failure)
            elif isinstance(failure, tuple):
                context.abort(*failure)
            elif failure is not None:
                context.abort(failure, f"told to say {failure.name}")
            if self.sleep:
                time.sleep(self.sleep)
            self._find(request, context)
            return self._answer(request, context)
        finally:
            with self._lock:
                self._now -= 1

    def _find(self, request, context):
        name = request.model_spec.name
        if name not in self.known:
            context.abort(
                grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({name})"
            )

    def _answer(self, request, context):
        ((name, proto),) = request.inputs.items()
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name, answer.model_spec.version.value = "deblur", 3
        if name == "image_bytes":
            out = answer.outputs["restored_bytes"]
            out.dtype = STRING
            out.tensor_shape.dim.add().size = len(proto.string_val)
            out.string_val.extend(self.model(request.model_spec.signature_name, proto.string_val))
            return answer
        image = read_array(proto)
        pixels = int(np.prod(image.shape[:-1]))
        if self.max_pixels is not None and pixels > self.max_pixels:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                "assertion failed: [image has too many pixels] "
                f"[limit] [{self.max_pixels}] [received] [{pixels}]",
            )
        for key, value in self.model(request.model_spec.signature_name, image).items():
            write_proto(answer.outputs[key], value, self.encoding)
        return answer

    def GetModelMetadata(self, request, context):
        self._find(request, context)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, (inputs, outputs) in self.signatures.items():
            signature = SignatureDef()
            for tensors, into in ((inputs, signature.inputs), (outputs, signature.outputs)):
                for name, dtype, channels in tensors:
                    into[name].dtype = dtype
                    sides = (-1,) if channels is None else (-1, self.side, self.side, channels)
                    for size in sides:
                        into[name].tensor_shape.dim.add().size = size
            signatures.signature_def[key].CopyFrom(signature)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name, answer.model_spec.version.value = "deblur", 3
        answer.metadata["signature_def"].Pack(signatures)
        return answer

    def GetModelStatus(self, request, context):
        if request.model_spec.name not in self.known:
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Could not find any versions of model {request.model_spec.name}",
            )
        answer = get_model_status_pb2.GetModelStatusResponse()
        for version, state, code, text in ((4, 50, 2, "broken file"), (3, 30, 0, "")):
            one = answer.model_version_status.add(version=version, state=state)
            one.status.error_code, one.status.error_message = code, text
        return answer


@contextmanager
def serving(fake, port=0, max_message=-1, tls=None):
    """Serves `fake`; yields the target. `tls`: its key and certificate, PEM."""
    server = grpc.server(
        futures.ThreadPoolExecutor(16),
        options=[("grpc.max_receive_message_length", max_message), ("grpc.so_reuseport", 0)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(fake, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(fake, server)
    if tls is None:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([tls]))
    server.start()
    try:
        yield f"{'127.0.0.1' if tls is None else 'localhost'}:{port}"
    finally:
        server.stop(0).wait()


def negative(signature, image):
    """A pointwise model that is not the identity, exact in every type."""
    if signature == "serving_uint8":
        return {"restored_u8": 255 - image}
    if signature == "serving_default":
        return {"restored": 1 - image}
    height, width = image.shape[1:3]
    flow = np.zeros((len(image), height, width, 2), "float32") + np.float32([3, -2])
    return {
        "restored": 1 - image,
        "flow": flow,
        "confidence": image[..., 0],
        "score": np.full(len(image), 0.25, "float32"),
    }
