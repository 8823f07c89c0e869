"""Losses: content, adversarial, the schemes that combine them, and flows (keras only).

Each gives one value per image, float32 `(batch,)`, from its `call`.
"""

from tfdeblur.losses.adversarial import (
    CriticLoss,
    GeneratorAdversarialLoss,
    GradientPenalty,
    critic_real_fake,
    generator_adversarial,
    interpolate,
    penalty_from_gradients,
    score_per_image,
)
from tfdeblur.losses.conditional import (
    ArtifactPenalty,
    ConditionalAdversarialLoss,
    DiscriminatorLoss,
)
from tfdeblur.losses.content import BiLevelContent, PerceptualLoss, PixelLoss
from tfdeblur.losses.flow import FLOW_LOSSES, FlowLoss
from tfdeblur.losses.multi_scale import MultiScaleLoss
from tfdeblur.losses.schemes import (
    SCHEMES_TABLE_1,
    VARIANTS,
    PublishedResult,
    Scheme,
    parse_scheme,
)

__all__ = [
    "FLOW_LOSSES",
    "SCHEMES_TABLE_1",
    "VARIANTS",
    "ArtifactPenalty",
    "BiLevelContent",
    "ConditionalAdversarialLoss",
    "CriticLoss",
    "FlowLoss",
    "DiscriminatorLoss",
    "GeneratorAdversarialLoss",
    "GradientPenalty",
    "MultiScaleLoss",
    "PerceptualLoss",
    "PixelLoss",
    "PublishedResult",
    "Scheme",
    "critic_real_fake",
    "generator_adversarial",
    "interpolate",
    "parse_scheme",
    "penalty_from_gradients",
    "score_per_image",
]
