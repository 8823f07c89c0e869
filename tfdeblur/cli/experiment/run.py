"""What `tfdeblur experiment` does once its arguments are read."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import load_tensorflow, read_settings
from tfdeblur.cli.experiment.progress import Progress
from tfdeblur.cli.measuring.data import DataSettings, split_taken
from tfdeblur.cli.measuring.progress import exit_code
from tfdeblur.cli.restoring import restoring_options
from tfdeblur.errors import EXIT_DONE, InvalidInput

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.base import Experiment
    from tfdeblur.evaluation.experiments.cases import Cases
    from tfdeblur.evaluation.experiments.models import Model


def run(arguments: argparse.Namespace) -> int:
    """Runs one experiment."""
    if arguments.check is not None:
        arguments.check(arguments)
    load_tensorflow(arguments.verbose)
    from tfdeblur.evaluation.experiments.cases import find_cases

    split = read_settings(DataSettings, arguments).split_asked
    cases = find_cases(
        arguments.data,
        split,
        arguments.limit,
        only=arguments.only,
        exclude=arguments.exclude,
        size=arguments.size,
        flows=arguments.flows,
    )
    return measure(
        arguments.make(arguments),
        cases,
        arguments.out,
        model=arguments.model or "",
        data=arguments.data,
        split=split_taken(arguments.data, split),
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


def _load(arguments: argparse.Namespace, model: str) -> "Model":
    from tfdeblur.evaluation.experiments.models import load_model

    return load_model(model, arguments.levels, **restoring_options(arguments).recorded())


def levels(arguments: argparse.Namespace) -> "Experiment":
    """Table 4: the levels of one run."""
    from tfdeblur.evaluation.experiments.levels import Levels

    return Levels(_load(arguments, arguments.model))


def global_iterations(arguments: argparse.Namespace) -> "Experiment":
    """Tables 2 and 3: pass after pass."""
    from tfdeblur.evaluation.experiments.global_iterations import GlobalIterations

    return GlobalIterations(_load(arguments, arguments.model), arguments.passes)


def oracle(arguments: argparse.Namespace) -> "Experiment":
    """True against estimated flows."""
    from tfdeblur.evaluation.experiments.oracle import Oracle

    return Oracle(_load(arguments, arguments.model), arguments.beta)


def confidence(arguments: argparse.Namespace) -> "Experiment":
    """Confidence against gain."""
    from tfdeblur.evaluation.experiments.confidence import Confidence

    return Confidence(_load(arguments, arguments.model))


def artifact_penalty(arguments: argparse.Namespace) -> "Experiment":
    """Figure 10: two models."""
    from tfdeblur.evaluation.experiments.artifact_penalty import ArtifactPenalty

    models = {"with": arguments.model, "without": arguments.without}
    return ArtifactPenalty(
        {kind: _load(arguments, model) for kind, model in models.items()}, **models
    )


def deep_prior(arguments: argparse.Namespace) -> "Experiment":
    """Architectures, each fitted to one image."""
    from tfdeblur.evaluation.experiments.deep_prior import DeepPrior

    return DeepPrior(
        arguments.variants,
        arguments.input,
        arguments.steps,
        arguments.rate,
        arguments.width,
        arguments.seed,
    )


def refuse_one_model_alone(arguments: argparse.Namespace) -> None:
    """Tells how to train what is missing to compare with and without the penalty."""
    options = {"--model": arguments.model, "--without": arguments.without}
    missing = [option for option, model in options.items() if model is None]
    if not missing:
        return
    first, second = arguments.model or "runs/with", arguments.without or "runs/without"
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
