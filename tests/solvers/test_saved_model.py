"""Operator and solver in one SavedModel: any size, plain operations, the same results served."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.helpers import noise, picture
from tfdeblur.operators import MotionBlur
from tfdeblur.solvers import deconvolve

TOLERANCE = 1e-6
SHAPES = [(1, 17, 33), (2, 24, 16)]

SERVE = """
import sys
import numpy as np
import tensorflow.compat.v1 as tf

folder, inputs, outputs = sys.argv[1:]
with tf.Session(graph=tf.Graph()) as session:
    signature = tf.saved_model.loader.load(session, ["serve"], folder)
    signature = signature.signature_def["serving_default"]
    names = {name: info.name for name, info in signature.outputs.items()}
    results = {}
    given = np.load(inputs)
    for case in sorted({name.partition("_")[0] for name in given}):
        feed = {i.name: given[f"{case}_{n}"] for n, i in signature.inputs.items()}
        for name, value in session.run(names, feed).items():
            results[f"{case}_{name}"] = value
assert not any(name.startswith("tfdeblur") for name in sys.modules)
np.savez(outputs, **results)
"""


class Deblurrer(tf.Module):
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), name="image"),
            tf.TensorSpec((None, None, None, 2), name="flow"),
            tf.TensorSpec((), name="beta"),
        ]
    )
    def deblur(self, image, flow, beta):
        found = deconvolve(MotionBlur(flow), image, image, beta, tolerance=TOLERANCE)
        return {"restored": found.value, "steps": found.steps, "converged": found.converged}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    module = Deblurrer()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.deblur})
    return folder


def cases():
    for index, (batch, height, width) in enumerate(SHAPES):
        image = np.stack([picture(height, width, seed=i) for i in range(batch)])
        flow = np.round(5 * noise(batch, height, width, 2))
        yield f"{index}", {"image": image, "flow": flow, "beta": np.float32(0.1)}


def test_holds_no_python_functions(exported):
    saved = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes += function.node_def
    kinds = {node.op for node in nodes}
    assert "SparseTensorDenseMatMul" in kinds and {"While", "StatelessWhile"} & kinds
    assert not any("PyFunc" in kind for kind in kinds)


def test_a_session_in_a_fresh_process_gives_the_same(exported, tmp_path):
    inputs, outputs = tmp_path / "in.npz", tmp_path / "out.npz"
    flat = {f"{case}_{name}": v for case, values in cases() for name, v in values.items()}
    np.savez(inputs, **flat)
    command = [sys.executable, "-c", SERVE, str(exported), str(inputs), str(outputs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    served = np.load(outputs)
    for case, values in cases():
        K = MotionBlur(values["flow"])
        eager = deconvolve(K, values["image"], values["image"], 0.1, tolerance=TOLERANCE)
        assert np.all(eager.converged) and np.all(served[f"{case}_converged"])
        # Rounding grows from step to step; both are within the tolerance of one solution.
        np.testing.assert_allclose(served[f"{case}_restored"], eager.value, atol=2e-5)
        np.testing.assert_allclose(served[f"{case}_steps"], eager.steps, atol=1)
