#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0 (Python 3.11): `.keras` and `.weights.h5` files number the layers
# of a functional model by class and by their order in `model.layers`, and that order follows how far
# a layer is from the output. So a change that adds no weights and renames nothing, such as one more
# activation behind a branch, can turn the order of two layers around. If their shapes are equal,
# `load_weights` then puts each one's weights into the other without a word, although every
# variable's `path` is the same in both models.
# What helps: keep a number of the wiring in `save_own_variables` and compare it in
# `load_own_variables`, or store weights by their `path`.
#
# Output seen: kernels of "left" are 1 and of "right" 2 when saved; loaded, they have changed places.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
cd "$folder"
cat > run.py <<'PYTHON'
import keras
import numpy as np
from keras import layers


def network(longer):
    """Two branches with kernels of one shape; `right` is one step longer if asked."""
    entry = keras.Input((4,), name="features")
    left = layers.Dense(4, name="left")(entry)
    right = layers.Dense(4, name="right")(entry)
    if longer:
        right = layers.Activation("linear")(right)
    return keras.Model(entry, layers.Concatenate()([left, right]))


def order(model):
    return [layer.name for layer in model.layers if layer.weights]


before, after = network(False), network(True)
for name, value in (("left", 1.0), ("right", 2.0)):
    before.get_layer(name).set_weights([np.full((4, 4), value), np.zeros(4)])
print("order", *order(before), "->", *order(after))
paths = [sorted(variable.path for variable in model.variables) for model in (before, after)]
print("same paths", paths[0] == paths[1])
before.save_weights("saved.weights.h5")
after.load_weights("saved.weights.h5")
for name in ("left", "right"):
    print("loaded", name, float(after.get_layer(name).get_weights()[0][0, 0]))
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" run.py 2> errors.txt | tee seen.txt || { cat errors.txt; exit 1; }
diff seen.txt - <<'SEEN'
order left right -> right left
same paths True
loaded left 2.0
loaded right 1.0
SEEN
