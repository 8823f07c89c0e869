"""The sections of a training run's configuration, with the meaning of every setting."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from tfdeblur.config.motion_sections import RPGANConfig, SENConfig
from tfdeblur.data.damage_settings import Damage
from tfdeblur.data.dynamic_settings import DynamicBlur


@dataclass(frozen=True)
class NetworkConfig:
    """Generator (or SEN) and critic. Units: channel factors, dimensionless.

    Attributes:
        width: factor on its channels; 1.0 is the paper's network.
        norm: "batch" (the paper), "group" or "none".
        head_initializer: Keras initializer of the generator's last layer. "zeros": it begins by
            handing its image on; of RP-GAN's generator everything else means random.
        critic_width: factor on the critic's channels.
        stages: of MAXIM, 1 to 3.
        features: of MAXIM, channels at full size, a multiple of 4; the published network: 32.
        unshuffle: 1 (the paper), 2 or 4: of Bi-Skip, SEN and RP-GAN's generator; cells of so many
            by so many pixels are one pixel to it, at nearly its square less operations.
        blocks: of Bi-Skip, "residual" (the paper) or "gated".
        channels: of Bi-Skip, one number a scale, the largest scale first; empty: as `BiSkip` has.
        depths: of Bi-Skip, blocks of each scale: on the way down, of the smallest, on the way up;
            empty: as `BiSkip` has.
    """

    width: float = 1.0
    norm: str = "batch"
    head_initializer: str = "glorot_uniform"
    critic_width: float = 1.0
    stages: int = 1
    features: int = 32
    unshuffle: int = 1
    blocks: str = "residual"
    channels: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()


@dataclass(frozen=True)
class DataConfig:
    """Where pairs come from and how a batch is cut from them.

    Attributes:
        train: folder of pairs or name of a TFDS data set. For SEN a folder of photographs, or
            pairs with flows, as a folder or from TFDS; the same for `validation`.
        validation: the same for validation; empty: the `test` split of `train` if it has one.
        train_split, validation_split: names of splits; empty: the usual ones.
        train_only, train_exclude, validation_only: glob patterns on the names of pairs, for
            splits by video.
        pairs: patterns of the paths of blurred and of sharp images in `train` and `validation`,
            where the layout of a folder is not known; see `data.pair_lists`. Empty: it is.
        white_level: "auto", "full" or a level: which one of 16-bit files is white.
        crop: side of the training crops, pixels, a multiple of 16.
        batch: images per step over all replicas.
        flips, turns, permute_channels: augmentations (mirroring; quarter turns; RGB order).
        cache_mb: decoded images are kept in memory up to this size, MiB.
        validation_limit: at most this many validation images; 0 means all.
        blur: "motion-flow" or "dynamic" (see the section `dynamic`): `train`, or `blur_photos` if
            given, is a folder of sharp photographs, blurred while training by random motions.
            Empty: `train` holds pairs. SEN sees for itself what it is given.
        blur_photos: folder of photographs that take the place of some pairs of `train`.
        blur_share: share of the samples that these have, between 0 and 1.
        blur_law: of "motion-flow", as the next two: "gong2018" or "physical".
        blur_extent: ceiling on the motions across and down, pixels.
        blur_strength: "strong" or "mild", the range of the motions.
        noise_share: share of the crops of pairs whose blurred half gets Gaussian noise, 0 to 1;
            0: none. Photographs that are blurred while training have their own.
        noise_most: its largest standard deviation, in units of [0, 1].
        jpeg_share: share of the same crops that are compressed as JPEG, after the noise.
        jpeg_least: its lowest quality, 1 to 95.
        crop_late: side of the training crops late in the run, pixels, larger than `crop`; 0: they
            do not grow.
        crop_late_from: share of the steps of the run, between 0 and 1, after which they do.
    """

    train: str = ""
    validation: str = ""
    train_split: str = ""
    validation_split: str = ""
    train_only: tuple[str, ...] = ()
    train_exclude: tuple[str, ...] = ()
    validation_only: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    white_level: str = "auto"
    crop: int = 256
    batch: int = 1
    flips: bool = True
    turns: bool = False
    permute_channels: bool = False
    cache_mb: int = 4096
    validation_limit: int = 0
    blur: str = ""
    blur_photos: str = ""
    blur_share: float = 0.5
    blur_law: str = "gong2018"
    blur_extent: float = 23.0
    blur_strength: str = "strong"
    noise_share: float = 0.0
    noise_most: float = 0.03
    jpeg_share: float = 0.0
    jpeg_least: int = 60
    crop_late: int = 0
    crop_late_from: float = 0.75

    @property
    def damage(self) -> Damage:
        """What the blurred halves of pairs suffer."""
        return Damage(self.noise_share, self.noise_most, self.jpeg_share, self.jpeg_least)


@dataclass(frozen=True)
class LossConfig:
    """Losses of Bi-Skip (002, sections 4.2 and 4.3) and, named so, of SEN and RP-GAN (000).

    Attributes:
        scheme: of Bi-Skip, name as in the paper's table 1, e.g. "SA1P-BS" or "1-BS".
        pixel: of RP-GAN, "l1", "l2" or "psnr"; Bi-Skip's is in the scheme. See
            `losses.PixelLoss`.
        pixel_weight, feature_weight: gamma1 and gamma2 of Eqn 4; of RP-GAN's content too, whose
            paper has features alone; 0 leaves a term out.
        vgg: weights of VGG for the letter P (VGG19) and for RP-GAN (VGG16): a file, "imagenet"
            (Keras's download), "none".
        vgg_layer: layer whose output before its ReLU is compared; RP-GAN compares relu2_2.
        adversarial_weight: factor on the generator's adversarial term (Bi-Skip's paper: 1);
            RP-GAN's gamma.
        critic_steps: critic updates per generator update (the paper: 2); of RP-GAN the artifact
            critic's.
        gradient_penalty: beta of Eqn 7.
        critic_weight: how v enters the critic: "loss" multiplies its terms, "input" adds a plane.
        normalise_pace: whether self-paced weights are rescaled to mean 1 over the batch.
        flow: of SEN, "l2" (the paper), "sign_free" or "double_angle"; see `losses.FlowLoss`.
        game: of RP-GAN's generator, "non_saturating" or "minimax" (the paper); see
            `losses.ConditionalAdversarialLoss`.
        artifact_weight: lambda of RP-GAN, factor on the artifact penalty; 0 leaves it and its
            critic out.
        lipschitz: how RP-GAN's artifact critic is bounded: "clip" (weights, as WGAN), "gp"
            (gradient penalty) or "spectral" (spectral norm of every kernel).
        clip: bound on the critic's weights, for "clip".
        frequency_weight: of MAXIM, factor on the loss of Fourier coefficients; see
            `losses.MultiScaleLoss`.
    """

    scheme: str = "SA1P-BS"
    pixel: str = "l1"
    pixel_weight: float = 100.0
    feature_weight: float = 0.1
    vgg: str = "imagenet"
    vgg_layer: str = "block3_conv3"
    adversarial_weight: float = 1.0
    critic_steps: int = 2
    gradient_penalty: float = 10.0
    critic_weight: str = "loss"
    normalise_pace: bool = False
    flow: str = "l2"
    game: str = "non_saturating"
    artifact_weight: float = 0.1
    lipschitz: str = "clip"
    clip: float = 0.01
    frequency_weight: float = 0.1


@dataclass(frozen=True)
class OptimizerConfig:
    """Optimizers of both players and their schedule.

    Attributes:
        name: "adam", "adamw" or "muon" (see `training.muon`; opponents then have AdamW).
        learning_rate: peak rate.
        schedule: "linear" (constant, then linear to `final_factor`), "cosine" or "constant".
        decay_steps: of "constant": the last so many steps of the run fall linearly to
            `final_factor`. First train for as long as it takes, then say when it ends.
        constant_part: share of the steps before the linear decay starts.
        warmup_steps: steps of linear rise from 0 to the peak.
        final_factor: last rate as a share of the peak.
        weight_decay: of AdamW and Muon.
        clip_norm: bound on the norm of all gradients together; 0 means none.
        beta_1, beta_2, epsilon: of the generator's Adam, or of what Muon leaves to AdamW.
        ema: momentum of the averaged generator weights, update by update; 0 means none.
        accumulate: steps whose gradients are averaged into one update; larger batches where
            memory is short. `warmup_steps` counts updates.
        opponent_rate: learning rate of discriminator and critic, as a share of the generator's.
    """

    name: str = "adam"
    learning_rate: float = 1e-4
    schedule: str = "linear"
    constant_part: float = 0.5
    warmup_steps: int = 0
    final_factor: float = 0.0
    decay_steps: int = 0
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    ema: float = 0.0
    accumulate: int = 1
    opponent_rate: float = 1.0


@dataclass(frozen=True)
class RunConfig:
    """Length, seed, precision and rhythm of a run.

    Attributes:
        epochs: T of the paper.
        steps_per_epoch: generator updates per epoch; 0 means one pass over the training pairs.
        seed: of the initial weights and of the data stream.
        init: preset, run folder or `.keras` file whose weights the network begins with; or empty.
        precision: "float32" or "mixed_bfloat16" (networks only; losses stay in float32), or
            "auto": the latter where the processor has instructions for it, or there is a GPU.
        strategy: "auto", "one", "mirrored" or "multiworker" (tf.distribute; TF_CONFIG).
        validate_every: epochs between validations; the last epoch is always validated.
        panel_every: epochs between pictures of blurred | restored | sharp; 0 means none.
        backup_minutes: minutes between backups inside an epoch (one more at each epoch's end).
    """

    epochs: int = 300
    steps_per_epoch: int = 0
    seed: int = 0
    init: str = ""
    precision: str = "float32"
    strategy: str = "auto"
    validate_every: int = 1
    panel_every: int = 5
    backup_minutes: float = 5.0


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run. `run.json` holds it."""

    model: str = "biskip"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig = field(default_factory=DataConfig)
    dynamic: DynamicBlur = field(default_factory=DynamicBlur)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    sen: SENConfig = field(default_factory=SENConfig)
    rpgan: RPGANConfig = field(default_factory=RPGANConfig)
    run: RunConfig = field(default_factory=RunConfig)


def flatten(config: TrainConfig) -> dict[str, Any]:
    """All settings by dotted name, e.g. `{"optimizer.learning_rate": 1e-4, ...}`."""
    settings: dict[str, Any] = {}
    for entry in dataclasses.fields(config):
        value = getattr(config, entry.name)
        if dataclasses.is_dataclass(value):
            for inner in dataclasses.fields(value):
                settings[f"{entry.name}.{inner.name}"] = getattr(value, inner.name)
        else:
            settings[entry.name] = value
    return settings
