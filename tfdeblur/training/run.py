"""A training run: data, trainer, fit, backups and the record of what was done.

A run folder holds `run.json` (configuration, versions, data, state, history), `generator.keras`
(the best network by validation, or the newest without one; named as its task says), `last.keras`,
`history.csv`, `curves.png`, `panels/` (pictures), `logs/` (TensorBoard) and `backup/` (for
`--resume`).
"""

import logging
import sys
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfdeblur.config import TrainConfig
from tfdeblur.errors import InvalidInput
from tfdeblur.record import write_record
from tfdeblur.training import callbacks as own
from tfdeblur.training.backup import (
    Backup,
    GracefulInterrupt,
    Position,
    newest_position,
    restore_backup,
)
from tfdeblur.training.begun import Begun
from tfdeblur.training.build import build_trainer, choose_strategy
from tfdeblur.training.curves import Curves, Rate
from tfdeblur.training.initial import begin_with, find_network
from tfdeblur.training.keep import KeepNetwork
from tfdeblur.training.plan import Plan
from tfdeblur.training.progress_bar import FittingBar
from tfdeblur.training.resume import check_step
from tfdeblur.training.run_folder import LAST_FILE, check_folder, left_as_found
from tfdeblur.training.run_record import check_same_data, continued_record, new_record, now
from tfdeblur.training.sources import open_data
from tfdeblur.training.tasks import task_of

logger = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    folder: Path,
    resume: bool = False,
    verbose: int | str = "auto",
    new_data: bool = False,
) -> dict[str, Any]:
    """Trains as `config` says, into `folder`, and returns the record that `run.json` holds.

    Args:
        config: what to do.
        folder: run folder; made if it is missing.
        resume: go on from the newest backup in it (or start, where there is none yet).
        new_data: whether a resumed run may go on with other pairs than it began with.
        verbose: of `fit`: 1 is a progress bar, 2 a line per epoch, "auto" chooses by terminal.

    Raises:
        InvalidInput: if the folder holds a run and `resume` is False, a setting differs that
            must not (see `resume.settle_settings`), or the folder is that of the data.
        DataError: if data cannot be used or are not those of the earlier run.
        NotConverged: if the loss becomes NaN.
        KeyboardInterrupt: if stopped; the step's state is saved before.
    """
    with left_as_found(folder):
        return _train(config, folder, resume, verbose, new_data)


