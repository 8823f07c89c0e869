"""Requests of every method for a service, good ones and damaged ones, and models to answer them."""

import random
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    regression_pb2,
)

from export import export_model
from export.service.config import sources_of
from export.status import Status
from tests.export.service.makers import Caller, picture
from tests.fuzz.mutate import flipped

LINES = {1: (0.75, 0.125), 2: (0.5, 0.25)}  # each version answers with a line of its own
RELOAD = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"
_PREDICTION, _HEALTH = "/tensorflow.serving.PredictionService/", "/grpc.health.v1.Health/"
_PREDICT = _PREDICTION + "Predict"
_PNG = tf.io.encode_png(picture(9, 8, dtype="uint8")[0]).numpy()


def pointwise_model(folder: Path, slope: float, offset: float) -> Path:
    """Exports a network that maps each level to `slope * level + offset`; its version folder."""
    import keras

    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(3, 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([slope * np.eye(3)[None, None], np.full(3, offset)])
    return export_model(network, folder, name="deblur")


def kinds(caller: Caller, base: Path) -> dict[str, list[bytes]]:
    """Method -> whole requests for it, some of them hostile as they are."""
    spec = caller.request().model_spec
    task = inference_pb2.InferenceTask(model_spec=spec, method_name="tensorflow/serving/classify")
    reload = model_management_pb2.ReloadConfigRequest()
    reload.config.model_config_list.config.add(
        name="deblur", base_path=str(base), model_platform="tensorflow"
    )
    found = {
        _PREDICT: [*_predictions(caller), *_bombs(caller)],
        _PREDICTION + "GetModelMetadata": [
            get_model_metadata_pb2.GetModelMetadataRequest(
                model_spec=spec, metadata_field=["signature_def"]
            )
        ],
        _PREDICTION + "Classify": [classification_pb2.ClassificationRequest(model_spec=spec)],
        _PREDICTION + "Regress": [regression_pb2.RegressionRequest(model_spec=spec)],
        _PREDICTION + "MultiInference": [inference_pb2.MultiInferenceRequest(tasks=[task, task])],
        "/tensorflow.serving.ModelService/GetModelStatus": [
            get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        ],
        RELOAD: [reload],
        _HEALTH + "Check": [health_pb2.HealthCheckRequest(service="PredictionService")],
        _PREDICTION + "Nothing": [caller.request()],
    }
    return {method: [one.SerializeToString() for one in ones] for method, ones in found.items()}


def cheap_calls() -> dict[str, bytes]:
    """Method -> a request that takes next to nothing to answer."""
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "deblur"
    found = {
        _HEALTH + "Check": health_pb2.HealthCheckRequest(),
        _PREDICTION + "GetModelMetadata": metadata,
    }
    return {method: request.SerializeToString() for method, request in found.items()}


def damaged(seeds: dict[str, list[bytes]], generator: random.Random) -> tuple[str, bytes]:
    """A method, and a request for it with some bytes changed, or of another method."""
    while True:
        method = generator.choice(list(seeds)) if generator.random() < 0.25 else _PREDICT
        whose = generator.choice(list(seeds)) if generator.random() < 0.02 else method
        data = flipped(seeds[whose], generator)
        if generator.random() < 0.03:
            data = generator.choice(seeds[whose])  # whole
        if method != RELOAD or _leaves_models(data, seeds[RELOAD][0]):
            return method, data


def good_call(caller: Caller, generator: random.Random, deadline: float):
    """A whole request; a fault or None, and the version that answered."""
    signature, alias, dtype = generator.choice(
        [("", "image", "float32"), ("serving_uint8", "image_u8", "uint8"), ("serving_bytes",) * 3]
    )
    image = picture(generator.randint(1, 9), generator.randint(1, 9), 1, "uint8")
    sent: object = image / np.float32(255) if alias == "image" else image
    if signature == "serving_bytes":
        alias, sent = "image_bytes", [tf.io.encode_png(image[0]).numpy()]
    answer = caller.predict(signature, timeout=deadline, **{alias: sent})
    (value,) = map(tf.make_ndarray, answer.outputs.values())
    if signature == "serving_bytes":
        value = tf.io.decode_png(value[0]).numpy()[None]
    version = answer.model_spec.version.value
    slope, offset = LINES[version]
    levels = value if alias == "image" else value / 255
    close = 1e-5 if alias == "image" else 0.51 / 255
    right = slope * (image / 255) + offset
    if levels.shape != right.shape or np.abs(levels - right).max() > close:
        return f"a wrong answer of version {version} to {signature or 'serving_default'}", version
    return None, version


def _predictions(caller: Caller) -> list:
    two = caller.request(image=picture(3, 2))
    two.output_filter.append("restored")
    return [
        caller.request(image=picture(2, 3)),
        caller.request("serving_uint8", image_u8=picture(2, 3, dtype="uint8")),
        caller.request("serving_bytes", image_bytes=[_PNG]),
        caller.request("", version=1, image=picture(1, 1)),
        caller.request("", label="stable", image=picture(1, 1)),
        caller.request("__saved_model_init_op"),
        two,
    ]


def _bombs(caller: Caller) -> list:
    """Small messages that ask for much: of numbers, of strings that repeat, of tiny images."""
    asked = (
        ("", "image", "float32", (1, 4000, 4000, 3), {"float_val": [1.0]}),
        ("", "image", "float32", (1,) * 100, {"float_val": [1.0]}),
        ("serving_uint8", "image_u8", "uint8", (20_000, 1, 1, 3), {"int_val": [1]}),
        ("serving_bytes", "image_bytes", "string", (500_000,), {"string_val": [_PNG]}),
    )
    found = []
    for signature, alias, dtype, shape, values in asked:
        request = caller.request(signature)
        proto = tensor_pb2.TensorProto(dtype=tf.as_dtype(dtype).as_datatype_enum, **values)
        for size in shape:
            proto.tensor_shape.dim.add(size=size)
        request.inputs[alias].CopyFrom(proto)
        found.append(request)
    return found


def _leaves_models(data: bytes, whole: bytes) -> bool:
    """Whether a request for other models is refused, or asks for those that are there.

    One that is in order but for a name would be obeyed, and good calls rightly refused.
    """
    request, known = (model_management_pb2.ReloadConfigRequest() for _ in range(2))
    known.ParseFromString(whole)
    try:
        request.ParseFromString(data)
        return sources_of(request.config) == sources_of(known.config)
    except (DecodeError, Status):
        return True
