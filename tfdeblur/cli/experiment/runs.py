"""The trainings of `tfdeblur experiment ablation`: one after the other, each once."""

import contextlib
import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfdeblur.cli.experiment.variants import Variant
from tfdeblur.config import from_json
from tfdeblur.errors import DataError, InvalidInput, NotConverged
from tfdeblur.record import RECORD, read_record

Tell = Callable[[str], None]


def folder_of(out: Path, variant: Variant) -> Path:
    """The run folder of a variant."""
    return out / "runs" / variant.folder


def state_of(folder: Path) -> str:
    """How far a run is: "not begun", "begun" or "finished"."""
    if not (folder / RECORD).is_file():
        return "not begun"
    return "finished" if read_record(folder).get("state") == "done" else "begun"


def open_validation(variants: Sequence[Variant]) -> Any:
    """The pairs that all variants are validated on, and will be measured on.

    Returns:
        `data.sources.PairSource`.

    Raises:
        InvalidInput: if there are none, or not the same ones for all variants.
        DataError: if data are missing or broken, or a pair would be trained and validated on.
    """
    from tfdeblur.training.sources import open_data

    found = {}
    for variant in variants:
        if variant.config.data not in found:
            found[variant.config.data] = open_data(variant.config).validation
    first, *others = found.values()
    if first is None:
        raise InvalidInput(
            "`--val` must name pairs to measure on, which are never trained on; or --val-only some "
            "of the pairs of --data. Received neither, and the data have no `test` split."
        )
    if any(other is None or other.fingerprint != first.fingerprint for other in others):
        raise InvalidInput(
            "`--vary` must leave the validation pairs alone: all variants are measured on the same "
            "ones. Give them with --val."
        )
    return first


def train_all(variants: Sequence[Variant], out: Path, tell: Tell) -> dict[str, str]:
    """Trains what is not finished yet, one variant after the other, what has begun before the rest.

    Args:
        variants: what to train.
        out: the run folders are `out/runs/NAME`.
        tell: called with a line of text before each run.

    Returns:
        Name of a variant -> why its training failed; the others are finished.

    Raises:
        InvalidInput: if a folder holds a run with other settings.
        DataError: if data are broken, or not those that a run began with.
        KeyboardInterrupt: if stopped; the same call goes on after the last step.
    """
    _load_features(variants, out)
    failed: dict[str, str] = {}
    # A run of other settings is refused: now, not after others have taken hours.
    in_turn = sorted(variants, key=lambda one: state_of(folder_of(out, one)) == "not begun")
    for number, variant in enumerate(in_turn, 1):
        folder = folder_of(out, variant)
        named = f"run {number} of {len(variants)}, {variant.name}"
        if _is_finished(variant, folder):
            tell(f"{named}: finished before")
            continue
        tell(f"{named}: training in {folder}")
        try:
            _train(variant, folder)
        except NotConverged as error:
            failed[variant.name] = str(error)
            tell(f"failed: {variant.name}: {error}")
    _refuse_other_pairs([v for v in variants if v.name not in failed], out)
    return failed


def _train(variant: Variant, folder: Path) -> None:
    import keras

    from tfdeblur.training.run import train

    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the table
            train(variant.config, folder, resume=True)
    finally:
        keras.utils.clear_session()  # one run's networks at a time are enough


def _is_finished(variant: Variant, folder: Path) -> bool:
    """Whether the run is done, and by these very settings; `train` says what differs.

    Raises:
        InvalidInput: if it was made with another SEN.
    """
    from tfdeblur.training.tasks import task_of

    if state_of(folder) != "finished":
        return False
    config, done = variant.config, from_json(read_record(folder)["config"])
    same = replace(config, rpgan=replace(config.rpgan, sen=done.rpgan.sen)) == done
    if same:  # only then: what settles the SEN writes the settings of the run anew
        task_of(config).settle(config, folder, begun=True)
    return same


def _load_features(variants: Sequence[Variant], out: Path) -> None:
    """Raises now what would be raised hours later, when the first scheme with a P begins."""
    from tfdeblur.losses import parse_scheme
    from tfdeblur.networks import VGGFeatures

    losses = [
        variant.config.loss
        for variant in variants
        if variant.config.model == "biskip" and state_of(folder_of(out, variant)) != "finished"
    ]
    perceptual = [loss for loss in losses if parse_scheme(loss.scheme).perceptual]
    for loss in perceptual:
        if loss.vgg == "none":
            raise InvalidInput(
                f"`--vgg none` does not go with scheme {parse_scheme(loss.scheme).name}, whose "
                "letter P compares features of VGG19. Give a weights file, or name schemes "
                "without P, as in --vary loss.scheme=1-BS,2-BS."
            )
    for layer, weights in dict.fromkeys((loss.vgg_layer, loss.vgg) for loss in perceptual):
        VGGFeatures("vgg19", layer, weights)


def _refuse_other_pairs(variants: Sequence[Variant], out: Path) -> None:
    """Refuses to compare runs of which one began before the pairs in the folder changed."""
    known: dict[Any, tuple[str, Any]] = {}
    for variant in variants:
        data = read_record(folder_of(out, variant))["data"]
        found = data["train_fingerprint"], data["validation_fingerprint"]
        name, first = known.setdefault(variant.config.data, (variant.name, found))
        if found != first:
            raise DataError(
                f"{name} and {variant.name} were not trained or validated on the same pairs: the "
                f"data have changed in between. Delete {folder_of(out, variant)} or the other, and "
                "run this again."
            )


def curve_of(folder: Path, measure: str = "val_psnr") -> list[tuple[float, float]]:
    """What a run measured by epoch, from its history: (epochs, dB); empty if there is none."""
    try:
        with open(folder / "history.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return []
    measured = [row for row in rows if row.get(measure) not in (None, "", "NA")]
    return [(int(row["epoch"]) + 1.0, float(row[measure])) for row in measured]
