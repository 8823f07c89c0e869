"""Messages of TensorFlow Serving, without TensorFlow: a client needs these and no more.

`tensorflow-serving-api` describes the same messages, but its modules import those of TensorFlow,
which take seconds and 700 MB. `messages.binpb` holds the descriptors of its version 2.21, as they
are (a FileDescriptorSet of predict.proto, get_model_metadata.proto, get_model_status.proto and all
that they import; Apache-2.0, see NOTICE). They live in a pool of their own, so both may be loaded
in one process. What is written is the same, byte for byte.
"""

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTORS = Path(__file__).with_name("messages.binpb")


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    for file in files.file:  # what is imported comes first
        pool.Add(file)
    return pool


_POOL = _pool()


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


TensorProto = _message("tensorflow.TensorProto")
ModelSpec = _message("tensorflow.serving.ModelSpec")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
ModelVersionStatus = _message("tensorflow.serving.ModelVersionStatus")

_TYPES = _POOL.FindEnumTypeByName("tensorflow.DataType").values_by_number
_STATES = ModelVersionStatus.DESCRIPTOR.enum_types_by_name["State"].values_by_number


def type_name(number: int) -> str:
    """Name of a type on the wire: "DT_FLOAT"; of one that is not known, its number."""
    known = _TYPES.get(number)
    return str(number) if known is None else known.name


def state_name(number: int) -> str:
    """Name of the state of a version: "AVAILABLE"; of one that is not known, "UNKNOWN"."""
    known = _STATES.get(number)
    return "UNKNOWN" if known is None else known.name
