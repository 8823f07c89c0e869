#!/usr/bin/env bash
# TensorFlow 2.21.0 on x86 (Python 3.11), oneDNN on (the default where the processor has AVX-512): a
# training step whose graph has a convolution, its bias and a leaky ReLU behind it, as image-to-image
# networks and critics do, logs an error: "remapper failed: INVALID_ARGUMENT: Mutation::Apply error: fanout
# '.../LeakyReluGrad' exist for missing node '.../BiasAdd'". Nothing is wrong: all seven convolutions of
# this network are fused, the one before the leaky ReLU too, and gradients are those without oneDNN up to
# rounding. Plain ReLUs, a layer without bias, or TF_ENABLE_ONEDNN_OPTS=0 do not bring the message.
# LeakyReluGrad asks for what came into the activation, ReluGrad for what came out of it. A leaky ReLU
# whose gradient is written from its output (the sign is the same) is silent.
#
# Output seen:
#   all relu: fused 7, message False, gradient right True
#   last leaky: fused 7, message True, gradient right True
#   last leaky, no bias: fused 6, message False, gradient right True
#   last leaky, gradient from its output: fused 7, message False, gradient right True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 numpy==2.4.6
cd "$folder"
cat > run.py <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
kind = sys.argv[1]
SLOPE = 0.2


@tf.custom_gradient
def from_output(x):
    y = tf.nn.leaky_relu(x, SLOPE)
    return y, lambda upstream: tf.where(y > 0, upstream, SLOPE * upstream)


def last(x, bias):
    if kind == "all relu":
        return tf.nn.relu(tf.nn.bias_add(x, bias))
    if kind == "last leaky":
        return tf.nn.leaky_relu(tf.nn.bias_add(x, bias), SLOPE)
    if kind == "last leaky, no bias":
        return tf.nn.leaky_relu(x, SLOPE)
    return from_output(tf.nn.bias_add(x, bias))


rng = np.random.default_rng(0)
with tf.Graph().as_default():
    given = v1.placeholder(tf.float32, (2, 32, 32, 8))
    x, kernels = given, []
    for layer in range(7):
        kernel = v1.get_variable(f"kernel{layer}", initializer=rng.normal(0, 0.1, (3, 3, 8, 8)).astype("float32"))
        bias = v1.get_variable(f"bias{layer}", initializer=np.zeros(8, "float32"))
        kernels.append(kernel)
        x = tf.nn.conv2d(x, kernel, 1, "SAME")
        x = last(x, bias) if layer == 6 else tf.nn.relu(tf.nn.bias_add(x, bias))
    loss = tf.reduce_mean(tf.square(x - given))
    gradients = v1.gradients(loss, kernels)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        options, seen = v1.RunOptions(output_partition_graphs=True), v1.RunMetadata()
        found = session.run(gradients, {given: rng.random((2, 32, 32, 8), "float32")}, options, seen)
nodes = [node.op for graph in seen.partition_graphs for node in graph.node]
fused = sum("FusedConv2D" in op for op in nodes)
reference = f"gradient {kind}.npy"
if sys.argv[2] == "reference":
    np.save(reference, found[0])
else:
    print(f"{fused} {np.allclose(found[0], np.load(reference), atol=1e-7, rtol=1e-4)}")
PYTHON
for kind in "all relu" "last leaky" "last leaky, no bias" "last leaky, gradient from its output"; do
  TF_ENABLE_ONEDNN_OPTS=0 TF_CPP_MIN_LOG_LEVEL=0 "$folder/venv/bin/python" run.py "$kind" reference 2> errors.txt \
    || { cat errors.txt; exit 1; }
  ! grep -q "remapper failed" errors.txt || { echo "$kind: the message without oneDNN"; exit 1; }
  found=$(TF_ENABLE_ONEDNN_OPTS=1 TF_CPP_MIN_LOG_LEVEL=0 "$folder/venv/bin/python" run.py "$kind" compare 2> errors.txt) \
    || { cat errors.txt; exit 1; }
  message=False
  grep -q "remapper failed: INVALID_ARGUMENT: Mutation::Apply error" errors.txt && message=True
  echo "$kind: fused ${found% *}, message $message, gradient right ${found#* }"
done | tee seen.txt
diff seen.txt - <<'SEEN'
all relu: fused 7, message False, gradient right True
last leaky: fused 7, message True, gradient right True
last leaky, no bias: fused 6, message False, gradient right True
last leaky, gradient from its output: fused 7, message False, gradient right True
SEEN
echo "as described"
