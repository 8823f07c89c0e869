"""Two replicas equal one on the same global batch, and a kill loses nothing: in own processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.makers import write_pairs

_ROOT = Path(__file__).parents[2]

_TWO_AND_ONE = """
import json, sys
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import numpy as np
from pathlib import Path
from tests.training.makers import tiny
from tfdeblur.training import run as runs

folder, scheme, norm = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
built = []
build = runs.build_trainer

def build_with_sgd(config, steps, strategy):
    # Adam makes whole steps of gradients that are zero but for rounding, in either direction.
    trainer = build(config, steps, strategy)
    with strategy.scope():
        player = lambda: keras.optimizers.SGD(1e-3)
        trainer.compile(player(), trainer.content_loss, player())
    built.append(trainer)
    return trainer

runs.build_trainer = build_with_sgd
logs = {}
for strategy in ("mirrored", "one"):
    # Penalty 0: its points are drawn per replica, so they cannot be the same.
    config = tiny(
        folder / "train", data__validation=str(folder / "held_apart"), data__batch=4,
        loss__scheme=scheme, loss__gradient_penalty=0.0, network__norm=norm, run__epochs=2,
        run__strategy=strategy,
    )
    runs.train(config, folder / strategy, verbose=0)
    rows = (folder / strategy / "history.csv").read_text().splitlines()
    logs[strategy] = [dict(zip(rows[0].split(","), map(float, r.split(",")))) for r in rows[1:]]
two, one = built
assert two.distribute_strategy.num_replicas_in_sync == 2
worst = max(
    float(np.max(np.abs(keras.ops.convert_to_numpy(a) - keras.ops.convert_to_numpy(b))))
    for a, b in zip(two.trainable_weights, one.trainable_weights, strict=True)
)
moved = float(np.max(np.abs(keras.ops.convert_to_numpy(one.generator.get_layer("head").bias))))
lam = [float(keras.ops.convert_to_numpy(trainer.self_paced.lam)) for trainer in built]
print(json.dumps({"worst": worst, "moved": moved, "logs": logs, "lam": lam}))
"""


def python(code, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=1800,
    )


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_two_replicas_equal_one(tmp_path, norm):
    write_pairs(tmp_path / "train")
    write_pairs(tmp_path / "held_apart", count=3, first=10)
    answer = python(_TWO_AND_ONE, tmp_path, "SA1-S", norm)
    assert answer.returncode == 0, answer.stderr[-3000:]
    facts = json.loads(answer.stdout.splitlines()[-1])
    assert facts["moved"] > 1e-3 and facts["worst"] < 1e-5
    assert facts["lam"][0] == pytest.approx(facts["lam"][1], rel=1e-5)
    for two, one in zip(facts["logs"]["mirrored"], facts["logs"]["one"], strict=True):
        if norm == "batch":  # one replica's moving variance is the unbiased one, n / (n - 1)
            two, one = ({k: v for k, v in log.items() if "val" not in k} for log in (two, one))
        assert two == pytest.approx(one, rel=1e-4, abs=1e-5)


def train(folder, run, *options):
    return [
        *(sys.executable, "-m", "tfdeblur.train", "--data", str(folder), "--run", str(run)),
        *("--preset", "demo", "--scheme", "SA1-S", "--crop", "16", "--batch", "2"),
        *("--epochs", "3", "--steps-per-epoch", "20", "--precision", "float32"),
        *("--set", "network.width=0.125", "--set", "network.critic_width=0.0625"),
        *("--set", "run.backup_minutes=0", "--set", "run.panel_every=0", *options),
    ]


def test_kill_9_and_resume_continue_the_same_run(tmp_path):
    pairs = write_pairs(tmp_path / "pairs")
    # One thread: the order of sums, and with it the last bits, is then the same in each process.
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment["PYTHONPATH"] = str(_ROOT)
    arguments = {"cwd": _ROOT, "env": environment}
    subprocess.run(train(pairs, tmp_path / "whole"), check=True, capture_output=True, **arguments)
    process = subprocess.Popen(
        train(pairs, tmp_path / "killed"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **arguments,
    )
    backups = tmp_path / "killed" / "backup"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        steps = [int(p.name[5:14]) for p in backups.glob("step-*")]
        if steps and max(steps) >= 25:  # inside the second epoch
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL  # it was still at work
    resumed = subprocess.run(
        train(pairs, tmp_path / "killed", "--resume"), capture_output=True, text=True, **arguments
    )
    assert resumed.returncode == 0, resumed.stderr
    whole, killed = (
        keras.saving.load_model(tmp_path / name / "last.keras") for name in ("whole", "killed")
    )
    for a, b in zip(whole.weights, killed.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_two_workers_train_as_one_cluster(tmp_path):
    pairs = write_pairs(tmp_path / "pairs")
    ports = (29411, 29412)
    workers = []
    for index in range(2):
        cluster = {
            "cluster": {"worker": [f"localhost:{port}" for port in ports]},
            "task": {"type": "worker", "index": index},
        }
        workers.append(
            subprocess.Popen(
                train(pairs, tmp_path / "run", "--strategy", "multiworker", "--epochs", "1"),
                cwd=_ROOT,
                env={**os.environ, "TF_CONFIG": json.dumps(cluster), "PYTHONPATH": str(_ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    outputs = [worker.communicate(timeout=1800)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(outputs)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["state"] == "done" and record["machine"]["replicas"] == 2
    assert (tmp_path / "run" / "last.keras").is_file()
