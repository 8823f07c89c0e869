"""`tfdeblur experiment ablation`: trains variants of one run under equal conditions, and compares.

Here and not in `evaluation`, which measures what exists: only a command may train and measure.
"""

import argparse
import json
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import load_tensorflow, read_settings
from tfdeblur.cli.experiment import run as experiment_run
from tfdeblur.cli.experiment.ablation_arguments import add_arguments
from tfdeblur.cli.experiment.runs import curve_of, folder_of, open_validation, state_of, train_all
from tfdeblur.cli.experiment.variants import SCHEME, Variant, variants_of
from tfdeblur.cli.restoring import restoring_options
from tfdeblur.cli.train.options import settings_of
from tfdeblur.cli.train.short_runs import suited
from tfdeblur.config import TrainConfig, flatten, override
from tfdeblur.errors import EXIT_DONE, DataError, InvalidInput, NotConverged
from tfdeblur.presets import preset
from tfdeblur.record import read_record
from tfdeblur.restorers.open import open_restorer
from tfdeblur.restorers.options import RestoringOptions
from tfdeblur.restorers.precision import precision_of_all

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.ablation import Ablation, TrainedRun
    from tfdeblur.evaluation.experiments.report import Reference


def add_ablation(kinds: Any) -> None:
    """Adds `tfdeblur experiment ablation`."""
    add_arguments(kinds).set_defaults(run_command=run)


@dataclass(frozen=True)
class AblationSettings:
    """What `tfdeblur experiment ablation` is to do.

    Attributes:
        base: the settings that all variants have in common.
        vary, seeds: what differs, as `variants_of` takes it.
        show_runs: whether to print the runs, and stop.
        out: folder for runs and results.
        limit, size: of what is measured.
        options: how to restore.
        verbose: whether to log details.
    """

    base: TrainConfig
    vary: tuple[str, ...]
    seeds: int
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
    variants = variants_of(settings.base, settings.vary or _table_1(settings), settings.seeds)
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
    base = suited(override(preset(arguments.preset or default), settings), settings)
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

    kinds = {variant.kind for variant in variants}
    if len(kinds) == len(variants):
        notes = [
            *notes,
            "one training of each: two of the same kind differ as well, by as much as --seeds 3 "
            "shows",
        ]
    runs = {one.name: _load(one, folders[one.name], settings.options) for one in variants}
    restorers = {name: run.restorer for name, run in runs.items()}
    return Ablation(
        runs,
        _published(kinds),
        notes,
        vary=" ".join(settings.vary) or "the schemes of table 1",
        **in_common(variants),
        **settings.options.recorded() | {"precision": precision_of_all(restorers)},
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


def _load(variant: Variant, folder: Path, options: RestoringOptions) -> "TrainedRun":
    from tfdeblur.evaluation.experiments.ablation import TrainedRun
    from tfdeblur.training.plan import Plan

    record = read_record(folder)
    try:
        kept = json.loads((folder / "generator.json").read_text())["epoch"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder / 'generator.json'} cannot be read: {error}") from error
    facts = {
        "parameters": record["parameters"],
        "steps": Plan.of_record(record).total,
        "best epoch": kept,
        "run": str(folder),
    }
    restorer = open_restorer(folder, options.given())
    return TrainedRun(restorer, facts, curve_of(folder), variant.kind, variant.config.run.seed)


def _published(names: Collection[str]) -> list["Reference"]:
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