def _train(
    config: TrainConfig, folder: Path, resume: bool, verbose: int | str, new_data: bool
) -> dict[str, Any]:
    record, config = check_folder(config, folder, resume)
    config = task_of(config).settle(config, folder, begun=bool(record))
    strategy = choose_strategy(config.run.strategy)
    replicas = strategy.num_replicas_in_sync
    if config.data.batch % replicas:
        raise InvalidInput(
            f"`data.batch` must be a multiple of the {replicas} replicas. "
            f"Received: data.batch={config.data.batch}"
        )
    title = task_of(config).title(config)  # before files are read, which may take long
    data = open_data(config)
    check_same_data(record, data, new_data)
    steps = config.run.steps_per_epoch or max(1, data.train.count // config.data.batch)
    trainer, plan, position = _restored(config, record, steps, strategy, folder / "backup")
    if config.run.init and position == Position():
        found = find_network(config.run.init, task_of(config).file, "run.init")
        begin_with(trainer.network, found)
        logger.info("Beginning with the weights of %s.", found)
    trainer.skip_steps(position.step, position.means)
    done = plan.done(position)
    offset = done - position.epoch * steps - position.step  # of epochs that had other numbers
    # Before the record: a crop that does not fit must not leave a run behind.
    batch, late = config.data.batch, plan.late(config)
    batches = task_of(config).batches(config, data.train, done * batch, (late or 0) * batch)
    task_of(config).attach(config, data.train, trainer)
    logger.info(
        "%s: %s parameters, %d training pairs, %d validation pairs; %d epochs of %d steps, of "
        "which %d steps are done",
        title,
        f"{trainer.network.count_params():,}",
        data.train.count,
        data.validation.count if data.validation else 0,
        config.run.epochs,
        steps,
        done,
    )
    chief = _is_chief(strategy)
    if record:
        record = continued_record(record, config, data, plan, position)
    else:
        record = new_record(config, data, trainer, strategy, plan)
    if chief:
        write_record(folder, {**record, "state": "running"})
    with GracefulInterrupt() as interrupt:
        if verbose == "auto":
            verbose = 1 if sys.stdout.isatty() else 2
        callbacks = _callbacks(
            config, folder, data, steps, chief, interrupt.event, verbose == 1, offset
        )
        callbacks.insert(0, Begun(interrupt))
        if verbose == 1:
            callbacks.append(FittingBar())
        trainer.interrupt = interrupt.event
        _fit(trainer, batches, config, position, steps, callbacks, verbose)
    record = {**record, "state": "done", "finished": now()}
    if chief:
        write_record(folder, record)
    return record


def _fit(trainer, batches, config, position, steps, callbacks, verbose) -> None:
    try:
        trainer.fit(
            batches,
            epochs=config.run.epochs,
            initial_epoch=position.epoch,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=verbose,
            callbacks=callbacks,
        )
    finally:
        trainer.close()
        for callback in callbacks:  # fit() closes it only where it ends by itself
            if isinstance(callback, own.History) and callback.csv_file:
                callback.csv_file.close()


def _callbacks(config, folder, data, steps, chief, interrupt, show_bar=False, offset=0):
    """In the order that resuming needs: what reads the weights, what ends the epoch, backup.

    A kill in validation goes on from the backup of the epoch's last step, and validates again.
    """
    task = task_of(config)
    found = [own.EnterEpoch(), own.StopOnNaN()]
    if chief:
        readers = _readers(config, folder, data, interrupt, show_bar)
        measures = [f"val_{name}" for name in task.measures] if data.validation else []
        found += [
            own.WithAveragedWeights(readers, averaged=config.optimizer.ema > 0),
            keras.callbacks.TensorBoard(folder / "logs", write_graph=False, profile_batch=0),
            Rate(),
            own.History(folder / "history.csv", measures),
            Curves(folder),
            own.RunProgress(logger.info, show_bar),
        ]
    found += task.callbacks(folder / "logs" / "train" if chief else None)
    if chief:
        minutes = config.run.backup_minutes
        found += [Backup(folder / "backup", steps, minutes, interrupt, offset)]
    return found


def _readers(config, folder, data, interrupt, show_bar):
    """Callbacks that look at the weights an epoch ends with."""
    task, validation = task_of(config), data.validation
    readers = []
    if validation is not None:
        count = min(validation.count, config.data.validation_limit or validation.count)
        images = task.images(config, validation)
        readers += [own.Validate(images, count, config.run.validate_every, interrupt, show_bar)]
    measure, lowest = task.best(config)
    best = f"val_{measure}", lowest
    readers += [
        KeepNetwork(folder / task.file, *best, always=validation is None, beside=True),
        KeepNetwork(folder / LAST_FILE, *best, always=True),
    ]
    panels = task.panels(config, validation or data.train) if config.run.panel_every else None
    if panels:
        name, draw = panels
        logs = folder / "logs" / "panels"
        readers += [own.Panels(draw, name, folder / "panels", logs, config.run.panel_every)]
    return readers


def _restored(config, record, steps, strategy, backups):
    """Trainer, plan and position of a run that begins or goes on with so many steps an epoch."""
    position = newest_position(backups)
    while True:
        check_step(position, steps)
        plan = Plan(config.run.epochs, ((0, steps),))
        if record:
            plan = Plan.of_record(record).go_on(position, config.run.epochs, steps)
        trainer = build_trainer(config, plan, strategy)
        found = restore_backup(trainer, backups)
        if found == position:
            return trainer, plan, found
        position = found  # the newest has a position and no weights: planned from there instead


def _is_chief(strategy: tf.distribute.Strategy) -> bool:
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (
        "chief" not in resolver.cluster_spec().jobs
        and resolver.task_type == "worker"
        and resolver.task_id == 0
    )
