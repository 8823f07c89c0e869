"""`assets.extra/tfdeblur_export.json`: what a version was made of, to be compared with others.

It holds no times, paths or names of people: the same model gives the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from export.graph.served import Served
from tfdeblur import __version__

MANIFEST = Path("assets.extra") / "tfdeblur_export.json"


def manifest(
    served: Served,
    signatures: Mapping[str, Any],
    *,
    max_pixels: int,
    side: int | None,
    warmup: tuple[tuple[int, int], ...],
) -> dict[str, Any]:
    """What a version consists of, as JSON values.

    Args:
        served: the model.
        signatures: concrete functions by key.
        max_pixels: int, as in `signatures.signature_functions`.
        side: int, pixels, of a servable of one size; or None.
        warmup: sizes of the warm-up records, `(height, width)` in pixels.
    """
    weights = served.weights()
    return {
        "kind": served.kind,
        "networks": {part: _network(network) for part, network in served.networks.items()},
        "settings": dict(served.settings),
        "signatures": {key: _signature(function) for key, function in signatures.items()},
        "size_multiples": served.size_multiples,
        "max_pixels": max_pixels,
        "bytes_per_pixel": served.bytes_per_pixel,
        "pixels_at_a_time": served.tiling and served.tiling.max_pixels,
        "bfloat16_costs_db": served.bfloat16_costs_db,
        "fixed_tile": side,
        "warmup": [{"height": height, "width": width} for height, width in warmup],
        "parameters": sum(variable.shape.num_elements() for variable in weights.values()),
        "weights_bytes": weights_bytes(weights),
        "weights_sha256": weights_sha256(weights),
        "versions": {
            "tfdeblur": __version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }


def to_bytes(values: Mapping[str, Any]) -> bytes:
    """The manifest as it is written."""
    return (json.dumps(values, indent=2, sort_keys=True, default=str) + "\n").encode()


def weights_bytes(variables: Mapping[str, tf.Variable]) -> int:
    """Bytes that the weights take, each once."""
    return sum(v.shape.num_elements() * v.dtype.size for v in variables.values())


def weights_sha256(variables: Mapping[str, tf.Variable]) -> str:
    """Hash of all names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(variables):
        value = variables[name].numpy()
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _network(network) -> dict[str, Any]:
    described: dict[str, Any] = {"class": type(network).__name__}
    if isinstance(network, keras.Model):
        # The config of a model that was put together from layers is one entry for each of them.
        ours = type(network).__module__.startswith("tfdeblur.")
        described["config"] = network.get_config() if ours else None
    return described


def _signature(function) -> dict[str, Any]:
    return {
        "inputs": {spec.name: _tensor(spec) for spec in function.structured_input_signature[0]},
        "outputs": {name: _tensor(spec) for name, spec in function.structured_outputs.items()},
    }


def _tensor(spec) -> dict[str, Any]:
    return {"dtype": spec.dtype.name, "shape": list(spec.shape)}
