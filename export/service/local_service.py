"""A service on this machine that answers gRPC calls as TensorFlow Serving does.

For laptops and tests: the same calls, codes and texts, without a container. In production use
`tensorflow_model_server` itself, with the files that `export_model` writes beside the model.
"""

import logging
import threading
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from export.service.config import CONTAINER, Source, find_sources, parse_path_map, read_config
from export.service.gate import Gate
from export.service.memory import for_requests, of_this_process
from export.service.options import ServiceOptions
from export.service.port import check_free, target_of
from export.service.server import Server
from export.service.versions import Versions
from export.status import Status
from tfdeblur.errors import DataError

logger = logging.getLogger("tfdeblur.serve")


class LocalService:
    """Serves exported models; a context manager.

    ::

        with LocalService("served/") as service:
            DeblurClient(service.target, model="deblur").deblur(image)

    The port opens when all models have loaded, as TensorFlow Serving's does. New versions on disk
    are taken over while it runs, without a failed request in between.

    What differs from TensorFlow Serving, all stricter or louder: requests above 256 MiB are
    refused, so are tensors that name a shape they could not hold; a folder without a version is
    an error at once (there the server waits); a failed load is tried again once after one second
    (there five times, a minute apart); it listens on this machine only; `stop` lets running
    requests finish; callers that send or read too slowly are cancelled when there are many
    (`export.service.slow`); who would be answered after its deadline, by how long the model took
    before, is refused at once with RESOURCE_EXHAUSTED (there it waits in vain, and runs in vain);
    a `DeblurClient`, which asks for it, gets its answers in raw bytes, all others in typed fields.
    REST, batching and metrics are not here.

    Args:
        root: folder with a `models.config`, base folder of one model, folder of such base
            folders, or a `models.config` file itself.
        port: TCP port; 0: any that is free, see `target`.
        path_map: str `/in/the/config=/on/disk`, for base paths in a `models.config`
            or in a reload request (default: `/models` is the folder of the file, or `root`).
        **options: fields of `export.service.options.ServiceOptions`.

    Attributes:
        target: "host:port" to connect to, once started.

    Raises:
        InvalidInput: if an option is wrong, or the port is taken.
        DataError: if there is nothing to serve, or a model does not load.
    """

    def __init__(
        self,
        root: str | Path,
        port: int = 0,
        *,
        path_map: str | None = None,
        **options: Any,
    ):
        self._root, self._port = Path(root), port
        self._options = ServiceOptions(**options)
        self._path_map = parse_path_map(path_map) if path_map else None
        self._versions = Versions(self._options)
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._watchers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def target(self) -> str:
        """Where to connect to: "host:port"."""
        if self._server is None:
            raise RuntimeError("`LocalService` has not been started: use it in a with statement.")
        return target_of(self._options.host, self._server.port)

    def start(self) -> Self:
        """Loads the models and listens; returns itself."""
        check_free(self._options.host, self._port)  # before models load, which takes long
        sources = self._sources()
        # An image takes all cores, or the GPU, for itself: see also `Engine.run`.
        gate = Gate(self._options.max_running or _gpus() or 1, self._options.callers)
        path_map = self._path_map or {CONTAINER: self._folder()}
        server = Server(self._versions, gate, self._options, path_map)
        try:
            if self._options.open_port_early:
                server.open(self._port)
                self._server = server
            self._load(sources)
            if not _gpus():
                gate.room.limit(for_requests(self._options.memory), of_this_process)
            if not self._options.open_port_early:
                server.open(self._port)
                self._server = server
        except BaseException:
            self.stop(0)
            raise
        server.set_healthy(True)
        self._watch(self._options.file_system_poll_wait_seconds, self._versions.poll)
        if self._config_file() is not None:
            self._watch(self._options.model_config_file_poll_wait_seconds, self._reread)
        return self

    def stop(self, drain_seconds: float | None = None) -> None:
        """Refuses new calls, lets running ones finish, unloads the models.

        Args:
            drain_seconds: how long running calls may take (default: the option of that name);
                after it they are cancelled.
        """
        self._stopping.set()
        for watcher in self._watchers:
            watcher.join()
        if self._server is not None:
            seconds = self._options.drain_seconds if drain_seconds is None else drain_seconds
            self._server.close(seconds)
        self._versions.close()

    def _folder(self) -> Path:
        root = self._root.absolute()
        return root.parent if root.is_file() or Source("", root).present() else root

    def _config_file(self) -> Path | None:
        return self._root.absolute() if self._root.is_file() else None

    def _sources(self) -> list[Source]:
        path = self._config_file()
        if path is not None:
            return read_config(path, self._path_map)
        return find_sources(self._root, self._options.model_name)

    def _load(self, sources: list[Source]) -> None:
        try:
            self._versions.configure(sources, starting=True)
        except Status as error:
            raise DataError(
                f"Failed to start server. Error: {error.row.name}: {error.text}. Labels are "
                "accepted at the start with --allow_version_labels_for_unavailable_models."
            ) from error
        if self._options.open_port_early:
            return
        failed = self._versions.failures()
        if failed:
            why = ", ".join(
                f"{{{{name: {v.name} version: {v.number}}} due to error: {v.error.text}}}"
                for v in failed
                if v.error
            )
            raise DataError(
                f"Failed to start server. Error: UNKNOWN: {len(failed)} servable(s) did not "
                f"become available: {{{why}}}. Export it again, or remove that version."
            )
        for source in self._versions.idle_sources():
            raise DataError(
                f"`{source.name}` has no version in {source.base_path}. `tfdeblur export` writes "
                "one; with --open_port_early the service waits for it."
            )

    def _watch(self, seconds: float, look: Any) -> None:
        if not seconds:
            return

        def watch() -> None:
            while not self._stopping.wait(seconds):
                try:
                    look()
                except Exception:  # a folder that cannot be read now may be readable later
                    logger.exception("looking for new versions failed; will look again")

        watcher = threading.Thread(target=watch, name="tfdeblur-versions", daemon=True)
        watcher.start()
        self._watchers.append(watcher)

    def _reread(self) -> None:
        try:
            self._versions.configure(self._sources())
        except (Status, DataError) as error:
            logger.error("the new models.config is not taken over: %s", error)


def _gpus() -> int:
    return len(tf.config.list_physical_devices("GPU"))
