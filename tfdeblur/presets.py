"""Named training configurations (standard library only).

`paper` is the run of the Bi-Skip paper, section 5. `small` fits two CPU cores and an hour; its
figures stand in docs/experiments.md beside the command that made them. `demo` takes minutes from
random weights, to see that everything runs.
`sen-paper` and `sen-small` are the same for SEN of the motion-flow paper, `rpgan-paper` and
`rpgan-small` for its RP-GAN; `rpgan-known-small` is for motions that are known, not estimated.
`biskip`, `biskip-fast`, `sen` and `rpgan` are for a day or more on two cores: fewer, deeper pixels,
and Muon.
"""

from typing import Any

from tfdeblur.config import TrainConfig, override
from tfdeblur.errors import InvalidInput
from tfdeblur.near import did_you_mean

_PRESETS: dict[str, dict[str, Any]] = {
    # 1,000 epochs for the final model: --epochs 1000.
    "paper": {},
    "small": {
        "network.width": 0.5,
        "network.norm": "none",
        "network.head_initializer": "zeros",
        "data.crop": 192,
        "data.batch": 4,
        "data.turns": True,
        "data.permute_channels": True,
        # One run gained a little more than one of "2-BS" on the same data (docs/experiments.md).
        "loss.scheme": "S2-BS",
        "loss.normalise_pace": True,
        "optimizer.name": "adamw",
        "optimizer.learning_rate": 1e-3,
        "optimizer.schedule": "cosine",
        "optimizer.warmup_steps": 200,
        "optimizer.final_factor": 0.01,
        "optimizer.clip_norm": 1.0,
        "optimizer.ema": 0.998,
        "run.precision": "mixed_bfloat16",
        "run.epochs": 24,
        "run.steps_per_epoch": 500,
    },
}
_PRESETS["demo"] = {
    **_PRESETS["small"],
    "network.width": 0.25,
    "data.crop": 128,
    "loss.scheme": "2-BS",
    "run.epochs": 8,
    "run.steps_per_epoch": 200,
    "run.panel_every": 1,
}

# Gated blocks, most of them at 1/8 of the size: 3.0 billion products per 256x256, 4.0 M
# parameters. --data is a folder of photographs, or one of pairs beside --blur-photos. Trains until
# it is told when to end: --resume --epochs N --set optimizer.decay_steps=M. In runs of minutes
# --set optimizer.ema=0.99 sees more. The shipped `biskip` and `biskip-fast` come of it, with four
# crops a step (docs/training_log.md).
_PRESETS["biskip"] = {
    "network.unshuffle": 4,
    "network.blocks": "gated",
    "network.channels": (64, 112, 160, 160),
    "network.depths": (2, 6, 3, 1, 2, 2, 2),
    "network.norm": "none",
    "network.head_initializer": "zeros",
    "data.crop": 256,
    "data.batch": 8,
    "data.turns": True,
    "data.permute_channels": True,
    "data.blur": "dynamic",
    "loss.scheme": "1-BS",
    "loss.pixel_weight": 1.0,
    "optimizer.name": "muon",
    "optimizer.learning_rate": 1e-3,
    "optimizer.schedule": "constant",
    "optimizer.warmup_steps": 200,
    "optimizer.clip_norm": 1.0,
    "optimizer.ema": 0.998,
    "run.precision": "auto",
    "run.epochs": 400,
    "run.steps_per_epoch": 500,
    "run.validate_every": 4,
}
# The same, narrower: a third of the products.
_PRESETS["biskip-fast"] = {**_PRESETS["biskip"], "network.channels": (32, 64, 96, 96)}

# Goes on from Bi-Skip weights that restore already, on pairs. The network is theirs. Not measured
# yet by a whole run.
_PRESETS["biskip-finetune"] = {
    **_PRESETS["biskip"],
    "data.batch": 4,
    "data.blur": "",
    "optimizer.learning_rate": 2e-4,
    "optimizer.schedule": "linear",
    "optimizer.constant_part": 0.7,
    "optimizer.final_factor": 0.02,
    "run.epochs": 40,
    "run.steps_per_epoch": 250,
}

