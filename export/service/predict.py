"""`tensorflow.serving.PredictionService` over the versions of a service."""

from functools import partial
from typing import Any

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2

from export.service.calls import require_spec, time_left
from export.service.engine import Engine
from export.service.gate import Gate
from export.service.options import ServiceOptions
from export.service.request import DEFAULT_SIGNATURE, answer
from export.service.tensors import encode
from export.service.versions import Version, Versions
from export.status import Status
from export.wire import CONTENT_WANTED, join_answer
from tfdeblur.limits import LARGEST_MESSAGE

_METADATA = "signature_def"
_KINDS = {
    "tensorflow/serving/classify": "classification",
    "tensorflow/serving/regress": "regression",
}


class PredictionServicer:
    """Predict, GetModelMetadata, and the refusals of Classify, Regress and MultiInference.

    Args:
        versions: what is served.
        gate: how many run at a time.
        options: limits and encoding.
    """

    def __init__(self, versions: Versions, gate: Gate, options: ServiceOptions):
        self._versions, self._gate, self._options = versions, gate, options

    def Predict(self, request: Any, context: grpc.ServicerContext) -> bytes:  # noqa: N802
        """Runs a signature; checks in the order of `export.service.request`."""
        with self._versions.borrow(require_spec(request)) as version:
            values = answer(
                *(_engine(version), request, self._options),
                turn=partial(self._gate.turn, partial(time_left, context), call=context),
            )
        spec = model_pb2.ModelSpec(name=request.model_spec.name)
        spec.version.value = version.number
        spec.signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        as_content = (
            self._options.enable_serialization_as_tensor_content
            or CONTENT_WANTED in context.invocation_metadata()
        )
        tensors = {alias: encode(value, as_content) for alias, value in values.items()}
        answered = join_answer(spec, tensors)
        if len(answered) > LARGEST_MESSAGE:
            raise Status(
                "INTERNAL",
                f"The answer would have {len(answered)} bytes, and a message cannot have more "
                f"than {LARGEST_MESSAGE}. Send fewer images at once, or tiles.",
            )
        return answered

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """All signatures, with the one that initialises the graph, as TensorFlow Serving."""
        require_spec(request)
        if not request.metadata_field:
            raise Status(
                "INVALID_ARGUMENT",
                "GetModelMetadataRequest must specify at least one metadata_field",
            )
        for name in request.metadata_field:
            if name != _METADATA:
                raise Status("INVALID_ARGUMENT", f"Metadata field {name} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._versions.borrow(request.model_spec) as version:
            for name, signature in _engine(version).signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version.number
        response.metadata[_METADATA].Pack(signatures)
        return response

    def Classify(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refused: these models have no such signature."""
        self._refuse(request, "classification")

    def Regress(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refused: these models have no such signature."""
        self._refuse(request, "regression")

    def MultiInference(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refused: these models have no such signatures."""
        name = request.tasks[0].model_spec.name if request.tasks else ""
        if not name:
            raise Status("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        with self._versions.borrow(request.tasks[0].model_spec) as version:
            signatures = _engine(version).signatures
            for task in request.tasks:
                key = task.model_spec.signature_name or DEFAULT_SIGNATURE
                if key not in signatures:
                    raise Status(
                        "INVALID_ARGUMENT", f"Requested signature not found in model graph: {key}"
                    )
                if task.method_name not in _KINDS:
                    raise Status(
                        "UNIMPLEMENTED", f"Unsupported signature method_name: {task.method_name}"
                    )
                _refuse_signature(signatures[key], _KINDS[task.method_name])

    def _refuse(self, request: Any, kind: str) -> None:
        with self._versions.borrow(require_spec(request)) as version:
            key = request.model_spec.signature_name or DEFAULT_SIGNATURE
            signatures = _engine(version).signatures
            if key not in signatures:
                raise Status("INVALID_ARGUMENT", f"No signature was found with the name: {key}")
            _refuse_signature(signatures[key], kind)


def _engine(version: Version) -> Engine:
    if version.engine is None:  # cannot be while it is borrowed
        raise Status("INTERNAL", "the version was closed while it was in use")
    return version.engine


def _refuse_signature(signature: Any, kind: str) -> None:
    text = f"No {kind} inputs found in SignatureDef: {signature.method_name}"
    raise Status("INVALID_ARGUMENT", text)
