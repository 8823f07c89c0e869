"""The folder of a training run: that it holds no other run, and is none of the data's."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfdeblur.config import TrainConfig
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.record import RECORD, read_record
from tfdeblur.training.resume import settle_settings
from tfdeblur.training.rp_gan_task import BEFORE_RECORD
from tfdeblur.training.tasks import task_of

logger = logging.getLogger(__name__)

LAST_FILE = "last.keras"


def check_folder(
    config: TrainConfig, folder: Path, resume: bool
) -> tuple[dict[str, Any], TrainConfig]:
    """Refuses to mix two runs, or a run and its data; makes the folder.

    Args:
        config, folder, resume: as for `train`.

    Returns:
        The record of the run in `folder`, or an empty one, and the settings that it goes on with.

    Raises:
        InvalidInput: if it holds a run and `resume` is False, a setting differs that must not, or
            it holds files and no run, is one of the data's, or inside one of photographs.
        DataError: if its record cannot be read, or it has trained and its backups are gone.
    """
    if not (folder / RECORD).is_file():
        _refuse_data(config, folder)
        _refuse_files(config, folder)
        folder.mkdir(parents=True, exist_ok=True)
        return {}, config
    if not resume:
        raise InvalidInput(
            f"`--run` must be a new folder, or come with --resume. Received: {folder}, "
            "which holds a run."
        )
    record = read_record(folder)
    backed_up = any((folder / "backup").glob("step-*"))  # damaged ones are told of where they count
    if not backed_up:
        _refuse_lost_backups(config, folder)
    config = settle_settings(config, folder, record)
    if not backed_up:
        logger.info("No backup in %s yet: starting from the beginning.", folder)
    return record, config


@contextlib.contextmanager
def left_as_found(folder: Path) -> Iterator[None]:
    """Takes what was put into the folder of a run away again where nothing was begun in it."""
    before = _names_in(folder)
    try:
        yield
    finally:
        if not (folder / RECORD).is_file():
            for name in BEFORE_RECORD:
                if name not in (before or ()):
                    (folder / name).unlink(missing_ok=True)
            if before is None:
                with contextlib.suppress(OSError):  # that it is not empty
                    folder.rmdir()


def _names_in(folder: Path) -> list[str] | None:
    """What a folder holds, sorted; None where there is no such folder."""
    return sorted(os.listdir(folder)) if folder.is_dir() else None


def _refuse_files(config: TrainConfig, folder: Path) -> None:
    """Files of a run among photographs are hard to tell from them, and some have common names."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"`--run` must be a folder. Received: {folder}, which is a file.")
    # Several workers begin in one folder, none of them before the others are there.
    settled = BEFORE_RECORD if config.model == "rpgan" else ()
    names = _names_in(folder) or ()
    held = [name for name in names if not name.startswith(".") and name not in settled]
    if held:
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        raise InvalidInput(
            f"`--run` must be a new folder, an empty one, or that of a run. Received: {folder}, "
            f"which holds {held[0]}{more}, and no {RECORD}. Name another one."
        )


def _refuse_lost_backups(config: TrainConfig, folder: Path) -> None:
    """Epochs are done only after a backup: without one, starting anew would write over them."""
    network = task_of(config).file
    told = [name for name in (network, LAST_FILE) if (folder / name).is_file()]
    done = _epochs_in(folder / "history.csv")
    if not told and not done:
        return
    found = [*([f"{done} epochs in history.csv"] if done else []), *told]
    init = folder if network in told else folder / LAST_FILE
    onward = f", or go on from its weights in a new run: --run NEW --init {init}" if told else ""
    raise DataError(
        "`--resume` goes on from the backups of a run, and starting from the beginning would write "
        f"over what this one has learnt. Received: {folder}, which holds {', '.join(found)} and no "
        f"backup in {folder / 'backup'}. Put that folder back{onward}."
    )


def _epochs_in(history: Path) -> int:
    """Rows below the heads; a run that was stopped within its first epoch has neither."""
    try:
        rows = history.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return 0
    return len([row for row in rows if row.strip()][1:])


def _refuse_data(config: TrainConfig, folder: Path) -> None:
    """Panels among photographs would be trained on; files of a run among pairs are only untidy."""
    run = os.path.realpath(folder)
    alone = config.model == "sen" or (config.data.blur and not config.data.blur_photos)
    photographs = ("blur_photos", "train" if alone else "")
    for name in ("train", "validation", "blur_photos"):
        given = getattr(config.data, name)
        data = os.path.realpath(os.path.expanduser(given)) if given else ""
        within = name in photographs and Path(run).is_relative_to(data)
        if os.path.isdir(data) and (within or run == data):
            raise InvalidInput(
                "`--run` must be a folder of its own, in no folder of the data. Received: "
                f"{folder}, which is {'' if run == data else 'in '}data.{name}={given}."
            )
