#!/usr/bin/env bash
# Keras 3.15.1 (TensorFlow 2.21.0 and JAX 0.7.2 behind it, Python 3.11): with `gradient_accumulation_steps=4`
# an optimizer's `iterations` count updates, one in four calls of `apply`; its moving average of the weights
# (`use_ema`) moves at every call, also at the three that leave the weights as they are. So `ema_momentum=0.5` counts as 0.5**4 an update, and four times the accumulation asks for the
# fourth root of the momentum. Same with both backends.
#
# Output seen (one weight that begins at 0 and falls by 1 an update; average after 1, 2 and 3 updates):
#   tensorflow, 1 call an update: [-1.0, -1.5, -2.25], iterations 3
#   tensorflow, 4 calls an update: [-1.0, -1.5, -2.46875], iterations 3
#   tensorflow, three calls that change no weight moved the average: -1.5 to -1.9375
#   jax, 1 call an update: [-1.0, -1.5, -2.25], iterations 3
#   jax, 4 calls an update: [-1.0, -1.5, -2.46875], iterations 3
#   jax, three calls that change no weight moved the average: -1.5 to -1.9375
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
    given = {"gradient_accumulation_steps": calls} if calls > 1 else {}
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5, **given)
    optimizer.build([weight])

    def average():
        return float(keras.ops.convert_to_numpy(optimizer._model_variables_moving_average[0])[0])

    averages, between = [], []
    for update in range(3):
        for call in range(calls):
            optimizer.apply([keras.ops.ones((1,))])
            if update == 2 and call < calls - 1:
                assert float(keras.ops.convert_to_numpy(weight)[0]) == -2.0
                between.append(average())
        averages.append(average())
    unit = "call" if calls == 1 else "calls"
    name = keras.config.backend()
    print(f"{name}, {calls} {unit} an update: {averages}, iterations {int(optimizer.iterations)}")
    if between:
        print(
            f"{name}, three calls that change no weight moved the average: {averages[1]} to {between[-1]}"
        )
PYTHON
for backend in tensorflow jax; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" run.py 2> errors.txt \
    || { cat errors.txt; exit 1; }
done | tee seen.txt
diff seen.txt - <<'SEEN'
tensorflow, 1 call an update: [-1.0, -1.5, -2.25], iterations 3
tensorflow, 4 calls an update: [-1.0, -1.5, -2.46875], iterations 3
tensorflow, three calls that change no weight moved the average: -1.5 to -1.9375
jax, 1 call an update: [-1.0, -1.5, -2.25], iterations 3
jax, 4 calls an update: [-1.0, -1.5, -2.46875], iterations 3
jax, three calls that change no weight moved the average: -1.5 to -1.9375
SEEN
echo "as described"
