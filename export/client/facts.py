"""What a service says about its models, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.messages import SignatureDefMap, state_name, type_name
from export.status import BY_NUMBER


@dataclass(frozen=True)
class TensorFacts:
    """An input or output.

    Attributes:
        dtype: name of its type: "float", "uint8", "string".
        shape: sizes; None where any will do; () also where even the rank is open.
    """

    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class SignatureFacts:
    """A signature: name -> tensor, in and out."""

    inputs: Mapping[str, TensorFacts]
    outputs: Mapping[str, TensorFacts]


@dataclass(frozen=True)
class ModelMetadata:
    """The signatures of a model that is loaded, by key, and which version of it that is."""

    version: int
    signatures: Mapping[str, SignatureFacts]


@dataclass(frozen=True)
class VersionStatus:
    """A version of a model.

    Attributes:
        state: "START", "LOADING", "AVAILABLE", "UNLOADING", "END" or "UNKNOWN".
        code: name of the gRPC code of what went wrong with it, "OK" if nothing did.
        text: what went wrong, "" if nothing did.
    """

    version: int
    state: str
    code: str = "OK"
    text: str = ""


def read_metadata(message: Any) -> ModelMetadata:
    """Reads a GetModelMetadataResponse; internal signatures (`__...`) are left out."""
    signatures = SignatureDefMap()
    message.metadata["signature_def"].Unpack(signatures)
    found = {
        key: SignatureFacts(_tensors(one.inputs), _tensors(one.outputs))
        for key, one in sorted(signatures.signature_def.items())
        if not key.startswith("__")
    }
    return ModelMetadata(message.model_spec.version.value, found)


def _tensors(infos: Mapping[str, Any]) -> dict[str, TensorFacts]:
    return {
        name: TensorFacts(
            type_name(info.dtype).removeprefix("DT_").lower(),
            tuple(None if d.size < 0 else d.size for d in info.tensor_shape.dim),
        )
        for name, info in sorted(infos.items())
    }


def read_status(message: Any) -> list[VersionStatus]:
    """Reads a GetModelStatusResponse, the highest version first."""
    found = []
    for one in message.model_version_status:
        row = BY_NUMBER.get(one.status.error_code)
        code = "OK" if one.status.error_code == 0 else row.name if row else "UNKNOWN"
        found.append(
            VersionStatus(one.version, state_name(one.state), code, one.status.error_message)
        )
    return sorted(found, key=lambda one: -one.version)
