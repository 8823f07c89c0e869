"""`tfdeblur experiment ablation`: trains variants of one run under equal conditions, and compares.

Here and not in `evaluation`, which measures what exists: only a command may train and measure.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import load_tensorflow, read_settings
from tfdeblur.cli.experiment import run as experiment_run
from tfdeblur.cli.experiment.arguments import add_size, describe
from tfdeblur.cli.experiment.runs import curve_of, folder_of, open_validation, state_of, train_all
from tfdeblur.cli.experiment.variants import SCHEME, Variant, variants_of
from tfdeblur.cli.measuring.data import add_limit
from tfdeblur.cli.restoring import add_restoring_arguments, restoring_options
from tfdeblur.cli.train import settings_of
from tfdeblur.config import TrainConfig, flatten, override
from tfdeblur.errors import EXIT_DONE, DataError, InvalidInput, NotConverged
from tfdeblur.presets import preset
from tfdeblur.record import read_record
from tfdeblur.restorers.open import open_restorer
from tfdeblur.restorers.options import RestoringOptions

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.ablation import Ablation, TrainedRun
    from tfdeblur.evaluation.experiments.report import Reference

DESCRIPTION = (
    "Trains one network for each value of a setting, all else being equal (pairs, seed, number of "
    "steps, preset), and measures all of them on the validation pairs: table 1 of the Bi-Skip "
    "paper, or an ablation of any other setting. Each run has a folder of its own, "
    "DIR/runs/VARIANT, as `tfdeblur train` makes it: a model that every other command takes. "
    "Ctrl-C stops after the current step; the same command goes on from there, and leaves alone "
    "what is finished. More values may be added later. A training that fails is named, the others "
    "are compared, and the exit code is 5."
)
EXAMPLES = [
    " --data pairs/ --val held/ --out schemes/ \\\n"
    "      --vary loss.scheme=1-BS,2-BS --epochs 8 --steps-per-epoch 500",
    " --data pairs/ --val-only 'test-*' --train-exclude 'test-*' \\\n"
    "      --out seeds/ --vary loss.scheme=1-BS,2-BS --vary run.seed=0,1,2 --limit 20",
    " --model rpgan --sen runs/sen --data pairs/ --val held/ \\\n"
    "      --out penalty/ --vary loss.artifact_weight=0.01,0",
    " --model rpgan --sen runs/sen --data pairs/ --val held/ \\\n"
    "      --out betas/ --vary 'rpgan.betas=0.1,0.2,0.4;0.2,0.4,0.8' --show-runs",
    " --data GOPRO_Large --preset paper --vgg vgg19.npz --out table1/",
]
_TRAINING = {
    "--val": ("DIR|NAME", str, "pairs to validate and measure on (default: the test split)"),
    "--preset": ("NAME", str, "named settings of `tfdeblur train` (default: small, rpgan-small)"),
    "--epochs": ("N", int, "epochs of each run"),
    "--steps-per-epoch": ("N", int, "updates per epoch; 0: one pass over the data"),
    "--batch": ("N", int, "images per step"),
    "--crop": ("PIXELS", int, "side of training crops"),
    "--seed": ("N", int, "of weights and data (default: 0)"),
    "--vgg": ("FILE|imagenet|none", str, "weights of VGG19 (schemes with a P), VGG16 (rpgan)"),
    "--sen": ("RUN|FILE", str, "trained SEN that estimates the flows for rpgan"),
}
_PATTERNS = {
    "--train-only": "train on pairs whose name matches (repeatable)",
    "--train-exclude": "leave these pairs out of training (repeatable)",
    "--val-only": "validate and measure on pairs whose name matches (repeatable)",
}


def add_ablation(kinds: Any) -> None:
    """Adds `tfdeblur experiment ablation`."""
    parser = describe(
        kinds,
        "ablation",
        "train variants under equal conditions and compare them (Bi-Skip's table 1)",
        DESCRIPTION,
        EXAMPLES,
    )
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="SECTION.KEY=V,V,...",
        help="a setting of `tfdeblur train --set`, and its values; between values of a list, ';'. "
        "Repeated: all combinations. What comes first is what the others are compared with "
        "(default, of Bi-Skip: the twelve schemes of table 1)",
    )
    parser.add_argument(
        "--show-runs",
        action="store_true",
        help="print the runs, and how far each of them is, and stop",
    )
    _add_training(parser)
    group = parser.add_argument_group("measuring")
    add_limit(group)
    add_size(group)
    add_restoring_arguments(parser, self_ensemble=False)
    parser.set_defaults(run_command=run)


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training, the same for all runs (see `tfdeblur train`)")
    group.add_argument(
        "--model",
        choices=["biskip", "rpgan"],
        help="what to train (default: what --preset trains, or biskip)",
    )
    group.add_argument(
        "--data", required=True, metavar="DIR|NAME", help="folder of pairs, or a TFDS data set"
    )
    for option, (metavar, kind, text) in _TRAINING.items():
        group.add_argument(option, metavar=metavar, type=kind, help=text)
    for option, text in _PATTERNS.items():
        group.add_argument(option, action="append", metavar="GLOB", help=text)
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any other setting of `tfdeblur train` (repeatable)",
    )


@dataclass(frozen=True)
class AblationSettings:
    """What `tfdeblur experiment ablation` is to do.

    Attributes:
        base: the settings that all variants have in common.
        vary: what differs, as `variants_of` takes it.
        show_runs: whether to print the runs, and stop.
        out: folder for runs and results.
        limit, size: of what is measured.
        options: how to restore.
        verbose: whether to log details.
    """

    base: TrainConfig
    vary: tuple[str, ...]
    show_runs: bool
    out: Path
    limit: int | None
    size: int
    options: RestoringOptions
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "AblationSettings":
        """Of the parsed options; `base_of` says what it raises."""
        return read_settings(
            cls, arguments, base=base_of(arguments), options=restoring_options(arguments)
        )


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur experiment ablation`."""
    return _ablate(AblationSettings.read(arguments))


