#!/usr/bin/env bash
# TensorFlow 2.21.0 on x86 (Python 3.11): a layer norm that is written with tf.nn.moments and
# tf.nn.batch_normalization over the last axis of a matrix is rewritten into one oneDNN operation when
# a graph runs, and that operation adds 0.001 to the variance, whatever epsilon the graph says. Eagerly,
# or with TF_ENABLE_ONEDNN_OPTS=0, the epsilon holds. Features of variance 0.001 with epsilon 1e-6 come
# out as 0.707 in place of 1.000; at variance 1 the difference is 5e-4 and hardly seen.
# oneDNN is on by default on processors that TensorFlow takes it for, so the same saved model gives
# other numbers on another processor.
# What helps: scale the features by sqrt(0.001 / epsilon) first and give 0.001 as the epsilon, which is
# the same norm and stays fused.
#
# Output seen:
#   oneDNN 1: eager 1.000 graph 0.707 scaled 1.000
#   oneDNN 0: eager 1.000 graph 1.000 scaled 1.000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 numpy==2.4.6
cd "$folder"
cat > run.py <<'PYTHON'
import os

import numpy as np
import tensorflow as tf

features = np.sqrt(1e-3) * np.tile([1.0, -1.0], (64, 8))  # every row: mean 0, variance 0.001


def norm(x, epsilon):
    gain, offset = tf.constant(np.full(16, 0.5), "float32"), tf.constant(np.full(16, 0.25), "float32")
    mean, variance = tf.nn.moments(x, [1], keepdims=True)
    return (tf.nn.batch_normalization(x, mean, variance, offset, gain, epsilon) - 0.25) / 0.5


spec = [tf.TensorSpec((None, 16), tf.float32)]
traced = tf.function(lambda x: norm(x, 1e-6), input_signature=spec)
scaled = tf.function(lambda x: norm(x * np.float32(np.sqrt(1e-3 / 1e-6)), 1e-3), input_signature=spec)
x = tf.constant(features, tf.float32)
found = [float(tf.reduce_max(call)) for call in (norm(x, 1e-6), traced(x), scaled(x))]
print("oneDNN {}: eager {:.3f} graph {:.3f} scaled {:.3f}".format(os.environ["TF_ENABLE_ONEDNN_OPTS"], *found))
PYTHON
for switch in 1 0; do
  TF_ENABLE_ONEDNN_OPTS=$switch TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" run.py 2> errors.txt \
    || { cat errors.txt; exit 1; }
done | tee seen.txt
diff seen.txt - <<'SEEN'
oneDNN 1: eager 1.000 graph 0.707 scaled 1.000
oneDNN 0: eager 1.000 graph 1.000 scaled 1.000
SEEN
echo "as described"
