"""Optimisation schemes by the names that table 1 of the Bi-Skip paper gives them."""

import itertools
import re
from dataclasses import dataclass
from typing import NamedTuple

from tfdeblur.errors import InvalidInput
from tfdeblur.losses.content import BiLevelContent
from tfdeblur.near import did_you_mean

VARIANTS = ("BS", "S", "BS-cR", "BS-w/o-R")

_LETTERS = "S self-paced, A adversarial, 1 pixel L1 or 2 pixel L2, P perceptual (VGG features)"
_PIXEL = {"": None, "1": "l1", "2": "l2"}
_ALL_NAMES = tuple(
    f"{''.join(letters)}-{variant}"
    for *letters, variant in itertools.product(
        ("", "S"), ("", "A"), ("", "1", "2"), ("", "P"), VARIANTS
    )
    if letters[2] or letters[3]
)


class PublishedResult(NamedTuple):
    """One column of table 1: what the paper reports for a scheme on the GOPRO test set.

    Attributes:
        name: str, the scheme.
        psnr: float, dB.
        ssim: float, dimensionless.
    """

    name: str
    psnr: float
    ssim: float


# Zhang et al., Bi-Skip, 2019, table 1, in the paper's order.
SCHEMES_TABLE_1 = (
    PublishedResult("A2-S", 27.94, 0.8959),
    PublishedResult("A2-BS-cR", 28.51, 0.9065),
    PublishedResult("A2-BS-w/o-R", 28.12, 0.8992),
    PublishedResult("A2-BS", 29.10, 0.9175),
    PublishedResult("A2P-BS", 29.13, 0.9181),
    PublishedResult("A1P-BS", 29.29, 0.9211),
    PublishedResult("1-BS", 28.94, 0.9145),
    PublishedResult("2-BS", 28.92, 0.9136),
    PublishedResult("P-BS", 26.77, 0.8742),
    PublishedResult("2P-BS", 29.11, 0.9189),
    PublishedResult("AP-BS", 29.16, 0.9196),
    PublishedResult("SA1P-BS", 29.82, 0.9330),
)


@dataclass(frozen=True)
class Scheme:
    """What a scheme's name says: which losses train which variant of the network.

    Attributes:
        self_paced: bool, letter S: samples are weighted by their loss (Eqns 8 to 11).
        adversarial: bool, letter A: a Wasserstein critic is trained along (Eqn 5).
        pixel: "l1" (letter 1), "l2" (letter 2) or None.
        perceptual: bool, letter P: feature term of Eqn 4.
        variant: str, one of `VARIANTS`, for `BiSkip(variant=...)`.
        name: str, the name as the paper writes it, such as "SA1P-BS".
    """

    self_paced: bool
    adversarial: bool
    pixel: str | None
    perceptual: bool
    variant: str
    name: str

    def content_loss(self, features=None, pixel_weight=100.0, feature_weight=0.1):
        """The content loss of this scheme.

        Args:
            features: callable as `BiLevelContent` takes it; needed where the scheme has the
                letter P, not used where it has not.
            pixel_weight: float, gamma1 of Eqn 4.
            feature_weight: float, gamma2 of Eqn 4.

        Returns:
            `BiLevelContent`.

        Raises:
            InvalidInput: if the scheme has the letter P and `features` is None.
        """
        if self.perceptual and features is None:
            raise InvalidInput(
                f"`features` must be given, because the P of {self.name} compares VGG features. "
                "Received: features=None. Pass VGGFeatures(weights=FILE) (on the command line: "
                "--vgg FILE), or train a scheme without the letter P, such as 1-BS."
            )
        return BiLevelContent(
            pixel=self.pixel,
            features=features if self.perceptual else None,
            pixel_weight=pixel_weight,
            feature_weight=feature_weight,
        )


def parse_scheme(name):
    """Reads a scheme's name.

    Args:
        name: str, letters in the order S, A, 1 or 2, P (each may be missing, but one of
            1, 2, P must stand), a hyphen, and a variant of `VARIANTS`. Upper or lower case.

    Returns:
        `Scheme`, its `name` in the paper's spelling.

    Raises:
        InvalidInput: if the name is not of that form, or names no content loss.

    Source: Zhang et al., Bi-Skip, 2019, section 5 and table 1.
    """
    if isinstance(name, Scheme):
        return name
    text = name.strip() if isinstance(name, str) else ""
    letters, _, variant = text.partition("-")
    match = re.fullmatch("(S?)(A?)([12]?)(P?)", letters.upper())
    variant = {known.lower(): known for known in VARIANTS}.get(variant.lower())
    if match is None or variant is None:
        raise InvalidInput(_refusal(name, text))
    self_paced, adversarial, pixel, perceptual = match.groups()
    if not pixel and not perceptual:
        raise InvalidInput(
            "`scheme` must name a content loss, 1, 2 or P: nothing else ties the restored image "
            f"to its sharp partner. Received: scheme={name!r}. "
            f"Try {self_paced}{adversarial}1-{variant}."
        )
    return Scheme(
        self_paced=bool(self_paced),
        adversarial=bool(adversarial),
        pixel=_PIXEL[pixel],
        perceptual=bool(perceptual),
        variant=variant,
        name=f"{letters.upper()}-{variant}",
    )


def _refusal(name, text):
    return (
        f"`scheme` must be letters in this order ({_LETTERS}), a hyphen, and one of "
        f"{', '.join(VARIANTS)}. Received: scheme={name!r}."
        f"{did_you_mean(text, _ALL_NAMES, cutoff=0.5)} "
        f"Table 1 of the paper has: {', '.join(row.name for row in SCHEMES_TABLE_1)}."
    )
