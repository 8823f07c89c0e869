"""The libraries behind ONNX files, which only the extra `onnx` brings."""

from importlib import import_module
from typing import Any

from tfdeblur.errors import DataError


def load_onnx() -> Any:
    """The module `onnx`, which reads and checks files.

    Raises:
        DataError: if it is not installed.
    """
    return _load("onnx")


def load_runtime() -> Any:
    """The module `onnxruntime`, which runs networks.

    Raises:
        DataError: if it is not installed.
    """
    return _load("onnxruntime")


def _load(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise DataError(
            f"ONNX files need {name}, which cannot be loaded here ({error}). Install it with: "
            "pip install 'tfdeblur[onnx]'"
        ) from error
