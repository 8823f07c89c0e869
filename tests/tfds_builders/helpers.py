"""Builds data sets in the tests, and environments; looks at what is left of what failed."""

import os
import shutil
import subprocess
import venv
from pathlib import Path

import tensorflow_datasets as tfds

CHECKOUT = Path(__file__).parents[2]

tfds.disable_progress_bar()


def build(name, data_dir, manual_dir=None, **builder_arguments):
    """Prepares a data set and returns its builder; `manual_dir=None` leaves TFDS's default."""
    builder = tfds.builder(name, data_dir=data_dir, **builder_arguments)
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    builder.download_and_prepare(download_config=config)
    return builder


def encoded_examples(builder, split):
    """Examples by name, images as the bytes that are stored."""
    images = {
        key: tfds.decode.SkipDecoding()
        for key, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image)
    }
    data = builder.as_dataset(split=split, decoders=images)
    return {example["name"].decode(): example for example in data.as_numpy_iterator()}


def assert_nothing_left(data_dir):
    """No version of a data set is there, whole or half; downloads do not count."""
    left = [
        path
        for path in data_dir.rglob("*")
        if "downloads" not in path.relative_to(data_dir).parts
        and (path.name.startswith(("1.0.", "incomplete", "dataset_info")) or "record" in path.name)
    ]
    assert left == []


def new_environment(folder, extra, constraints):
    """Installs a copy of this checkout, not editable, into a new environment.

    Args:
        folder: where to put the environment and what is built on the way.
        extra: of setup.py, such as "data".
        constraints: lines for pip, names with versions.

    Returns:
        A function that runs a command of the environment (its name and arguments) in `folder`,
        apart from the checkout, and returns what it printed.
    """
    checkout = folder / "checkout"  # pip would leave its build folder in ours
    hidden = shutil.ignore_patterns(".*", "build", "*.egg-info", "demo-out", "runs")
    shutil.copytree(CHECKOUT, checkout, ignore=hidden)
    (folder / "constraints.txt").write_text("\n".join(constraints))
    # Not the variables of the test run: PYTHONPATH would bring the checkout in again.
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def run(program, *arguments):
        command = [folder / "env" / "bin" / program, *arguments]
        answer = subprocess.run(
            command, cwd=folder, env=surroundings, capture_output=True, text=True
        )
        assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}"
        return answer.stdout

    venv.create(folder / "env", with_pip=True)
    pip = ("python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "-c", folder / "constraints.txt", f"{checkout}[{extra}]")
    return run
