#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0 (Python 3.11): `UpSampling2D` with interpolation="bilinear" or
# "bicubic" builds into a model whose height and width are unknown, and that model restores images of
# any size eagerly. Traced once for all sizes, as an exported SavedModel must be, the call raises
# OperatorNotAllowedInGraphError: `keras.ops.image.resize` asks in Python whether each size, which
# is a tensor by then, is positive. With and without autograph; "nearest" can be traced.
# What helps: a layer that pads by one pixel, weighs neighbours and stacks them.
#
# Output seen:
#   nearest eager (1, 8, 12, 3) traced (1, 8, 12, 3)
#   bilinear eager (1, 8, 12, 3) traced OperatorNotAllowedInGraphError
#   bicubic eager (1, 8, 12, 3) traced OperatorNotAllowedInGraphError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
cd "$folder"
cat > run.py <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

image = np.ones((1, 4, 6, 3), "float32")
spec = tf.TensorSpec((None, None, None, 3), tf.float32)
for kind in ("nearest", "bilinear", "bicubic"):
    entry = keras.Input((None, None, 3))
    network = keras.Model(entry, keras.layers.UpSampling2D(2, interpolation=kind)(entry))
    outcomes = set()
    for autograph in (True, False):
        traced = tf.function(lambda x: network(x), autograph=autograph, input_signature=[spec])
        try:
            outcomes.add(str(tuple(traced(image).shape)))
        except Exception as error:
            outcomes.add(type(error).__name__)
    print(kind, "eager", tuple(network(image).shape), "traced", *outcomes)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" run.py 2> errors.txt | tee seen.txt || { cat errors.txt; exit 1; }
diff seen.txt - <<'SEEN'
nearest eager (1, 8, 12, 3) traced (1, 8, 12, 3)
bilinear eager (1, 8, 12, 3) traced OperatorNotAllowedInGraphError
bicubic eager (1, 8, 12, 3) traced OperatorNotAllowedInGraphError
SEEN
echo "as described"
