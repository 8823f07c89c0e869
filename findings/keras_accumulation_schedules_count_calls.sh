#!/usr/bin/env bash
# Keras 3.15.1 (TensorFlow 2.21.0 and JAX 0.7.2 behind it, Python 3.11): with `gradient_accumulation_steps=4`
# an optimizer's `iterations` count updates, one in four calls of `apply`, but a learning rate schedule is
# given the number of calls. A fall over 7 steps, meant for 8 updates, ends with the second of them: the
# first update takes the rate of step 3, the second that of step 7, and the others find it at its end.
# Whoever gathers gradients multiplies the steps of a schedule by as many. Same with both backends.
#
# Output seen (one weight whose gradient is 1; by how much each of 8 updates moves it, plain SGD whose
# rate falls from 1 to 0.125 within 7 steps):
#   tensorflow, 1 call an update: [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125], iterations 8
#   tensorflow, 4 calls an update: [0.625, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125], iterations 8
#   jax, 1 call an update: [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125], iterations 8
#   jax, 4 calls an update: [0.625, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125], iterations 8
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 jax==0.7.2 numpy==2.4.6
cd "$folder"
cat > run.py <<'PYTHON'
import keras
import numpy as np

for calls in (1, 4):
    weight = keras.Variable(np.zeros(1, "float32"))
    fall = keras.optimizers.schedules.PolynomialDecay(1.0, 7, 0.125)
    given = {"gradient_accumulation_steps": calls} if calls > 1 else {}
    optimizer = keras.optimizers.SGD(fall, **given)
    optimizer.build([weight])
    moved, before = [], 0.0
    for update in range(8):
        for call in range(calls):
            optimizer.apply([keras.ops.ones((1,))])
        now = float(keras.ops.convert_to_numpy(weight)[0])
        moved.append(round(before - now, 4))
        before = now
    unit = "call" if calls == 1 else "calls"
    name = keras.config.backend()
    print(f"{name}, {calls} {unit} an update: {moved}, iterations {int(optimizer.iterations)}")
PYTHON
for backend in tensorflow jax; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" run.py 2> errors.txt \
    || { cat errors.txt; exit 1; }
done | tee seen.txt
diff seen.txt - <<'SEEN'
tensorflow, 1 call an update: [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125], iterations 8
tensorflow, 4 calls an update: [0.625, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125], iterations 8
jax, 1 call an update: [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125], iterations 8
jax, 4 calls an update: [0.625, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125], iterations 8
SEEN
echo "as described"
