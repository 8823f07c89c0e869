"""Which values the settings of a training run may have."""

from tfdeblur.config.data_checks import check_data
from tfdeblur.config.network_checks import check_network
from tfdeblur.config.sections import TrainConfig, flatten
from tfdeblur.config.sizes import size_multiple
from tfdeblur.errors import InvalidInput

_CHOICES = {
    "model": ("biskip", "maxim", "sen", "rpgan"),
    "network.norm": ("batch", "group", "none"),
    "network.unshuffle": (1, 2, 4),
    "network.blocks": ("residual", "gated"),
    "data.blur": ("", "motion-flow", "dynamic"),
    "data.blur_law": ("gong2018", "physical"),
    "data.blur_strength": ("strong", "mild"),
    "loss.critic_weight": ("loss", "input"),
    "loss.flow": ("l2", "sign_free", "double_angle"),
    "loss.pixel": ("l1", "l2", "psnr"),
    "loss.game": ("non_saturating", "minimax"),
    "loss.lipschitz": ("clip", "gp", "spectral"),
    "rpgan.prior": ("rpgan", "biskip"),
    "rpgan.rasterizer": ("gong2018", "fspecial"),
    "sen.front": ("strided", "dilated"),
    "optimizer.name": ("adam", "adamw", "muon"),
    "optimizer.schedule": ("linear", "cosine", "constant"),
    "run.precision": ("float32", "mixed_bfloat16", "auto"),
    "run.strategy": ("auto", "one", "mirrored", "multiworker"),
}
_POSITIVE = (
    "network.width network.critic_width data.crop data.batch optimizer.learning_rate run.epochs "
    "optimizer.opponent_rate optimizer.accumulate network.stages network.features "
    "run.validate_every loss.critic_steps optimizer.epsilon sen.stacks sen.further_rate "
    "loss.clip rpgan.tolerance rpgan.max_steps rpgan.buffer rpgan.buffer_passes"
).split()
_NOT_NEGATIVE = (
    "data.cache_mb data.validation_limit loss.pixel_weight loss.feature_weight "
    "loss.adversarial_weight loss.gradient_penalty optimizer.warmup_steps optimizer.final_factor "
    "loss.artifact_weight loss.frequency_weight rpgan.first_ended rpgan.sen_rate rpgan.flow_weight "
    "optimizer.weight_decay optimizer.clip_norm sen.further_final_factor run.steps_per_epoch "
    "optimizer.decay_steps run.seed run.panel_every run.backup_minutes"
).split()
_SHARES = ("data.blur_share", "data.crop_late_from", "sen.further_part", "rpgan.first_part")
_LARGEST_RATE = 10.0  # networks of any use take rates far below 1
_BELOW_ONE = ("optimizer.ema", "optimizer.beta_1", "optimizer.beta_2")


def check(config: TrainConfig) -> None:
    """Raises InvalidInput, naming setting and value, where a value cannot be used."""
    settings = flatten(config)
    for name, choices in _CHOICES.items():
        if settings[name] not in choices:
            raise InvalidInput(
                f"`{name}` must be one of {list(choices)}. Received: {name}={settings[name]!r}"
            )
    for names, fits, text in (
        (_POSITIVE, lambda value: value > 0, "greater than 0"),
        (_NOT_NEGATIVE, lambda value: value >= 0, "at least 0"),
        (_BELOW_ONE, lambda value: 0 <= value < 1, "at least 0 and below 1"),
        (
            ("optimizer.constant_part", "rpgan.known_flows"),
            lambda value: 0 <= value <= 1,
            "from 0 to 1",
        ),
        (_SHARES, lambda value: 0 < value < 1, "between 0 and 1"),
        (("data.blur_extent",), lambda value: value >= 1, "at least 1 pixel"),
        (("data.crop",), lambda value: value % 16 == 0, "a multiple of 16"),
        (
            ("optimizer.learning_rate", "sen.further_rate"),
            lambda value: value <= _LARGEST_RATE,
            f"at most {_LARGEST_RATE:g}, and is 1e-5 to 1e-3 in the presets",
        ),
    ):
        for name in names:
            if not fits(settings[name]):
                raise InvalidInput(f"`{name}` must be {text}. Received: {name}={settings[name]}")
    check_data(config)
    if config.optimizer.decay_steps and config.optimizer.schedule != "constant":
        raise InvalidInput(
            "`optimizer.decay_steps` needs optimizer.schedule=constant: others fall anyway. "
            f"Received: optimizer.decay_steps={config.optimizer.decay_steps}, "
            f"optimizer.schedule={config.optimizer.schedule!r}"
        )
    check_network(config)
    if config.model == "maxim":
        _check_maxim(config)
    if config.model == "sen":
        _check_sen(config)
    if config.model == "rpgan":
        _check_rpgan(config)


