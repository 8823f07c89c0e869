"""Which models a service serves, from where, and which of their versions."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from export.status import Status
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.near import did_you_mean_path

CONFIG_FILE = "models.config"
SAVED_MODEL = "saved_model.pb"
CONTAINER = "/models"  # where the compose file mounts the root; base paths in the file say so


@dataclass(frozen=True)
class Source:
    """One configured model.

    Args:
        name: str, as requests call it.
        base_path: folder that holds the version folders.
        latest: int, how many of the highest versions to serve; 0: see the next two.
        specific: versions to serve and no others.
        labels: label -> version.
        platform: str, always "tensorflow".
    """

    name: str
    base_path: Path
    latest: int = 1
    specific: tuple[int, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    platform: str = "tensorflow"

    def present(self) -> list[int] | None:
        """Versions on disk, lowest first; None where the base folder is not there.

        Whatever is called by a number is a version, also a plain file (which then fails to
        load), as in TensorFlow Serving's file_system_storage_path_source.cc.
        """
        try:
            names = [path.name for path in self.base_path.iterdir()]
        except OSError:
            return None
        return sorted({int(name) for name in names if name.isascii() and name.isdigit()})

    def wanted(self) -> list[int] | None:
        """Versions to serve by the policy; None where the base folder is not there."""
        versions = self.present()
        if versions is None:
            return None
        if self.specific:
            return [version for version in versions if version in self.specific]
        return versions[-self.latest :] if self.latest else versions

    def folder(self, version: int) -> Path:
        """Folder of a version; its name may have leading zeros."""
        for path in self.base_path.iterdir():
            if path.name.isascii() and path.name.isdigit() and int(path.name) == version:
                return path
        return self.base_path / str(version)


def sources_of(config: Any, path_map: dict[str, Path] | None = None) -> list[Source]:
    """Reads a ModelServerConfig with the checks of TensorFlow Serving, in its order.

    Args:
        config: ModelServerConfig.
        path_map: start of a base path -> folder that stands in its place.

    Raises:
        Status: INVALID_ARGUMENT.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise Status(
            "INVALID_ARGUMENT",
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
            "ModelConfigList is currently supported",
        )
    models = config.model_config_list.config
    seen: set[str] = set()
    for model in models:
        if model.name in seen:
            raise Status(
                "INVALID_ARGUMENT",
                f"Illegal to list model {model.name} multiple times in config list",
            )
        seen.add(model.name)
    for model in models:
        if not model.base_path.startswith("/") and "://" not in model.base_path:
            raise Status(
                "INVALID_ARGUMENT",
                f"Expected model {model.name} to have an absolute path or URI; got base_path()="
                f"{model.base_path}",
            )
    return [_source(model, path_map or {}) for model in models]


def check_platforms(old: Iterable[Source], new: Iterable[Source]) -> None:
    """Refuses a change of a model's platform.

    Raises:
        Status: INVALID_ARGUMENT.
    """
    before = {source.name: source.platform for source in old}
    for source in new:
        if before.get(source.name, source.platform) != source.platform:
            raise Status(
                "INVALID_ARGUMENT",
                f"Illegal to change a model's platform. For model {source.name} platform was "
                f"{before[source.name]} and new platform requested is {source.platform}",
            )
        if source.platform != "tensorflow":
            raise Status(
                "INVALID_ARGUMENT",
                f"Model {source.name} requests unsupported platform {source.platform}",
            )


def read_config(path: Path, path_map: dict[str, Path] | None = None) -> list[Source]:
    """Reads a `models.config`.

    Args:
        path: text file of a ModelServerConfig.
        path_map: as `sources_of`; by default `/models` is the folder of the file, which is what
            the compose file beside it mounts there.

    Raises:
        DataError: if the file is missing or is not such a file.
    """
    if path_map is None:
        path_map = {CONTAINER: path.parent}
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
        sources = sources_of(config, path_map)
        check_platforms([], sources)
    except (OSError, UnicodeDecodeError, text_format.ParseError, Status) as error:
        raise DataError(
            f"`model_config_file` must be a text file of a ModelServerConfig, as `tfdeblur export` "
            f"writes it. Received: {path}: {error}"
        ) from error
    return sources


def find_sources(root: Path, name: str | None = None, option: str = "root") -> list[Source]:
    """What to serve from a folder.

    Args:
        root: folder with a `models.config`; or base folder of one model (it holds version
            folders); or folder of such base folders.
        name: of the model, where `root` is its base folder (default: the folder's name).
        option: what the caller calls `root`, for messages.

    Raises:
        DataError: if there is nothing to serve.
        InvalidInput: if `name` is given and `root` holds several models.
    """
    given, root = root, root.absolute()
    if (root / SAVED_MODEL).is_file():
        raise _nothing_to_serve(given, name, option)
    itself = Source(name or root.name, root)
    if itself.present() or (name and root.is_dir() and not (root / name).is_dir()):
        return [itself]
    if (root / CONFIG_FILE).is_file():
        sources = read_config(root / CONFIG_FILE)
    else:
        folders = sorted(root.iterdir()) if root.is_dir() else []
        sources = [Source(path.name, path) for path in folders if path.is_dir()]
        sources = [source for source in sources if source.present()]
    if name is not None:
        sources = [source for source in sources if source.name == name]
    if not sources:
        raise _nothing_to_serve(given, name, option)
    return sources


def _nothing_to_serve(root: Path, name: str | None, option: str) -> DataError:
    """Why a folder holds no models, and what to do."""
    if not root.exists():
        why = f"there is no folder {root}.{did_you_mean_path(root, folders=True)}"
        what = "`tfdeblur export --root DIR` writes them."
    elif (root / SAVED_MODEL).is_file():
        why = f"{root} is one version of a model."
        what = f"Give the folder above, {os.path.normpath(root / os.pardir)}."
    elif (root / "run.json").is_file():
        why = f"{root} is a training run."
        what = f"`tfdeblur export --model {root} --root served/` makes of it what can be served."
    else:
        why = f"{root} holds no {name or '<model>'}/<version>/{SAVED_MODEL}."
        what = f"`tfdeblur export --root {root}` writes one."
    return DataError(f"`{option}` must be a folder of exported models, and {why} {what}")


def parse_path_map(text: str) -> dict[str, Path]:
    """Reads `/models=/my/folder[,...]`.

    Raises:
        InvalidInput: if the text is not of that form.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(old.startswith("/") and new for old, _, new in pairs):
        raise InvalidInput(f"`path_map` must be /in/the/config=/on/disk. Received: {text}")
    return {old.rstrip("/"): Path(new).absolute() for old, _, new in pairs}


def _source(model: Any, path_map: dict[str, Path]) -> Source:
    if not model.model_platform and not model.model_type:
        raise Status(
            "INVALID_ARGUMENT",
            "Illegal setting neither ModelServerConfig::model_type nor "
            f"ModelServerConfig::model_platform: model {model.name}",
        )
    policy = model.model_version_policy
    kind = policy.WhichOneof("policy_choice") or "latest"
    return Source(
        name=model.name,
        base_path=_mapped(model.base_path, path_map),
        latest=(policy.latest.num_versions or 1) if kind == "latest" else 0,
        specific=tuple(policy.specific.versions) if kind == "specific" else (),
        labels=dict(model.version_labels),
        platform=model.model_platform or "tensorflow",
    )


def _mapped(path: str, path_map: dict[str, Path]) -> Path:
    for old, new in path_map.items():
        if PurePosixPath(path).is_relative_to(old):
            return new / PurePosixPath(path).relative_to(old)
    return Path(path)
