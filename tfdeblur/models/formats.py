"""What files and folders are that hold networks or weights of other kinds, and what to do."""

import json
import zipfile
from pathlib import Path

_ADOPT = "make a model of it with `tfdeblur adopt {} --out DIR`, and use --model DIR"
_SAVE = (
    "load it in Keras and save the network whole (`model.save('NAME.keras')`, or `model.export` "
    "for a SavedModel); `tfdeblur adopt` takes both"
)
_TO_ONNX = (
    "build the network there, load them, write an ONNX file (`torch.onnx.export`) and make a model "
    "of it with `tfdeblur adopt NAME.onnx --out DIR`"
)
_WHOLE = "it takes the network as well: ask its authors for a SavedModel or an ONNX file"
_PYTORCH = ("weights of PyTorch, without the network", _TO_ONNX)
_TORCHSCRIPT = ("a TorchScript file of PyTorch", _TO_ONNX)
_WEIGHTS_OF_KERAS = ("weights of Keras, without the network", _SAVE)
_NETWORK_OF_KERAS = ("a network of Keras in its old format (HDF5)", _SAVE)
_KERAS = (
    "a Keras file",
    "Programs of others (custom layers, Lambda) are not loaded. Where they are installed, save the "
    "network as a SavedModel (`model.export`), and take that with `tfdeblur adopt`",
)
_SAFETENSORS = ("weights without a network (safetensors)", _TO_ONNX)
_TFLITE = (
    "a TensorFlow Lite file, which is not taken",
    "use the SavedModel that it was made of: `tfdeblur adopt` takes that",
)
_BY_SUFFIX = {
    **dict.fromkeys((".pth", ".pt", ".pkl"), _PYTORCH),
    ".safetensors": _SAFETENSORS,
    **dict.fromkeys((".h5", ".hdf5"), _WEIGHTS_OF_KERAS),
    ".tflite": _TFLITE,
    ".ckpt": ("weights of PyTorch or TensorFlow, without the network", _WHOLE),
    ".index": ("a checkpoint of TensorFlow: weights without the network", _WHOLE),
    **dict.fromkeys((".npz", ".npy"), ("arrays of NumPy, without a network", _WHOLE)),
    **dict.fromkeys((".msgpack", ".flax"), ("weights of Flax, without the network", _WHOLE)),
    ".mat": ("a file of MATLAB", _WHOLE),
    ".onnx": ("an ONNX file", _ADOPT),
    ".pb": ("a frozen graph of TensorFlow", _ADOPT),
    **dict.fromkeys((".tgz", ".tar.gz"), ("an archive, as `npm pack` writes it", _ADOPT)),
    ".json": ("a description of a network", "give the folder that it lies in"),
}
_BEGINNING = 4096


def what_it_is(path: Path) -> str | None:
    """Says of something that is there and no model of ours what it is and what to do with it.

    Args:
        path: a file or a folder; it is looked at, by its beginning and by its name, and not
            loaded.

    Returns:
        Two clauses, such as "weights of PyTorch, without the network: build ..."; None where
        nothing is known of it.
    """
    found = _folder(path) if path.is_dir() else _by_content(path) or _by_name(path)
    if found is None:
        return None
    what, advice = found
    return f"{what}: {advice.format(path)}"


def _folder(path: Path) -> tuple[str, str] | None:
    if (path / "saved_model.pb").is_file():
        return "a SavedModel", _ADOPT
    if any((path / name).is_file() for name in ("model.json", "models/model.json")):
        return "a TensorFlow.js model", _ADOPT
    if any(path.glob("*.index")):
        return _BY_SUFFIX[".index"]
    return None


def _by_name(path: Path) -> tuple[str, str] | None:
    if path.name.endswith(".tar.gz"):
        return _BY_SUFFIX[".tar.gz"]
    return _BY_SUFFIX.get(path.suffix.lower())


def _by_content(path: Path) -> tuple[str, str] | None:
    """By its first bytes: names may mislead."""
    try:
        with open(path, "rb") as file:
            data = file.read(_BEGINNING)
    except OSError:
        return None
    if data.startswith(b"\x89HDF\r\n\x1a\n"):
        return _NETWORK_OF_KERAS if _holds_network(path) else _WEIGHTS_OF_KERAS
    if data.startswith(b"PK\x03\x04"):
        return _archive(path)
    if data[4:8] == b"TFL3":
        return _TFLITE
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < 2**27:
        return _SAFETENSORS
    return None


def _archive(path: Path) -> tuple[str, str] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return None
    if any(name.endswith("/constants.pkl") for name in names):
        return _TORCHSCRIPT
    if any(name.endswith("data.pkl") for name in names):
        return _PYTORCH
    if "config.json" in names and "model.weights.h5" in names:
        if path.suffix == ".keras":
            return _KERAS
        return "a Keras file under another name", "rename it to NAME.keras"
    return _BY_SUFFIX[".npz"] if names and all(n.endswith(".npy") for n in names) else None


def _holds_network(path: Path) -> bool:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            return isinstance(json.loads(text), dict) if text is not None else False
    except (OSError, ValueError, TypeError, RuntimeError, KeyError):
        return False
