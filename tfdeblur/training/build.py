"""From a configuration to a compiled trainer."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tfdeblur import processor
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import FlowLoss, MultiScaleLoss, parse_scheme
from tfdeblur.networks import SEN, Critic, Maxim
from tfdeblur.training.bi_skip import BiSkipTrainer
from tfdeblur.training.build_rp_gan import build_bi_skip, build_rp_gan
from tfdeblur.training.maxim import MaximTrainer
from tfdeblur.training.optimizers import build_optimizer, schedule_of
from tfdeblur.training.plan import Plan
from tfdeblur.training.self_paced import SelfPacedState
from tfdeblur.training.sen import SENTrainer


def choose_strategy(name):
    """The `tf.distribute` strategy called `name`.

    Args:
        name: "auto" (mirrored if there are several GPUs), "one", "mirrored" (all GPUs, or all
            logical CPUs where there are none) or "multiworker" (the cluster in TF_CONFIG).

    Returns:
        `tf.distribute.Strategy`. Ask for "multiworker" before TensorFlow has run anything.
    """
    if name == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def build_trainer(config, total_steps, strategy=None):
    """Networks, losses and optimizers of a run, compiled and with all variables in place.

    Args:
        config: `TrainConfig`.
        total_steps: int, steps of the whole run in equal epochs, or `Plan`; there the schedules
            end.
        strategy: `tf.distribute.Strategy` or None for the current one.

    Returns:
        `Trainer`, compiled: `BiSkipTrainer`, `MaximTrainer`, `SENTrainer` or `RPGANTrainer`.

    Raises:
        InvalidInput: if the scheme is unknown, or needs VGG and `loss.vgg` is "none".
        DataError: if VGG's weights or those of a SEN cannot be had.
    """
    strategy = strategy or tf.distribute.get_strategy()
    config = _with_precision(config)
    builders = {"biskip": _bi_skip, "maxim": _maxim, "sen": _sen, "rpgan": build_rp_gan}
    build = builders[config.model]
    keras.utils.set_random_seed(config.run.seed)
    earlier_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.run.precision)
    try:
        with strategy.scope():
            trainer, compile_arguments = build(config, Plan.of(total_steps, config.run.epochs))
            if strategy.num_replicas_in_sync > 1:
                _synchronise_batch_norm(trainer)  # of all players
            trainer.compile(**compile_arguments)
    finally:
        keras.config.set_dtype_policy(earlier_policy)
    return trainer


def _with_precision(config):
    """The settings with "auto" replaced by the arithmetic that this machine is fast in."""
    if config.run.precision != "auto":
        return config
    native = processor.has_bfloat16() or tf.config.list_physical_devices("GPU")
    precision = "mixed_bfloat16" if native else "float32"
    return dataclasses.replace(config, run=dataclasses.replace(config.run, precision=precision))


def _bi_skip(config, plan):
    """A trainer and what it is compiled with."""
    scheme = parse_scheme(config.loss.scheme)
    trainer = _networks(config, scheme)
    optimizer = build_optimizer(config.optimizer, plan.total)
    critic_optimizer = None
    if scheme.adversarial:
        critic_optimizer = build_optimizer(
            config.optimizer, plan.total, True, config.loss.critic_steps
        )
    content_loss = scheme.content_loss(
        _features(config, scheme), config.loss.pixel_weight, config.loss.feature_weight
    )
    return trainer, {
        "optimizer": optimizer,
        "content_loss": content_loss,
        "critic_optimizer": critic_optimizer,
    }


def _maxim(config, plan):
    """A trainer and what it is compiled with."""
    network = Maxim(config.network.stages, config.network.features)
    return MaximTrainer(network), {
        "optimizer": build_optimizer(config.optimizer, plan.total),
        "multi_scale_loss": MultiScaleLoss(config.loss.frequency_weight),
    }


def _sen(config, plan):
    """A trainer and what it is compiled with."""
    epochs = config.sen.epochs(config.run.epochs)
    optimizers = [build_optimizer(*of_stack) for of_stack in _stacks(config, plan)]
    settings = config.network
    network = SEN(
        config.sen.stacks, config.sen.front, settings.width, settings.norm, settings.unshuffle
    )
    return SENTrainer(network, epochs), {
        "optimizers": optimizers,
        "flow_loss": FlowLoss(config.loss.flow),
    }


def _stacks(config, plan):
    """Settings and number of steps of the optimizer of each stack."""
    epochs = config.sen.epochs(config.run.epochs)
    further = dataclasses.replace(
        config.optimizer,
        learning_rate=config.sen.further_rate,
        final_factor=config.sen.further_final_factor,
    )
    ends = [sum(epochs[: stack + 1]) for stack in range(len(epochs))]
    return [
        (further if stack else config.optimizer, plan.between(end - count, end))
        for stack, (count, end) in enumerate(zip(epochs, ends, strict=True))
    ]


def rate_at(config, plan, position):
    """The learning rate of the network that is kept, of the next step after `position`.

    Args:
        config: `TrainConfig`.
        plan: `Plan`.
        position: `Position`.
    """
    settings, steps, done = config.optimizer, plan.total, plan.done(position)
    if config.model == "sen":
        epochs = config.sen.epochs(config.run.epochs)
        stack = min(len(epochs) - 1, int(np.sum(np.cumsum(epochs) <= position.epoch)))
        settings, steps = _stacks(config, plan)[stack]
        done -= plan.between(0, sum(epochs[:stack]))
    return float(schedule_of(settings, steps)(done))


def _networks(config, scheme):
    critic = None
    if scheme.adversarial:
        channels = 4 if config.loss.critic_weight == "input" else 3
        critic = Critic(config.network.critic_width, channels)
    state = None
    if scheme.self_paced:
        state = SelfPacedState(config.run.epochs, config.loss.normalise_pace)
    return BiSkipTrainer(
        build_bi_skip(config.network, scheme.variant),
        critic,
        state,
        critic_steps=config.loss.critic_steps,
        gradient_penalty=config.loss.gradient_penalty,
        adversarial_weight=config.loss.adversarial_weight,
        critic_weight=config.loss.critic_weight,
        seed=config.run.seed,
    )


def _features(config, scheme):
    if not scheme.perceptual:
        return None
    if config.loss.vgg == "none":
        raise InvalidInput(
            f"`--vgg none` does not go with scheme {scheme.name}, whose letter P compares VGG "
            "features. Give a weights file, or choose a scheme without P, e.g. 1-BS."
        )
    from tfdeblur.networks import VGGFeatures

    return VGGFeatures("vgg19", config.loss.vgg_layer, config.loss.vgg, dtype=config.run.precision)


def _synchronise_batch_norm(network):
    # Set on the layers, not in their config: the network that is saved runs on any backend,
    # and Keras offers synchronised statistics on TensorFlow only.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
        elif isinstance(layer, keras.Model):
            _synchronise_batch_norm(layer)