def _check_maxim(config: TrainConfig) -> None:
    """Raises InvalidInput where settings do not go with MAXIM."""
    for name, fits, text in (
        ("data.crop", config.data.crop % 64 == 0, "a multiple of 64"),
        ("network.stages", config.network.stages <= 3, "1, 2 or 3"),
        ("network.features", config.network.features % 4 == 0, "a multiple of 4"),
    ):
        if not fits:
            raise InvalidInput(
                f"`{name}` must be {text} for MAXIM. Received: {name}={flatten(config)[name]!r}. "
                "The presets maxim-finetune and maxim-small are meant for it."
            )


def _check_sen(config: TrainConfig) -> None:
    """Raises InvalidInput where settings do not go with SEN."""
    multiple = size_multiple(config)
    for name, fits, text in (
        ("data.crop", config.data.crop % multiple == 0, f"a multiple of {multiple}"),
        ("data.blur_photos", not config.data.blur_photos, "empty"),
        ("data.blur", config.data.blur != "dynamic", "a motion that has a flow"),
        ("optimizer.ema", config.optimizer.ema == 0, "0"),
    ):
        if not fits:
            raise InvalidInput(
                f"`{name}` must be {text} for SEN. Received: {name}={flatten(config)[name]!r}. "
                "The presets sen-small and sen-paper are meant for it."
            )
    config.sen.epochs(config.run.epochs)


def _check_rpgan(config: TrainConfig) -> None:
    """Raises InvalidInput where settings do not go with RP-GAN."""
    ours, data, loss = config.rpgan, config.data, config.loss
    shares, multiple = ours.level_shares, size_multiple(config)
    for name, fits, text in (
        (
            "data.crop",
            data.crop % multiple == 0,
            f"a multiple of {multiple}, for the flows of SEN and the generator,",
        ),
        ("rpgan.betas", ours.betas and min(ours.betas) > 0, "numbers above 0, one a level,"),
        (
            "rpgan.known_betas",
            not ours.known_betas
            or (min(ours.known_betas) > 0 and len(ours.known_betas) == len(ours.betas)),
            "empty, or numbers above 0, as many as rpgan.betas,",
        ),
        (
            "rpgan.level_shares",
            shares and min(shares) >= 0 and shares[0] > 0 and abs(sum(shares) - 1) < 1e-6,
            "shares that sum to 1, the first above 0,",
        ),
        (
            "rpgan.level_shares",
            len(shares) <= len(ours.betas),
            f"at most {len(ours.betas)} shares, as many as rpgan.betas,",
        ),
        ("rpgan.buffer", ours.buffer >= data.batch, f"at least data.batch={data.batch}"),
        (
            "loss.feature_weight",
            loss.pixel_weight > 0 or loss.feature_weight > 0,
            "above 0 where loss.pixel_weight is 0,",
        ),
        ("optimizer.ema", not (ours.joint and config.optimizer.ema), "0 with rpgan.joint"),
    ):
        if not fits:
            raise InvalidInput(
                f"`{name}` must be {text} for RP-GAN. Received: {name}={flatten(config)[name]!r}. "
                "The presets rpgan-small and rpgan-paper are meant for it."
            )
