"""A SavedModel of trivial arithmetic with the signatures of an exported network, and a caller."""

import os
import shutil

import grpc
import numpy as np
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

MAX_PIXELS = 4_000_000
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
UNLIMITED += [(f"grpc.{kind}_reconnect_backoff_ms", 200) for kind in ("initial", "min", "max")]


def _spec(shape, dtype, name):
    return [tf.TensorSpec(shape, dtype, name=name)]


class Negative(tf.Module):
    """Restores an image to its negative; `serving_slow` takes as many seconds as it is told."""

    def __init__(self, white=255.0):
        super().__init__()
        self.white = tf.Variable(white)

    @tf.function(input_signature=_spec([None, None, None, 3], "float32", "image"), autograph=False)
    def floats(self, image):
        image = tf.ensure_shape(image, [None, None, None, 3])
        return {"restored": self.white / 255.0 - image}

    @tf.function(input_signature=_spec([None, None, None, 3], "uint8", "image_u8"), autograph=False)
    def bytes(self, image_u8):
        image_u8 = tf.ensure_shape(image_u8, [None, None, None, 3])
        return {"restored_u8": tf.cast(self.white, "uint8") - image_u8}

    @tf.function(input_signature=_spec([None], "string", "image_bytes"), autograph=False)
    def files(self, image_bytes):
        restored = tf.map_fn(
            self._file, image_bytes, fn_output_signature=tf.TensorSpec([], tf.string)
        )
        return {"restored_bytes": restored}

    def _file(self, data):
        png = tf.equal(tf.strings.substr(data, 0, 8), b"\x89PNG\r\n\x1a\n")
        whole = tf.greater_equal(tf.strings.length(data), 33)
        with tf.control_dependencies([tf.debugging.Assert(png & whole, ["not a PNG"])]):
            sides = tf.io.decode_raw(tf.strings.substr(data, 16, 8), "int32", little_endian=False)
        pixels = tf.reduce_prod(tf.cast(sides, "int64"))
        fits = tf.debugging.Assert(pixels <= MAX_PIXELS, ["image has too many pixels"])
        with tf.control_dependencies([fits]):
            image = tf.io.decode_png(data, channels=3)
        return tf.io.encode_png(tf.cast(self.white, "uint8") - image)

    @tf.function(input_signature=_spec([], "float32", "seconds"), autograph=False)
    def slow(self, seconds):
        end = tf.timestamp() + tf.cast(seconds, "float64") * tf.cast(self.white, "float64") / 255
        steps = tf.while_loop(lambda _: tf.timestamp() < end, lambda n: [n + 1], [tf.constant(0)])
        return {"steps": steps[0]}


def save(folder, white=255.0):
    module = Negative(white)
    signatures = {
        "serving_default": module.floats,
        "serving_uint8": module.bytes,
        "serving_bytes": module.files,
        "serving_slow": module.slow,
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def add_version(model, base, number):
    """A version folder appears as a whole, as an export makes it appear."""
    base.mkdir(parents=True, exist_ok=True)
    hidden = base / f".tmp-{number}"
    shutil.copytree(model, hidden)
    os.rename(hidden, base / str(number))
    return base / str(number)


def break_version(base, number):
    hidden = base / f".tmp-{number}"
    hidden.mkdir(parents=True)
    (hidden / "saved_model.pb").write_bytes(b"not a graph")
    os.rename(hidden, base / str(number))


def write_config(root, more="", policy="all {}"):
    """A models.config for `deblur`, with the base path of a container."""
    text = f"""model_config_list {{ config {{
        name: "deblur" base_path: "/models/deblur" model_platform: "tensorflow"
        model_version_policy {{ {policy} }} {more} }} }}"""
    (root / "models.config").write_text(text)
    return root / "models.config"


class Caller:
    """The raw stubs of one target, without any convenience of a client."""

    def __init__(self, target, model="deblur", options=UNLIMITED):
        self.channel = grpc.insecure_channel(target, options=options)
        self.target, self.model = target, model
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def request(self, signature="", version=None, label=None, **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        if label is not None:
            request.model_spec.version_label = label
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
        return request

    def predict(self, signature="", timeout=30, version=None, label=None, **inputs):
        request = self.request(signature, version, label, **inputs)
        return self.prediction.Predict(request, timeout=timeout)

    def metadata(self, fields=("signature_def",), name=None, version=None):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        request.model_spec.name = self.model if name is None else name
        if version is not None:
            request.model_spec.version.value = version
        return self.prediction.GetModelMetadata(request, timeout=30)

    def status(self, name=None, version=None):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.model if name is None else name
        if version is not None:
            request.model_spec.version.value = version
        answer = self.models.GetModelStatus(request, timeout=30)
        return {entry.version: entry for entry in answer.model_version_status}

    def reload(self, *models):
        request = model_management_pb2.ReloadConfigRequest()
        request.config.model_config_list.SetInParent()
        for model in models:
            request.config.model_config_list.config.add(**model)
        return self.models.HandleReloadConfigRequest(request, timeout=60)

    def healthy(self, name=""):
        request = health_pb2.HealthCheckRequest(service=name)
        answer = self.health.Check(request, timeout=30)
        return answer.status == health_pb2.HealthCheckResponse.SERVING


def picture(height=5, width=7, number=1, dtype="float32"):
    rng = np.random.default_rng(height * 100 + width)
    values = rng.integers(0, 256, (number, height, width, 3), dtype="uint8")
    return values if dtype == "uint8" else (values / 255).astype(dtype)


def refusal(function, *arguments, **named):
    """The (code number, text) that a call ends with; (0, "") for an answer."""
    try:
        function(*arguments, **named)
    except grpc.RpcError as error:
        return error.code().value[0], error.details()
    return 0, ""