# Goes on from weights that restore already (`tfdeblur convert maxim`): a low rate and averaged
# weights, so as not to lose what they know. Not measured yet by a whole run.
_PRESETS["maxim-finetune"] = {
    "model": "maxim",
    "data.crop": 256,
    # Two crops an update, one after the other: as one batch they take no less time and 1.7 times
    # the memory (docs/speed.md).
    "data.batch": 1,
    "optimizer.accumulate": 2,
    "data.turns": True,
    "data.permute_channels": True,
    "optimizer.name": "adamw",
    "optimizer.learning_rate": 1e-5,
    "optimizer.schedule": "linear",
    "optimizer.constant_part": 0.7,
    "optimizer.warmup_steps": 200,
    "optimizer.final_factor": 0.02,
    "optimizer.clip_norm": 1.0,
    "optimizer.ema": 0.998,
    # As the last run of what is shipped, which loses nothing by it.
    "run.precision": "auto",
    "run.epochs": 40,
    "run.steps_per_epoch": 500,
    "run.validate_every": 4,
}
# From random weights: what fits two cores and an hour.
_PRESETS["maxim-small"] = {
    **_PRESETS["maxim-finetune"],
    "network.features": 8,
    "data.crop": 192,
    "data.batch": 4,
    "optimizer.accumulate": 1,
    "optimizer.learning_rate": 1e-3,
    "optimizer.schedule": "cosine",
    "optimizer.final_factor": 0.01,
    "run.precision": "float32",
    "run.epochs": 16,
    "run.steps_per_epoch": 250,
}

# Sections 3 and 6.1 of the motion-flow paper: 90 epochs for the first stack, 50 of them at the
# highest rate, and 15 for the second; an epoch is 10,000 pairs.
_PRESETS["sen-paper"] = {
    "model": "sen",
    "data.crop": 256,
    "data.batch": 16,
    "optimizer.learning_rate": 1.25e-3,
    "optimizer.schedule": "linear",
    "optimizer.constant_part": 50 / 90,
    "optimizer.final_factor": 0.01,
    "optimizer.beta_1": 0.9,
    "optimizer.beta_2": 0.99,
    "optimizer.epsilon": 1e-8,
    "sen.further_part": 15 / 105,
    "sen.further_rate": 1.25e-5,
    "run.epochs": 105,
    "run.steps_per_epoch": 625,
}
_PRESETS["sen-small"] = {
    **_PRESETS["sen-paper"],
    "network.width": 0.25,
    "data.crop": 192,
    "data.batch": 8,
    "data.turns": True,
    "data.permute_channels": True,
    # Of three equal runs of 1,200 steps the one with the smallest errors, the paper's included.
    "loss.flow": "sign_free",
    "optimizer.learning_rate": 1e-3,
    "optimizer.schedule": "cosine",
    "optimizer.warmup_steps": 100,
    "optimizer.clip_norm": 10.0,
    "sen.further_part": 0.25,
    "sen.further_rate": 5e-4,
    "sen.further_final_factor": 0.01,
    "run.precision": "mixed_bfloat16",
    "run.epochs": 16,
    "run.steps_per_epoch": 100,
    "run.panel_every": 1,
}
# What the shipped `rpgan` sees by: 41 minutes (docs/training_log.md). A second stack was not
# trained, as it brought little where it was. The fall of the rate is planned.
_PRESETS["sen"] = {
    **_PRESETS["sen-small"],
    "sen.stacks": 1,
    "network.unshuffle": 2,
    "data.crop": 256,
    "optimizer.name": "muon",
    "optimizer.schedule": "linear",
    "optimizer.constant_part": 0.7,
    "run.precision": "auto",
    "run.epochs": 22,
    "run.steps_per_epoch": 500,
    "run.validate_every": 4,
    "run.panel_every": 4,
}

