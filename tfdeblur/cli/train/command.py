"""`tfdeblur train`: from images to a network that deblurs them, or that sees their motion."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import load_tensorflow, read_settings
from tfdeblur.cli.train import options
from tfdeblur.cli.train.begun_with import begun_with
from tfdeblur.cli.train.short_runs import suited
from tfdeblur.errors import InvalidInput
from tfdeblur.presets import preset


def add_parser(commands: Any) -> None:
    """Adds `tfdeblur train`."""
    options.add_parser(commands).set_defaults(run_command=run)


@dataclass(frozen=True)
class TrainSettings:
    """What `tfdeblur train` is to do.

    Attributes:
        run: folder of the run.
        preset: named settings; None: those of `default_preset`.
        default_preset: what suits the model that is named.
        given: settings of the command line, by dotted name; before them those of the network that
            gives its weights.
        resume: whether to go on from the last backup.
        new_data: whether that may be with other pairs than the run began with.
        show_config: whether to print all settings, and stop.
        verbose: whether to log details.
    """

    run: str
    preset: str | None
    default_preset: str
    given: Mapping[str, Any]
    resume: bool
    new_data: bool
    show_config: bool
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "TrainSettings":
        """Of the parsed options.

        Raises:
            InvalidInput: if a `--set` has no equals sign.
        """
        given = options.settings_of(arguments)
        model, network = begun_with(arguments.init) if arguments.init else (None, {})
        if arguments.model not in (None, model):
            network = {}  # of another kind: refused where it is loaded
        default = _default_preset(arguments.model or model, bool(arguments.init))
        return read_settings(cls, arguments, given={**network, **given}, default_preset=default)


def _default_preset(model: str | None, initialised: bool) -> str:
    """Settings that fit two cores; weights that restore already are not taught from the start."""
    if initialised and model in ("biskip", "maxim"):
        return f"{model}-finetune"
    if model == "maxim":
        return "maxim-small"
    return {"sen": "sen-small", "rpgan": "rpgan-small"}.get(model or "", "small")


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur train`."""
    return _train(TrainSettings.read(arguments))


def _train(settings: TrainSettings) -> int:
    import json

    from tfdeblur.config import from_json, override, to_json
    from tfdeblur.record import RECORD, read_record, resume_command

    folder = Path(settings.run)
    resuming = settings.resume and (folder / RECORD).is_file()
    record = read_record(folder) if resuming else {}
    if resuming and not settings.preset:
        config = override(from_json(record["config"]), dict(settings.given))
    else:  # a whole command with --resume added; what differs from the run is refused later
        config = override(preset(settings.preset or settings.default_preset), dict(settings.given))
        config = suited(config, settings.given)
    if settings.show_config:
        print(json.dumps(to_json(config), indent=2))
        return 0
    if not config.data.train:
        if settings.resume:
            raise InvalidInput(
                f"`--resume` goes on with the run in --run. Received: {folder}, which holds none "
                "(no run.json). To start one, give --data."
            )
        raise InvalidInput("`--data` must name a folder of pairs or a TFDS data set.")
    load_tensorflow(settings.verbose)
    from tfdeblur.training.run import train

    try:
        train(config, folder, resume=settings.resume, new_data=settings.new_data)
    except KeyboardInterrupt as stopped:
        if not (folder / RECORD).is_file():  # nothing was begun
            raise
        raise KeyboardInterrupt(f"Go on with: {resume_command(folder)}") from stopped
    if record.get("state") == "done" and config.run.epochs == record["config"]["run"]["epochs"]:
        longer = f"{resume_command(folder)} --epochs {2 * config.run.epochs}"
        print(f"It had ended, after {config.run.epochs} epochs. To train longer: {longer}")
    if config.model == "sen":
        print(f"Trained. The network is {folder / 'sen.keras'}.")
        return 0
    print(
        f"Trained. Restore a photograph with:\n  tfdeblur deblur PHOTO --out DIR --model {folder}"
    )
    return 0
