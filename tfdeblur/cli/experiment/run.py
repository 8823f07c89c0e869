"""What `tfdeblur experiment` does once its arguments are read."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import load_tensorflow
from tfdeblur.cli.experiment.progress import Progress
from tfdeblur.cli.experiment.settings import (
    DeepPriorSettings,
    ExperimentSettings,
    OracleSettings,
    PassesSettings,
    PenaltySettings,
)
from tfdeblur.cli.measuring.data import split_taken
from tfdeblur.cli.measuring.progress import exit_code
from tfdeblur.errors import EXIT_DONE, InvalidInput

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.base import Experiment
    from tfdeblur.evaluation.experiments.cases import Cases
    from tfdeblur.evaluation.experiments.models import Model


Make = Callable[[Any], "Experiment"]
Check = Callable[[Any], None]


def run(arguments: argparse.Namespace) -> int:
    """Runs one experiment."""
    return _run(arguments.kind.read(arguments), arguments.make, arguments.check, arguments.flows)


def _run(settings: ExperimentSettings, make: Make, check: Check | None, flows: bool) -> int:
    if check is not None:
        check(settings)
    load_tensorflow(settings.verbose)
    from tfdeblur.evaluation.experiments.cases import find_cases

    data = settings.data
    cases = find_cases(
        data.data,
        data.split_asked,
        data.limit,
        only=data.only,
        exclude=data.exclude,
        patterns=data.pairs,
        white_level=data.white_level,
        size=settings.size,
        flows=flows,
    )
    return measure(
        make(settings),
        cases,
        settings.out,
        model=settings.model or "",
        data=data.data,
        split=split_taken(data.data, data.split_asked),
    )


def measure(experiment: "Experiment", cases: "Cases", out: Path, **of: Any) -> int:
    """Runs an experiment with progress, prints what it found, and returns the exit code.

    Args:
        experiment, cases, out: as `run_experiment` takes them.
        of: model, data and split, for the report.

    Raises:
        KeyboardInterrupt: if stopped; what was finished is printed before.
    """
    from tfdeblur.evaluation.experiments.base import run_experiment

    progress = Progress()
    try:
        run_experiment(experiment, cases, out, progress, **of)
    except KeyboardInterrupt:
        _finish(progress, experiment, out)
        raise
    return _finish(progress, experiment, out)


def _load(settings: ExperimentSettings, model: str | None) -> "Model":
    from tfdeblur.evaluation.experiments.models import load_model

    return load_model(model or "", settings.options.levels, **settings.options.recorded())


def levels(settings: ExperimentSettings) -> "Experiment":
    """Table 4: the levels of one run."""
    from tfdeblur.evaluation.experiments.levels import Levels

    return Levels(_load(settings, settings.model))


def global_iterations(settings: PassesSettings) -> "Experiment":
    """Tables 2 and 3: pass after pass."""
    from tfdeblur.evaluation.experiments.global_iterations import GlobalIterations

    return GlobalIterations(_load(settings, settings.model), settings.passes)


def oracle(settings: OracleSettings) -> "Experiment":
    """True against estimated flows."""
    from tfdeblur.evaluation.experiments.oracle import Oracle

    return Oracle(_load(settings, settings.model), settings.beta)


def confidence(settings: ExperimentSettings) -> "Experiment":
    """Confidence against gain."""
    from tfdeblur.evaluation.experiments.confidence import Confidence

    return Confidence(_load(settings, settings.model))


def artifact_penalty(settings: PenaltySettings) -> "Experiment":
    """Figure 10: two models."""
    from tfdeblur.evaluation.experiments.artifact_penalty import ArtifactPenalty

    models = {"with": settings.model, "without": settings.without}
    return ArtifactPenalty(
        {kind: _load(settings, model) for kind, model in models.items()}, **models
    )


def deep_prior(settings: DeepPriorSettings) -> "Experiment":
    """Architectures, each fitted to one image."""
    from tfdeblur.evaluation.experiments.deep_prior import DeepPrior

    return DeepPrior(
        settings.variants,
        settings.input,
        settings.steps,
        settings.rate,
        settings.width,
        settings.seed,
    )


def refuse_one_model_alone(settings: PenaltySettings) -> None:
    """Tells how to train what is missing to compare with and without the penalty."""
    options = {"--model": settings.model, "--without": settings.without}
    missing = [option for option, model in options.items() if model is None]
    if not missing:
        return
    first, second = settings.model or "runs/with", settings.without or "runs/without"
    command = "  tfdeblur train --model rpgan --preset rpgan-small --sen SEN_RUN --data DIR"
    raise InvalidInput(
        f"{' and '.join(missing)} must be given: two models are compared, trained alike but for "
        f"the artifact penalty. These train them, SEN_RUN being a trained SEN:\n"
        f"{command} --run {first}\n"
        f"{command} --run {second} --set loss.artifact_weight=0\n"
        "(`tfdeblur experiment ablation --model rpgan --vary loss.artifact_weight=0.01,0` trains "
        "both, and compares their results.)\n"
        f"Then run this again with --model {first} --without {second}"
    )


def _finish(progress: Progress, experiment: "Experiment", out: Path) -> int:
    """Prints the report, finished or not; returns the exit code."""
    progress.close()
    report = progress.report
    if report is None:
        return EXIT_DONE
    if report.images:
        print(report.table_of_images(experiment.columns(report)))
        print()
        print(report.table())
        print()
    for name, value in report.summary.items():
        print(f"{name}: {_shown(value)}")
    print(report.facts())
    print(f"written to {out}: {experiment.name}.json, panels/")
    for image in report.images:
        for remark in image.remarks:
            print(f"warning: {image.name}: {remark}", file=sys.stderr)
    return exit_code(report)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    if isinstance(value, list):
        return f"{len(value)} points, in the JSON file"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
