"""Muon in two replicas makes the steps that it makes in one: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]

_TWO_AND_ONE = """
import json
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import numpy as np
from tests.helpers import noise
from tfdeblur.training.muon import Muon

two = tf.distribute.MirroredStrategy(tf.config.list_logical_devices("CPU"))
made = []
for strategy in (two, tf.distribute.get_strategy()):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        conv = keras.layers.Conv2D(4, 3, name="conv")
        model = keras.Sequential([keras.Input((8, 8, 3)), conv])
        # Without clipping, which Keras does in each replica before gradients are summed.
        optimizer = Muon(0.01, weight_decay=0.1, use_ema=True)
        optimizer.build(model.trainable_variables)
    replicas = strategy.num_replicas_in_sync

    @tf.function
    def step(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images) ** 2) / replicas
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    for number in range(4):
        images = tf.constant(noise(4, 8, 8, 3, seed=number))
        shares = tf.split(images, replicas)
        given = strategy.experimental_distribute_values_from_function(
            lambda context: shares[context.replica_id_in_sync_group]
        )
        strategy.run(step, (given,))
    state = [*model.trainable_variables, *optimizer.variables]
    made.append([np.asarray(keras.ops.convert_to_numpy(v), "float64") for v in state])
print(json.dumps([float(np.abs(a - b).max()) for a, b in zip(*made, strict=True)]))
print(json.dumps({"replicas": two.num_replicas_in_sync, "states": len(made[0])}))
"""


def test_two_replicas_equal_one():
    answer = subprocess.run(
        [sys.executable, "-c", _TWO_AND_ONE],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    differences, facts = map(json.loads, answer.stdout.splitlines()[-2:])
    # Kernel, bias; rate, iterations, two averages, three moments.
    assert facts == {"replicas": 2, "states": 9}
    assert max(differences) < 1e-5
