"""The client without TensorFlow: what it loads, what it is packed of, and its messages' bytes."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from export import messages
from export.client.tensors import tensor_of
from export.wire import join_request
from tests.export.makers import Fake, negative, serving

CHECKOUT = Path(__file__).parents[3]
SETUP = CHECKOUT / "client" / "setup.py"

# Nothing but the standard library, NumPy, gRPC and Protocol Buffers is found.
ALONE = """
import sys
import sysconfig
from importlib.machinery import PathFinder

MAY = {"numpy", "grpc", "google", "typing_extensions", "tfdeblur", "export"}
site = sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if "." in name or name in MAY:
            return None
        found = PathFinder.find_spec(name, site)
        if found is not None:
            raise ModuleNotFoundError(f"No module named {name!r} (refused)", name=name)

sys.meta_path.insert(0, Refuse())
"""
RESTORE = """
import numpy as np
from export import DeblurClient

image = np.arange(60, dtype="uint8").reshape(4, 5, 3)
with DeblurClient(sys.argv[1]) as client:
    restored = client.deblur(image, progress=True)
    assert np.array_equal(restored.image, 255 - image), restored.image
    assert [one.image.shape for one in client.deblur([image, image[:2]])] == [(4, 5, 3), (2, 5, 3)]
    assert client.deblur(image / np.float32(255)).image.dtype == np.float32
    assert client.metadata().signatures["serving_default"].inputs["image"].dtype == "float"
    assert repr(restored).startswith("RemoteRestored(image=4x5x3 uint8")
    try:
        client.deblur("photo.jpg")
    except ValueError as error:
        print(error)
    try:
        client.deblur(image, payload="bytes")
    except ValueError as error:
        print(error)
print(*sorted(n for n in sys.modules if n.partition(".")[0] in ("tfdeblur", "export")))
"""


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_restores_with_numpy_grpc_and_protobuf_alone():
    with serving(Fake(negative)) as target:
        files, pillow, loaded = run(ALONE + RESTORE, target)
    assert "by the whole of tfdeblur only" in files and "image='photo.jpg'" in files
    assert "needs Pillow: pip install pillow" in pillow
    packed = set(re.findall(r'"((?:tfdeblur|export)\.[\w.]+)"', SETUP.read_text()))
    assert {f"{name}.__init__" if is_package(name) else name for name in loaded.split()} == packed


def is_package(name):
    return (CHECKOUT / name.replace(".", "/")).is_dir()


def test_importing_it_loads_nothing_heavy():
    heavy = {"tensorflow", "keras", "cv2", "PIL", "scipy", "h5py", "ml_dtypes"}
    code = "import sys, export; export.DeblurClient; print(*sys.modules)"
    assert heavy & set(run(code)[0].split()) == set()


def test_the_rest_of_export_stays_importable():
    code = "from export import DeblurClient, LocalService, export_model; print(LocalService)"
    assert "LocalService" in run(code)[0]


def test_the_descriptors_are_those_of_tensorflow_serving():
    kept = descriptor_pb2.FileDescriptorSet.FromString(messages.DESCRIPTORS.read_bytes())
    theirs = {}

    def collect(file):
        for one in file.dependencies:
            collect(one)
        theirs[file.name] = file.serialized_pb

    for module in (predict_pb2, get_model_metadata_pb2, get_model_status_pb2):
        collect(module.DESCRIPTOR)
    assert [file.name for file in kept.file] == list(theirs)
    for file in kept.file:
        expected = descriptor_pb2.FileDescriptorProto.FromString(theirs[file.name])
        assert file == expected, file.name


def filled_spec(kind):
    spec = kind(name="deblur", signature_name="serving_uint8")
    spec.version.value = 2**40
    return spec


def filled_tensor(kind):
    tensor = kind(dtype=7, string_val=[b"", b"\x00\xff"], tensor_content=b"abc")
    for size in (2, 0, -1, 2**40):
        tensor.tensor_shape.dim.add(size=size, name="x")
    tensor.float_val.extend([1.5, float("inf")])
    tensor.int_val.extend([0, 127, 128, -1])
    tensor.resource_handle_val.add(device="cpu")
    tensor.variant_val.add(type_name="t").tensors.add(dtype=1)
    return tensor


def filled_request(kind):
    request = kind(output_filter=["restored", "ü"])
    request.model_spec.version_label = "canary"
    filled = filled_tensor(tensor_pb2.TensorProto).SerializeToString()
    request.inputs["image"].ParseFromString(filled)
    return request


def filled_answer(kind):
    answer = kind()
    answer.model_spec.version.value = 3
    answer.outputs["restored"].dtype = 1
    return answer


def filled_metadata(kind):
    response = kind()
    response.model_spec.name = "deblur"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    one = signatures.signature_def["serving_default"]
    one.inputs["image"].dtype = 1
    one.inputs["image"].tensor_shape.dim.add(size=-1)
    response.metadata["signature_def"].Pack(signatures)
    return response


def filled_status(kind):
    response = kind()
    one = response.model_version_status.add(version=7, state=30)
    one.status.error_code, one.status.error_message = 3, "no"
    return response


PAIRS = [
    (messages.ModelSpec, model_pb2.ModelSpec, filled_spec),
    (messages.TensorProto, tensor_pb2.TensorProto, filled_tensor),
    (messages.PredictRequest, predict_pb2.PredictRequest, filled_request),
    (messages.PredictResponse, predict_pb2.PredictResponse, filled_answer),
    (
        messages.GetModelMetadataResponse,
        get_model_metadata_pb2.GetModelMetadataResponse,
        filled_metadata,
    ),
    (messages.GetModelStatusResponse, get_model_status_pb2.GetModelStatusResponse, filled_status),
]


@pytest.mark.parametrize(("ours", "theirs", "fill"), PAIRS, ids=lambda one: one.__name__)
def test_messages_are_the_same_bytes_both_ways(ours, theirs, fill):
    expected = fill(theirs).SerializeToString(deterministic=True)
    assert len(expected) > 5
    assert fill(ours).SerializeToString(deterministic=True) == expected
    assert ours.FromString(expected).SerializeToString(deterministic=True) == expected
    assert str(ours.FromString(expected)) == str(theirs.FromString(expected))
    assert str(theirs.FromString(fill(ours).SerializeToString())) == str(fill(theirs))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_request_is_what_tensorflow_serving_api_writes(dtype):
    import tensorflow as tf

    image = np.arange(60).reshape(1, 4, 5, 3).astype(dtype)
    request = predict_pb2.PredictRequest(model_spec=filled_spec(model_pb2.ModelSpec))
    request.inputs["image"].CopyFrom(tf.make_tensor_proto(image))
    request.output_filter.append("restored")
    spec = filled_spec(messages.ModelSpec)
    ours = join_request(spec, {"image": tensor_of(image)}, ["restored"])
    assert ours == request.SerializeToString(deterministic=True)


def test_numbers_that_are_not_known_have_a_name():
    assert messages.type_name(1) == "DT_FLOAT" and messages.type_name(999) == "999"
    assert messages.state_name(30) == "AVAILABLE" and messages.state_name(99) == "UNKNOWN"
