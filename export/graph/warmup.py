"""Warm-up records: requests that TensorFlow Serving runs before it makes a version available.

On a GPU the first image of each size is slow (kernels are chosen by trying them out), so the
sizes that will be served are worth naming. A record holds one value for a whole image, which is
repeated where it is read: it takes tens of bytes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfdeblur import limits
from tfdeblur.errors import InvalidInput

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"


def warmup_records(
    name: str, signatures: Iterable[str], sizes: Iterable[tuple[int, int]]
) -> list[bytes]:
    """One record for every signature and size: serialised `PredictionLog` messages.

    Args:
        name: str, of the model.
        signatures: their keys.
        sizes: of images, `(height, width)` in pixels.

    Raises:
        InvalidInput: if there are more than `limits.MOST_WARMUP_RECORDS`, or the package
            tensorflow-serving-api is missing.
    """
    sizes, signatures = list(sizes), list(signatures)
    count = len(sizes) * len(signatures)
    if count > limits.MOST_WARMUP_RECORDS:
        raise InvalidInput(
            f"`warmup` may name at most {limits.MOST_WARMUP_RECORDS // len(signatures)} "
            f"sizes, as TensorFlow "
            f"Serving takes {limits.MOST_WARMUP_RECORDS} records. Received: {len(sizes)} sizes"
        )
    if not count:
        return []
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise InvalidInput(
            "`warmup` needs the package tensorflow-serving-api: pip install tensorflow-serving-api"
        ) from error
    records = []
    for height, width in sizes:
        for signature in signatures:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            key, value = _input(signature, height, width)
            request.inputs[key].CopyFrom(value)
            log = prediction_log_pb2.PredictLog(request=request)
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            records.append(record.SerializeToString(deterministic=True))
    return records


def write_warmup(path: Path, records: Iterable[bytes]) -> None:
    """Writes the records where TensorFlow Serving looks for them."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def _input(signature: str, height: int, width: int) -> tuple[str, Any]:
    """Name and value of the input: a gray image."""
    if signature == "serving_bytes":
        gray = tf.fill((height, width, 3), tf.constant(128, tf.uint8))
        return "image_bytes", tf.make_tensor_proto([tf.io.encode_png(gray).numpy()])
    proto = tf.make_tensor_proto(0, tf.float32, shape=())
    key = "image"
    if signature == "serving_uint8":
        key, proto.dtype = "image_u8", tf.uint8.as_datatype_enum
        proto.ClearField("float_val")
        proto.int_val.append(128)
    else:
        proto.float_val[:] = [0.5]
    for length in (1, height, width, 3):
        proto.tensor_shape.dim.add(size=length)
    return key, proto