# Section 6.2: 110 epochs at 1e-4, 80 more down to 1e-6; 40 of them on level 1.
_PRESETS["rpgan-paper"] = {
    "model": "rpgan",
    "data.crop": 256,
    "data.batch": 16,
    "loss.pixel_weight": 0.0,
    # Features are in 8-bit levels: between blurred and sharp photographs 4e4 to 1e5.
    "loss.feature_weight": 1e-6,
    "loss.adversarial_weight": 0.01,
    "loss.critic_steps": 1,
    "optimizer.learning_rate": 1e-4,
    "optimizer.schedule": "linear",
    "optimizer.constant_part": 110 / 190,
    "optimizer.final_factor": 0.01,
    "run.epochs": 190,
}
_PRESETS["rpgan-small"] = {
    **_PRESETS["rpgan-paper"],
    "network.width": 0.5,
    # Without one the features die within a few hundred steps, by Glorot's or by He's weights.
    "network.norm": "group",
    "network.head_initializer": "zeros",
    "network.critic_width": 0.25,
    "data.crop": 128,
    "data.batch": 4,
    "data.turns": True,
    "data.permute_channels": True,
    "loss.pixel": "l2",
    "loss.pixel_weight": 100.0,
    # Features of VGG16 would add more than a third to the operations of the generator.
    "loss.feature_weight": 0.0,
    "loss.adversarial_weight": 0.001,
    "loss.artifact_weight": 0.01,
    "loss.lipschitz": "gp",
    "optimizer.name": "adamw",
    "optimizer.learning_rate": 5e-4,
    "optimizer.schedule": "cosine",
    "optimizer.warmup_steps": 100,
    "optimizer.clip_norm": 1.0,
    "optimizer.ema": 0.995,
    "rpgan.known_flows": 0.3,
    # Near the best for deconvolution alone, with SEN's flows and with true ones.
    "rpgan.betas": (0.05, 0.1, 0.2),
    "rpgan.known_betas": (0.002, 0.004, 0.008),
    "rpgan.buffer": 400,
    "rpgan.first_part": 0.34,
    "run.precision": "mixed_bfloat16",
    "run.epochs": 12,
    "run.steps_per_epoch": 400,
    "run.panel_every": 2,
}
# The shipped `rpgan` (docs/training_log.md). Its end is planned, as the phases share the epochs.
_PRESETS["rpgan"] = {
    **_PRESETS["rpgan-small"],
    "network.width": 0.375,
    "network.unshuffle": 2,
    "data.crop": 192,
    "optimizer.name": "muon",
    "optimizer.learning_rate": 1e-3,
    "optimizer.schedule": "linear",
    "optimizer.constant_part": 0.6,
    "optimizer.ema": 0.998,
    "rpgan.first_part": 0.25,
    "rpgan.buffer_passes": 6,
    "run.precision": "auto",
    "run.epochs": 24,
    "run.steps_per_epoch": 250,
    "run.validate_every": 6,
    "run.panel_every": 6,
}

# All flows true. A deconvolution that ends at 1e-3 gives away more than 1 dB at such betas, and
# what is nearly right counts for little in a mean of squares.
_PRESETS["rpgan-known-small"] = {
    **_PRESETS["rpgan-small"],
    "data.blur": "motion-flow",
    # Deconvolved windows are worse near their edges: less of a larger one is.
    "data.crop": 192,
    "data.batch": 2,
    "loss.pixel": "psnr",
    "loss.pixel_weight": 0.02,
    "optimizer.learning_rate": 1.5e-3,
    # At the generator's rate the discriminator was at chance after 800 steps. At this one it was
    # near it for as long; equal runs at both rates were not made.
    "optimizer.opponent_rate": 0.2,
    "rpgan.known_flows": 1.0,
    "rpgan.known_betas": (0.001, 0.002, 0.004),
    "rpgan.tolerance": 1e-4,
    "rpgan.max_steps": 200,
    "rpgan.first_part": 1 / 7,
    "rpgan.buffer_passes": 4,
    "run.epochs": 7,
    # Validation sees SEN's flows: it must not choose among epochs for true ones.
    "run.validate_every": 7,
    "run.panel_every": 0,
}

PRESETS = tuple(_PRESETS)


def preset(name: str) -> TrainConfig:
    """The training configuration called `name`.

    Raises:
        InvalidInput: if there is none, with the names that exist.
    """
    if name not in _PRESETS:
        hint = did_you_mean(name, PRESETS)
        raise InvalidInput(f"`--preset` must be one of {list(PRESETS)}. Received: {name!r}.{hint}")
    return override(TrainConfig(), _PRESETS[name])
