"""One version of a model in memory, run as TensorFlow Serving runs it.

A v1 session over the v1 loader: the same loader and executor as in `tensorflow_model_server`, so
the same codes and texts, and mistakes of an export that `tf.saved_model.load` hides are seen here
as they would be there.
"""

import gc
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

from export.service.options import ServiceOptions
from export.service.pace import Pace
from export.status import BY_NUMBER, Status
from tfdeblur.restorers.precision import chosen_precision

_MANIFEST = Path("assets.extra") / "tfdeblur_export.json"  # of `export.graph`
_loader = tf.compat.v1.saved_model.loader


class Engine:
    """Graph and session of one version folder.

    Args:
        folder: version folder of a SavedModel.
        options: tags, and threads of the session.

    Attributes:
        signatures: dict, name -> SignatureDef, with those that begin with `__`.
        padded_to: int, pixels, that the graph pads heights and widths to, as the manifest of
            `tfdeblur export` tells; 1 where there is none.
        bytes_per_pixel: float, working memory for each padded pixel; 0 where it is not known.
        pixels_at_a_time: int, the most of them that its network sees at once; None: all.
        max_pixels: int, padded, that the graph takes at once; None where it is not known.
        pace: `Pace`, of this version.
        precision: "float32" or "bfloat16", the arithmetic that it is run in.

    Raises:
        Status: with TensorFlow's code, where the folder does not hold a model that loads.
    """

    def __init__(self, folder: Path, options: ServiceOptions):
        if not any((folder / f"saved_model.{kind}").is_file() for kind in ("pb", "pbtxt")):
            raise Status(
                "NOT_FOUND",
                f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: "
                f"{folder}. Check that the directory exists and that you have the right "
                "permissions for accessing it.",
            )
        noted = _Noted.of(folder)
        self.padded_to, self.bytes_per_pixel = noted.padded_to, noted.bytes_per_pixel
        self.pixels_at_a_time = noted.pixels_at_a_time
        self.max_pixels = noted.max_pixels
        self.precision = chosen_precision(options.precision, noted)
        config = _config(options, self.precision)
        self._session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        try:
            with self._session.graph.as_default(), _Quiet():
                graph = _loader.load(
                    self._session, options.saved_model_tags.split(","), str(folder)
                )
        except BaseException as error:
            self.close()
            raise status_of(error) from error
        self.signatures = {name: graph.signature_def[name] for name in graph.signature_def}
        self.pace = Pace()
        # oneDNN's convolutions with a bias and an addition keep what they add in the operation:
        # runs side by side answer with wrong pixels (TensorFlow 2.20 and 2.21).
        self._one_at_a_time = threading.Lock()

    def run(
        self, feeds: dict[str, np.ndarray], fetches: list[str], seconds: float | None = None
    ) -> list[np.ndarray]:
        """Runs the graph once; safe from several threads, which wait for each other.

        Args:
            feeds: tensor name -> array of the right type; `Session.run` would cast others.
            fetches: tensor names.
            seconds: time left to the caller; the executor gives up between operations.

        Returns:
            One array per fetch.

        Raises:
            Status: with TensorFlow's code and text.
        """
        with self._turn(seconds) as left:
            settings = None
            if left is not None:
                milliseconds = min(max(1, round(left * 1000)), 2**31)
                settings = tf.compat.v1.RunOptions(timeout_in_ms=milliseconds)
            try:
                return self._session.run(fetches, feeds, options=settings)
            except Exception as error:
                raise status_of(error) from error

    def close(self) -> None:
        """Frees the session; runs that are still under way are cancelled."""
        self._session.close()
        self._session = None  # type: ignore[assignment]  # its end frees the weights
        # Graphs of TensorFlow hold themselves; uncollected, every swap of versions left 4 MB.
        gc.collect()

    @contextmanager
    def _turn(self, seconds: float | None) -> Iterator[float | None]:
        """Waits for the run before; gives the seconds that are left then."""
        start = time.monotonic()
        if not self._one_at_a_time.acquire(timeout=-1 if seconds is None else max(0.0, seconds)):
            raise Status("DEADLINE_EXCEEDED", "Timed out waiting for notification")
        try:
            yield None if seconds is None else seconds - (time.monotonic() - start)
        finally:
            self._one_at_a_time.release()


def status_of(error: BaseException) -> Status:
    """An error of TensorFlow as the status that TensorFlow Serving sends for it."""
    if isinstance(error, Status):
        return error
    if isinstance(error, tf.errors.OpError):
        # Python decorates the text with a traceback and keeps the executor's own beside it.
        raw = error.__context__ if isinstance(error.__context__, tf.errors.OpError) else error
        text = str(raw.message).removeprefix("Graph execution error:\n\n")
        row = BY_NUMBER.get(error.error_code)
        return Status(row.name if row else "UNKNOWN", text)
    if isinstance(error, MemoryError):
        return Status("RESOURCE_EXHAUSTED", "out of memory")
    if isinstance(error, ValueError):  # Session.run's own check of shapes
        return Status("INVALID_ARGUMENT", str(error))
    return Status("UNKNOWN", f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class _Noted:
    """What `tfdeblur export` noted of a model; as it is here, of somebody else's."""

    padded_to: int = 1
    bytes_per_pixel: float = 0.0
    pixels_at_a_time: int | None = None
    max_pixels: int | None = None
    bfloat16_costs_db: float | None = None

    @classmethod
    def of(cls, folder: Path) -> "_Noted":
        try:
            described = json.loads((folder / _MANIFEST).read_bytes())
            most, cost = described.get("max_pixels"), described.get("bfloat16_costs_db")
            tile = described.get("pixels_at_a_time")
            return cls(
                max(int(multiple) for multiple in described["size_multiples"].values()),
                float(described.get("bytes_per_pixel", 0)),
                int(tile) if tile is not None else None,
                int(most) if most is not None else None,
                float(cost) if cost is not None else None,
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls()


def _config(options: ServiceOptions, precision: str) -> Any:
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.tensorflow_intra_op_parallelism,
        inter_op_parallelism_threads=options.tensorflow_inter_op_parallelism,
    )
    config.gpu_options.allow_growth = True
    if precision == "bfloat16":  # see `restorers.graph.arithmetic`; here for this session alone
        on = rewriter_config_pb2.RewriterConfig.ON
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = on
    return config


class _Quiet:
    """TensorFlow says at each load that this loader is old; it is the one that the server has."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("tensorflow")
        self._logger.addFilter(_not_about_age)

    def __exit__(self, *_: object) -> None:
        self._logger.removeFilter(_not_about_age)


def _not_about_age(record: logging.LogRecord) -> bool:
    return "deprecated" not in str(record.msg)