def _ablate(settings: AblationSettings) -> int:
    variants = variants_of(settings.base, settings.vary or _table_1(settings))
    if settings.show_runs:
        for variant in variants:
            folder = folder_of(settings.out, variant)
            print(f"{variant.name:<40}{state_of(folder):<12}{folder}")
        return EXIT_DONE
    load_tensorflow(settings.verbose)
    from tfdeblur.evaluation.experiments.cases import source_cases

    source = open_validation(variants)
    cases = source_cases(source, settings.limit, settings.size)
    failed = _train(variants, settings.out)
    trained = [variant for variant in variants if variant.name not in failed]
    if not trained:
        raise NotConverged("No run was trained to its end: " + "; ".join(failed.values()))
    folders = {variant.name: folder_of(settings.out, variant) for variant in trained}
    notes = [
        chosen_by(folders.values(), source.fingerprint),
        *(f"{name} was not measured: {text}" for name, text in failed.items()),
    ]
    experiment = _experiment(trained, folders, notes, settings)
    code = experiment_run.measure(
        experiment,
        cases,
        settings.out,
        model=", ".join(variant.name for variant in trained),
        data=source.describe(),
    )
    return NotConverged.exit_code if failed and code == EXIT_DONE else code


def base_of(arguments: argparse.Namespace) -> TrainConfig:
    """The settings that all variants have in common."""
    default = "rpgan-small" if arguments.model == "rpgan" else "small"
    # --precision is that of measuring; trainings have the preset's, or --set run.precision.
    settings = settings_of(arguments, without=["precision"])
    base = override(preset(arguments.preset or default), settings)
    if base.model == "sen":
        raise InvalidInput(
            "`--model` must restore images: biskip or rpgan. Received: sen, whose trainings "
            "`tfdeblur evaluate --model RUN` compares, run by run."
        )
    return base


def _table_1(settings: AblationSettings) -> list[str]:
    """What `--vary` is where it is not given: all schemes of the paper."""
    if settings.base.model != "biskip":
        return []
    load_tensorflow(settings.verbose)
    from tfdeblur.losses.schemes import SCHEMES_TABLE_1

    return [f"{SCHEME}={','.join(row.name for row in SCHEMES_TABLE_1)}"]


def _train(variants: list[Variant], out: Path) -> dict[str, str]:
    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        return train_all(variants, out, tell)
    except KeyboardInterrupt:
        done = sum(state_of(folder_of(out, variant)) == "finished" for variant in variants)
        tell(f"\n{done} of {len(variants)} runs are finished; the same command goes on from here.")
        raise


def chosen_by(folders: Iterable[Path], fingerprint: str) -> str:
    """What a reader must know of the epoch that each run was kept at.

    Args:
        folders: of the runs, which may have been finished before, with other pairs to validate on.
        fingerprint: of the pairs that they are measured on.
    """
    found = {read_record(folder)["data"]["validation_fingerprint"] for folder in folders}
    if found == {fingerprint}:
        which = "the validation pairs, which it is measured on here"
    else:
        which = "the validation pairs of its training, which are not those it is measured on here"
    return f"the network of each run is that of its best epoch on {which}"


def _experiment(
    variants: list[Variant],
    folders: dict[str, Path],
    notes: list[str],
    settings: AblationSettings,
) -> "Ablation":
    from tfdeblur.evaluation.experiments.ablation import Ablation

    if not any(item.startswith("run.seed=") for item in settings.vary):
        notes = [
            *notes,
            "one training of each: two of the same kind differ as well, by as much as --vary "
            "run.seed=0,1,2 shows",
        ]
    return Ablation(
        {name: _load(name, folder, settings.options) for name, folder in folders.items()},
        _published(list(folders)),
        notes,
        vary=" ".join(settings.vary) or "the schemes of table 1",
        **in_common(variants),
        **settings.options.recorded(),
    )


def in_common(variants: list[Variant]) -> dict[str, Any]:
    """What to say of the trainings, but for what is another value in each of them."""
    names = {"trained": "model", "epochs": "run.epochs", "seed": "run.seed", "pairs": "data.train"}
    configs = [flatten(variant.config) for variant in variants]
    return {
        name: configs[0][setting]
        for name, setting in names.items()
        if all(config[setting] == configs[0][setting] for config in configs)
    }


def _load(name: str, folder: Path, options: RestoringOptions) -> "TrainedRun":
    from tfdeblur.evaluation.experiments.ablation import TrainedRun

    record = read_record(folder)
    try:
        kept = json.loads((folder / "generator.json").read_text())["epoch"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder / 'generator.json'} cannot be read: {error}") from error
    facts = {
        "parameters": record["parameters"],
        "steps": record["steps_per_epoch"] * record["config"]["run"]["epochs"],
        "best epoch": kept,
        "run": str(folder),
    }
    restorer = open_restorer(folder, options.given())
    return TrainedRun(restorer, facts, curve_of(folder))


def _published(names: list[str]) -> list["Reference"]:
    """The rows of table 1 whose schemes were trained."""
    from tfdeblur.evaluation.experiments.report import Reference, Values
    from tfdeblur.losses.schemes import SCHEMES_TABLE_1

    rows: dict[str, Values] = {
        row.name: {"psnr_rgb_u8": row.psnr, "ssim": row.ssim}
        for row in SCHEMES_TABLE_1
        if row.name in names
    }
    source = "the Bi-Skip paper, table 1, GOPRO test set (1,111 pairs), 300 epochs on 2,103 pairs"
    return [Reference(source, rows)] if rows else []
