"""Reads ONNX files, and the weights that lie in files beside them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfdeblur import limits
from tfdeblur.adopt.onnx.graph import OnnxGraph
from tfdeblur.adopt.source import Source
from tfdeblur.convert.package import Package, open_package, read_licences
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.onnx.model import (
    bytes_of,
    check_total,
    parse_model,
    tensors_of,
)


def read_onnx(path: Path, tell: Callable[[str], None]) -> Source:
    """Reads a `.onnx` file, with its external data and the licences in its folder.

    Raises:
        DataError: if it is none, too large, or its data lie outside of its folder, are missing or
            cut; if onnx is not installed.
    """
    tell(f"reading {path}")
    with open_package(path.resolve().parent, npm="PACKAGE") as beside:
        data = beside.read(path.resolve().name, limits.LARGEST_MESSAGE)
        digests = {path.name: hashlib.sha256(data).hexdigest()}
        licences = read_licences(beside)
        model = parse_model(data, str(path))
        digests |= _bring_in(model, beside, str(path))
    outputs = [value.name for value in model.graph.output]
    return Source("ONNX file", str(path), OnnxGraph(model), outputs, licences, digests)


def _bring_in(model: Any, beside: Package, where: str) -> dict[str, str]:
    """Puts what lies in other files into the model; SHA-256 of those files, by name.

    What is claimed is added up before anything is read.
    """
    outside = [tensor for tensor in tensors_of(model) if tensor.data_location == tensor.EXTERNAL]
    total = 0
    for tensor in tensors_of(model):
        total += bytes_of(tensor, where)
        check_total(total, tensor, where)
    files: dict[str, bytes] = {}
    for tensor in outside:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name = entries.get("location", "")
        if name not in files:
            files[name] = beside.read(name, limits.MOST_BYTES_OF_CONSTANTS)
        start = _number(entries.get("offset", "0"), tensor, where)
        size = bytes_of(tensor, where)
        part = files[name][start : start + size]
        if len(part) != size or _number(entries.get("length", str(size)), tensor, where) != size:
            raise DataError(
                f"{where} is damaged, or {name!r:.150} beside it is cut: {tensor.name!r:.150} "
                f"{list(tensor.dims)} must have {size} bytes from {start} on."
            )
        tensor.raw_data = part
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _number(text: str, tensor: Any, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise DataError(
            f"{where} is damaged: offset and length of {tensor.name!r:.150} must be whole numbers. "
            f"Received: {text!r:.50}"
        )
    return int(text)
