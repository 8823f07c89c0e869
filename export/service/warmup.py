"""Requests that a version answers before it is available: the first run is the slow one."""

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from export.service.engine import Engine
from export.service.options import ServiceOptions
from export.service.request import answer
from export.status import Status
from tfdeblur.limits import MOST_WARMUP_RECORDS

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")


def warm_up(engine: Engine, folder: Path, options: ServiceOptions) -> int:
    """Runs the warm-up records of a version.

    Args:
        engine: the version, loaded.
        folder: its folder; the records stand in `assets.extra/tf_serving_warmup_requests`.
        options: how often each is run.

    Returns:
        Number of records; 0 where there is no such file.

    Raises:
        Status: if the file is broken, holds more than 1000 records or other kinds than Predict,
            or if one of them fails: the version must then not serve.

    Source: TensorFlow Serving, saved_model_warmup_util.cc. Unlike it, records of Classify, Regress
    and MultiInference are refused: these models have no such signatures.
    """
    path = folder / WARMUP_FILE
    if not path.is_file():
        return 0
    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            count += 1
            if count > MOST_WARMUP_RECORDS:
                raise Status(
                    "INVALID_ARGUMENT",
                    f"Number of warmup records exceeds the maximum ({MOST_WARMUP_RECORDS}) at "
                    f"{path}",
                )
            _run(engine, record, options)
    except tf.errors.DataLossError as error:
        raise Status(
            "DATA_LOSS", f"{error.message} Please verify your warmup data is in TFRecord format."
        ) from error
    return count


def _run(engine: Engine, record: bytes, options: ServiceOptions) -> None:
    log = prediction_log_pb2.PredictionLog()
    try:
        log.ParseFromString(record)
    except Exception as error:
        raise Status(
            "INVALID_ARGUMENT", f"Failed to parse warmup record: {record[:40]!r}"
        ) from error
    if log.WhichOneof("log_type") != "predict_log":
        raise Status(
            "UNIMPLEMENTED", f"Unsupported log_type for warmup: {log.WhichOneof('log_type')}"
        )
    for _ in range(options.num_request_iterations_for_warmup):
        answer(engine, log.predict_log.request, options)
