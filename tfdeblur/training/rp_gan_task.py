"""RP-GAN on pairs, with the flows of a trained SEN."""

import dataclasses
import json

import numpy as np
import tensorflow as tf

from tfdeblur.data import evaluation_images, panel_pairs
from tfdeblur.data.blind_pairs import blind_batches
from tfdeblur.errors import InvalidInput
from tfdeblur.image.atomic import write_atomically
from tfdeblur.training.baseline import blurred_baseline
from tfdeblur.training.build_rp_gan import SEN_FILE
from tfdeblur.training.initial import copy_network, find_network, is_copy
from tfdeblur.training.rp_gan import MEASURES
from tfdeblur.training.task import PANEL_IMAGES, PlainTask, augment, panel_side

PIPELINE_FILE = "pipeline.json"
BEFORE_RECORD = (SEN_FILE, PIPELINE_FILE)  # what `settle` writes
_PIPELINE = ("betas", "known_betas", "tolerance", "max_steps", "rasterizer")


class RPGANTask(PlainTask):
    """RP-GAN; its run folder holds SEN too, and how an image is restored with both."""

    file = "generator.keras"
    measures = MEASURES

    def title(self, config):
        """See `Task`."""
        epochs = config.rpgan.first_epochs(config.run.epochs)
        return (
            f"RP-GAN, {epochs} epochs on level 1, {config.run.epochs - epochs} on a buffer of "
            f"{config.rpgan.buffer:,} samples of {len(config.rpgan.level_shares)} levels"
        )

    def settle(self, config, folder, begun):
        """Copies SEN into the run folder, which so is whole by itself; see `Task`."""
        ours = folder / SEN_FILE
        if config.rpgan.sen and not (begun and ours.is_file()):
            copy_network(find_network(config.rpgan.sen, SEN_FILE, "sen"), ours)
        elif config.rpgan.sen and not config.rpgan.joint:
            given = find_network(config.rpgan.sen, SEN_FILE, "sen")
            if not is_copy(given, ours):
                raise InvalidInput(
                    f"`--sen` must be the SEN that the run began with, {ours}. Received: {given}. "
                    "Leave it out, or start a new run folder."
                )
        if not ours.is_file():
            return config  # building says that there is none; nothing is left behind
        settings = {name: getattr(config.rpgan, name) for name in _PIPELINE}
        text = json.dumps(settings, indent=2) + "\n"
        write_atomically(folder / PIPELINE_FILE, text.encode())
        return dataclasses.replace(config, rpgan=dataclasses.replace(config.rpgan, sen=str(ours)))

    def attach(self, config, source, trainer):
        """The samples that the buffer is filled with follow those of the steps on level 1."""
        batch, before = config.data.batch, trainer.first_steps * config.data.batch

        def samples(start, stop):
            return self._stream(config, source, batch, before + start, before + stop)

        trainer.samples = samples

    def batches(self, config, source, start, late):
        """See `Task`; its crops do not grow."""
        return self._stream(config, source, config.data.batch, start)

    def _stream(self, config, source, batch, start, stop=None):
        return blind_batches(
            source,
            augment=augment(config),
            batch=batch,
            seed=config.run.seed,
            start=start,
            stop=stop,
            known_flows=config.rpgan.known_flows,
        )

    def images(self, config, source):
        """See `Task`."""
        return evaluation_images(source, config.data.validation_limit or None)

    def facts(self, config, data):
        """What the blurred validation images measure as they are."""
        return blurred_baseline(self.images(config, data.validation)) if data.validation else {}

    def panels(self, config, source):
        """See `Task`."""
        side = panel_side(source, 64)
        if not side:
            return None
        blurred, sharp = panel_pairs(source, PANEL_IMAGES, side)

        def draw(trainer):
            levels = trainer.levels.restore(trainer.generator, tf.constant(blurred))
            shown = [image for level in levels for image in level]
            clipped = [np.clip(image, 0.0, 1.0) for image in shown]
            return np.concatenate([blurred, *clipped, sharp], axis=2)

        return "blurred_levels_sharp", draw
