"""From a configuration to RP-GAN's networks, losses and optimizers."""

import dataclasses

from tfdeblur.errors import InvalidInput
from tfdeblur.losses import BiLevelContent, FlowLoss
from tfdeblur.networks import SEN, ArtifactCritic, BiSkip, Discriminator, RPGANGenerator
from tfdeblur.training.initial import find_network, load_network
from tfdeblur.training.joint import JointTrainer
from tfdeblur.training.levels import Levels
from tfdeblur.training.optimizers import build_optimizer
from tfdeblur.training.replay import ReplayBuffer
from tfdeblur.training.rp_gan import RPGANTrainer

SEN_FILE = "sen.keras"
_VGG_LAYER = "block2_conv2"


def build_rp_gan(config, plan):
    """A trainer and what it is compiled with; see `build.build_trainer`."""
    ours, loss = config.rpgan, config.loss
    kind, more, compiled = _kind(config, plan.total)
    trainer = kind(
        _generator(config),
        Discriminator(config.network.critic_width, config.network.norm),
        _artifact_critic(config),
        Levels(
            _sen(config),
            ours.betas,
            ours.tolerance,
            ours.max_steps,
            ours.rasterizer,
            ours.known_betas or None,
        ),
        ReplayBuffer(
            ours.buffer,
            ours.level_shares,
            config.data.batch,
            ours.buffer_passes,
            config.run.seed,
        ),
        first_steps=plan.between(0, ours.first_epochs(config.run.epochs)),
        adversarial_weight=loss.adversarial_weight,
        artifact_weight=loss.artifact_weight,
        lipschitz=loss.lipschitz,
        clip=loss.clip,
        gradient_penalty=loss.gradient_penalty,
        critic_steps=loss.critic_steps,
        fill_beside=ours.fill_beside,
        seed=config.run.seed,
        **more,
    )
    return trainer, {
        **compiled,
        "optimizer": build_optimizer(config.optimizer, plan.total),
        "discriminator_optimizer": _opponent(config.optimizer, plan.total),
        "critic_optimizer": build_optimizer(
            config.optimizer, plan.total, critic=True, updates_per_step=loss.critic_steps
        ),
        "content_loss": _content(config),
        "game": loss.game,
    }


def _kind(config, total_steps):
    """The trainer's class, and what it is built and compiled with beyond the common."""
    ours, settings = config.rpgan, config.optimizer
    if not ours.joint:
        return RPGANTrainer, {}, {}
    rate = ours.sen_rate * settings.learning_rate
    slower = dataclasses.replace(settings, learning_rate=rate, ema=0.0)
    compiled = {
        "sen_optimizer": build_optimizer(slower, total_steps),
        "flow_loss": FlowLoss(config.loss.flow),
    }
    return JointTrainer, {"flow_weight": ours.flow_weight}, compiled


def _generator(config):
    network = config.network
    if config.rpgan.prior == "biskip":
        return build_bi_skip(network, images=2)
    head = "residual" if network.head_initializer == "zeros" else "random"
    return RPGANGenerator(network.width, network.norm, head, network.unshuffle)


def build_bi_skip(network, variant="BS", images=1):
    """The Bi-Skip that the section `network` of a configuration describes."""
    return BiSkip(
        variant,
        network.width,
        network.norm,
        network.head_initializer,
        images,
        network.unshuffle,
        network.blocks,
        network.channels or None,
        network.depths or None,
    )


def _artifact_critic(config):
    if not config.loss.artifact_weight:
        return None
    spectral = config.loss.lipschitz == "spectral"
    return ArtifactCritic(config.network.critic_width, spectral=spectral)


def _sen(config):
    if not config.rpgan.sen:
        raise InvalidInput(
            "`--sen` must name a trained SEN, whose flows RP-GAN deconvolves with: a preset, a run "
            "folder of `tfdeblur train --model sen`, or a .keras file."
        )
    sen = load_network(find_network(config.rpgan.sen, SEN_FILE, "rpgan.sen"), SEN, "rpgan.sen")
    sen.trainable = False
    return sen


def _content(config):
    loss, features = config.loss, None
    if loss.feature_weight and loss.vgg == "none" and not loss.pixel_weight:
        raise InvalidInput(
            "`--vgg none` leaves nothing to compare where loss.pixel_weight is 0. Give a weights "
            "file of VGG16, or --set loss.pixel_weight=1."
        )
    if loss.feature_weight and loss.vgg != "none":
        from tfdeblur.networks import VGGFeatures

        features = VGGFeatures(
            "vgg16", _VGG_LAYER, loss.vgg, dtype=config.run.precision, after_relu=True
        )
    pixel = loss.pixel if loss.pixel_weight else None
    return BiLevelContent(pixel, features, loss.pixel_weight, loss.feature_weight)


def _opponent(settings, total_steps):
    """As the generator's but for its rate, without averaged weights, which nobody uses, and Muon.

    Muon was tried on networks that restore only; its steps are as long for small gradients.
    """
    changes = {"learning_rate": settings.learning_rate * settings.opponent_rate, "ema": 0.0}
    if settings.name == "muon":
        changes["name"] = "adamw"
    return build_optimizer(dataclasses.replace(settings, **changes), total_steps)
