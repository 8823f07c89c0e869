"""Adopted networks that are ONNX files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.description import ONNX_FILE, Probe, read_graph
from tfdeblur.restorers.adopted.network import AdoptedNetwork
from tfdeblur.restorers.adopted.onnx.libraries import load_runtime
from tfdeblur.restorers.adopted.onnx.model import checked_model, parse_model

_QUIET = 4  # of onnxruntime's levels: what goes wrong is raised as well


class OnnxNetwork(AdoptedNetwork):
    """Runs an ONNX file by onnxruntime, on the CPU.

    In a graph of TensorFlow it is a call of Python: it runs in this process only, and cannot be
    saved.

    Args:
        session: as `open_session` returns it.
        probe: how it is called.
    """

    # What it holds at once, beside what TensorFlow does (`restorers.memory`). Measured with a small
    # Bi-Skip at 1280 x 720, onnxruntime 1.32: 465 MB where 221 MB are foreseen for TensorFlow.
    memory_factor = 2.25

    def __init__(self, session: Any, probe: Probe):
        super().__init__(probe)
        self._session = session

    def compute(self, given: Any) -> Any:
        """See `AdoptedNetwork`."""
        result = tf.numpy_function(self._call, [given], tf.float32, stateful=False)
        return tf.ensure_shape(result, (None, None, None, None))

    def _call(self, given: np.ndarray) -> np.ndarray:
        return self._session.run([self.probe.output], {self.probe.input: given})[0]


def load_onnx_network(folder: Path) -> OnnxNetwork:
    """Loads what `tfdeblur adopt` wrote of an ONNX file.

    Raises:
        DataError: if a file is missing, damaged, or another than was written; if it holds
            anything but plain computation; if onnxruntime is not installed.
    """
    data, probe = read_graph(folder, ONNX_FILE)
    where = str(folder / ONNX_FILE)
    model = checked_model(parse_model(data, where), where)
    return OnnxNetwork(open_session(model, where), probe)


def open_session(model: Any, where: str, profile: str | None = None) -> Any:
    """An onnxruntime.InferenceSession.

    It computes with as many threads as TensorFlow does: `tf.config.threading`'s number, or else
    one for each processor that this process may use. They sleep between calls, so that they take
    nothing from TensorFlow's.

    Args:
        model: onnx.ModelProto, as `model.checked_model` returns it.
        where: the file it comes from, for messages.
        profile: beginning of the path of a file that is written with times and sizes; or None.

    Raises:
        DataError: if onnxruntime is not installed or does not take it.
    """
    runtime = load_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.enable_cpu_mem_arena = False  # it keeps the most that was ever needed
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    try:
        return runtime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would print, and try the same again
        )
    except Exception as error:  # it has an exception of its own for each kind of fault
        raise DataError(
            f"{where} is no network that onnxruntime {runtime.__version__} takes: "
            f"{first_line(error)}"
        ) from error


def run_session(
    session: Any, outputs: Sequence[str], given: str, image: np.ndarray
) -> list[np.ndarray]:
    """Results for one batch; says nothing on the terminal where it fails."""
    quiet = load_runtime().RunOptions()
    quiet.log_severity_level = _QUIET
    return session.run(list(outputs), {given: image}, quiet)


def first_line(error: BaseException) -> str:
    """What onnxruntime says, without the names of its own kinds of faults."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rpartition("] : ")[2].removeprefix("1 : FAIL : ")[:300]


def _threads() -> int:
    asked = tf.config.threading.get_intra_op_parallelism_threads()
    if asked:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
