"""RP-GAN, and RP-GAN with SEN, on two replicas equal one on the same global batch."""

import json

import pytest

from tests.training.helpers import write_sen
from tests.training.makers import write_pairs
from tests.training.test_replicas import python

_TWO_AND_ONE = """
import json, sys
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import numpy as np
from pathlib import Path
from tests.training.helpers import tiny, with_sgd
from tfdeblur.training import run as runs

folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
built = []
build = with_sgd(runs.build_trainer)

def build_and_keep(config, steps, strategy):
    trainer = build(config, steps, strategy)
    trainer.at_first = [keras.ops.convert_to_numpy(w) for w in trainer.trainable_weights]
    built.append(trainer)
    return trainer

runs.build_trainer = build_and_keep
logs = {}
for strategy in ("one", "mirrored"):
    config = tiny(
        folder / "sen.keras", folder / "train", data__validation=str(folder / "held_apart"),
        data__batch=4, run__steps_per_epoch=2, run__strategy=strategy,
        loss__adversarial_weight=1.0, loss__artifact_weight=1.0, loss__pixel_weight=1.0, **settings,
    )
    runs.train(config, folder / strategy, verbose=0)
    rows = (folder / strategy / "history.csv").read_text().splitlines()
    logs[strategy] = [dict(zip(rows[0].split(","), r.split(","))) for r in rows[1:]]
one, two = built
assert two.distribute_strategy.num_replicas_in_sync == 2 and two.stage == one.stage == 1

number = keras.ops.convert_to_numpy

def furthest(ours, theirs):
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.max(np.abs(number(a) - number(b)))) for a, b in pairs)

def moved(trainer, part):
    mine = {id(weight) for weight in getattr(trainer, part).trainable_weights}
    weights = zip(trainer.trainable_weights, trainer.at_first)
    return furthest(*zip(*[pair for pair in weights if id(pair[0]) in mine]))

parts = ["generator", "discriminator", "artifact_critic"] + ["sen"] * config.rpgan.joint
print(json.dumps({
    "logs": logs,
    "worst": {
        n: furthest(getattr(two, n).trainable_weights, getattr(one, n).trainable_weights)
        for n in parts
    },
    "moved": {name: moved(one, name) for name in parts},
    "buffer": float(np.max(np.abs(
        two.replay._samples.deconvolved.astype("float32")
        - one.replay._samples.deconvolved.astype("float32")
    ))),
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        # The buffer's level 2 comes of moving variances: one replica's is the unbiased one,
        # n / (n - 1).
        pytest.param(
            {"loss__lipschitz": "clip", "network__norm": "batch", "rpgan__level_shares": "1"},
            id="clip, batch norm",
        ),
        pytest.param({"loss__lipschitz": "spectral"}, id="spectral"),
        pytest.param(
            {"loss__lipschitz": "clip", "rpgan__joint": True, "rpgan__flow_weight": 0.1},
            id="joint",
        ),
    ],
)
def test_two_replicas_equal_one(tmp_path, settings):
    write_pairs(tmp_path / "train", 4, 72, 80)
    write_pairs(tmp_path / "held_apart", 1, 64, 64, first=10)
    write_sen(tmp_path)
    answer = python(_TWO_AND_ONE, tmp_path, json.dumps(settings))
    assert answer.returncode == 0, answer.stderr[-3000:]
    facts = json.loads(answer.stdout.splitlines()[-1])
    assert min(facts["moved"].values()) > 1e-5
    for part, worst in facts["worst"].items():
        assert worst < 0.01 * facts["moved"][part] + 1e-6, (part, facts)
    assert facts["buffer"] < 2e-3  # samples are kept in 16 bits
    for two, one in zip(facts["logs"]["mirrored"], facts["logs"]["one"], strict=True):
        for name, value in one.items():
            if value == "NA" or (name.startswith("val") and "batch" in settings.values()):
                continue  # validation: moving variances again
            assert float(two[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-3), name
