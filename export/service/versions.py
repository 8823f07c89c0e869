"""Versions of models: found on disk, loaded, handed to requests, swapped, unloaded.

A new version is loaded beside the old one; only when it is available does the old one go, and an
old one is closed by whoever uses it last. A version that does not load leaves the old one serving.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from export.service.config import Source, check_platforms
from export.service.engine import Engine, status_of
from export.service.options import ServiceOptions
from export.service.warmup import warm_up
from export.status import Status

logger = logging.getLogger("tfdeblur.serve")

START, LOADING, AVAILABLE, UNLOADING, END = 10, 20, 30, 40, 50  # ModelVersionStatus.State


class Version:
    """One version of a model and what became of it; `Versions` guards it with its lock."""

    def __init__(self, name: str, number: int):
        self.name, self.number = name, number
        self.state = START
        self.error: Status | None = None
        self.engine: Engine | None = None
        self.users = 0
        self.tries = 0
        self.next_try = 0.0

    @property
    def pending(self) -> bool:
        """Whether it is on its way to being available."""
        return self.state in (START, LOADING)


class Versions:
    """All versions of all configured models.

    Args:
        options: policies of loading.
    """

    def __init__(self, options: ServiceOptions):
        self._options = options
        self._sources: dict[str, Source] = {}
        self._versions: dict[str, dict[int, Version]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()  # held for moments: requests take it
        self._loading = threading.RLock()  # held while models load: only one thread at a time

    def configure(self, sources: list[Source], starting: bool = False) -> None:
        """Replaces the set of models; waits until the new ones are available.

        Args:
            sources: all models from now on.
            starting: labels are refused before the models load, as in the real server, unless
                the options allow them.

        Raises:
            Status: FAILED_PRECONDITION for a label of a version that is not available;
                UNKNOWN if new models did not become available; INVALID_ARGUMENT for platforms.
        """
        with self._loading:
            check_platforms(self._sources.values(), sources)
            if starting:
                self._refuse_labels(sources)
            new = [source for source in sources if source.name not in self._sources]
            with self._lock:
                self._sources = {source.name: source for source in sources}
            self.poll(wait=True)
            if not starting:
                self._check_available(new)
            self._assign_labels(sources)

    def poll(self, wait: bool = False) -> None:
        """Looks at the disk once; loads what is new, then unloads what is no longer wanted.

        Args:
            wait: stays until versions that are to be tried again have loaded or failed.
        """
        with self._loading:
            while True:
                for source in list(self._sources.values()):
                    self._refresh(source)
                for name in set(self._versions) - set(self._sources):
                    self._unload(name, keep=set())
                tries = [v.next_try for v in self._all() if v.pending]
                if not wait or not tries:
                    return
                time.sleep(max(0.0, min(tries) - time.monotonic()))

    @contextmanager
    def borrow(self, spec: Any) -> Iterator[Version]:
        """The version that a request asks for; it is not closed while it is used.

        Args:
            spec: ModelSpec.

        Raises:
            Status: INVALID_ARGUMENT for no name or an unknown label; NOT_FOUND.
        """
        version = self._take(spec)
        try:
            yield version
        finally:
            with self._lock:
                version.users -= 1
            self._close_unused(version)

    def states(self, name: str) -> list[Version]:
        """All versions of a model that were ever seen, highest first."""
        with self._lock:
            return sorted(self._versions.get(name, {}).values(), key=lambda v: -v.number)

    def failures(self) -> list[Version]:
        """Wanted versions that did not load."""
        return [version for version in self._all() if version.error is not None]

    def idle_sources(self) -> list[Source]:
        """Models of which no version is available."""
        with self._lock:
            return [s for s in self._sources.values() if not self._available(s.name)]

    def close(self) -> None:
        """Unloads everything; what is in use is closed by its last user."""
        with self._loading:
            self._sources = {}
            self.poll()

    # --- choosing -------------------------------------------------------------------------

    def _take(self, spec: Any) -> Version:
        name = spec.name
        if not name:
            raise Status("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        with self._lock:
            which = spec.WhichOneof("version_choice")
            available = self._available(name)
            if which is None:
                if not available:
                    raise Status("NOT_FOUND", f"Servable not found for request: Latest({name})")
                number = max(available)
            elif which == "version":
                number = spec.version.value
            else:
                labels = self._labels.get(name, {})
                if spec.version_label not in labels:
                    raise Status(
                        "INVALID_ARGUMENT",
                        f"Unrecognized servable version label: {spec.version_label}",
                    )
                number = labels[spec.version_label]
            if number not in available:
                raise Status(
                    "NOT_FOUND", f"Servable not found for request: Specific({name}, {number})"
                )
            available[number].users += 1
            return available[number]

    def _available(self, name: str) -> dict[int, Version]:
        versions = self._versions.get(name, {})
        return {n: version for n, version in versions.items() if version.state == AVAILABLE}

    def _all(self) -> list[Version]:
        with self._lock:
            return [v for versions in self._versions.values() for v in versions.values()]

    # --- loading --------------------------------------------------------------------------

    def _refresh(self, source: Source) -> None:
        wanted = source.wanted()
        if wanted is None:
            logger.warning("%s: its base folder is not there: %s", source.name, source.base_path)
            return
        with self._lock:
            known = self._versions.setdefault(source.name, {})
            for number, version in known.items():
                if number not in wanted and (version.error or version.pending):
                    version.state, version.error = END, None
            for number in wanted:
                old = known.get(number)
                if old is None or (old.state == END and old.error is None):
                    known[number] = Version(source.name, number)
            todo = [known[n] for n in wanted if known[n].pending]
        for version in todo:
            if version.next_try <= time.monotonic():
                self._load(source, version)
        with self._lock:
            served = any(number in wanted for number in self._available(source.name))
        if served or not wanted:
            self._unload(source.name, keep=set(wanted))

    def _load(self, source: Source, version: Version) -> None:
        started = time.monotonic()
        version.state = LOADING
        version.tries += 1
        engine = None
        try:
            folder = source.folder(version.number)
            engine = Engine(folder, self._options)
            if self._options.enable_model_warmup:
                warm_up(engine, folder, self._options)
        except Exception as error:
            if engine is not None:
                engine.close()
            self._failed(version, status_of(error))
            return
        with self._lock:
            version.engine, version.state = engine, AVAILABLE
        seconds = time.monotonic() - started
        logger.info(
            "%s version %d is available (%.1f s), in %s",
            *(version.name, version.number, seconds, engine.precision),
        )

    def _failed(self, version: Version, error: Status) -> None:
        last = version.tries > self._options.max_num_load_retries
        text = error.text.splitlines()[0] if error.text else error.row.name
        logger.error(
            "%s version %d does not load%s: %s",
            *(version.name, version.number, "" if last else ", will be tried again", text),
        )
        with self._lock:
            if last:
                version.state, version.error = END, error
            else:
                pause = self._options.load_retry_interval_micros / 1e6
                version.next_try = time.monotonic() + pause

    def _unload(self, name: str, keep: set[int]) -> None:
        with self._lock:
            going = [v for n, v in self._available(name).items() if n not in keep]
            for version in going:
                version.state = UNLOADING
        for version in going:
            logger.info("%s version %d is unloaded", name, version.number)
            self._close_unused(version)

    def _close_unused(self, version: Version) -> None:
        with self._lock:
            if version.state != UNLOADING or version.users or version.engine is None:
                return
            engine, version.engine = version.engine, None
        engine.close()
        version.state = END

    # --- labels ---------------------------------------------------------------------------

    def _refuse_labels(self, sources: list[Source]) -> None:
        if self._options.allow_version_labels_for_unavailable_models:
            return
        for source in sources:
            for number in source.labels.values():
                raise _label_refused(source.name, number)

    def _check_available(self, sources: list[Source]) -> None:
        failed = []
        for source in sources:
            with self._lock:
                versions = self._versions.get(source.name, {}).values()
                errors = [v.error.text for v in versions if v.error is not None]
                if self._available(source.name):
                    continue
            why = errors[0] if errors else f"no version in {source.base_path}"
            failed.append(f"{{{source.name} due to error: {why}}}")
        if failed:
            raise Status(
                "UNKNOWN",
                f"{len(failed)} model(s) did not become available: {{{', '.join(failed)}}}",
            )

    def _assign_labels(self, sources: list[Source]) -> None:
        with self._lock:
            labels: dict[str, dict[str, int]] = {}
            for source in sources:
                old = self._labels.get(source.name, {})
                for label, number in source.labels.items():
                    unused = label not in old
                    allowed = self._options.allow_version_labels_for_unavailable_models and unused
                    if number not in self._available(source.name) and not allowed:
                        raise _label_refused(source.name, number)
                labels[source.name] = dict(source.labels)
            self._labels = labels


def _label_refused(name: str, number: int) -> Status:
    return Status(
        "FAILED_PRECONDITION",
        f"Request to assign label to version {number} of model {name}, which is not currently "
        "available for inference",
    )
