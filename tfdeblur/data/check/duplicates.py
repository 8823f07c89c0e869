"""Pictures that are there twice, and pictures of training that look like those of validation."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

_SIDE = 32  # pixels of a small picture
_SMOOTH = 4.0  # pixels, what is taken off: skies and grounds are alike everywhere
_SHIFT = 4  # pixels of small pictures, an eighth: frames of a video that moves on
# Correlation of two pictures of one scene. Measured on GOPRO and REDS: 0.33 at most between
# different videos, above 0.5 for four in five frames of one video.
ALIKE = 0.5


@dataclass(frozen=True)
class Look:
    """What a picture looks like.

    Attributes:
        name: of the pair.
        role: "blurred" or "sharp".
        split: of the pair; "" where there are none.
        digest: SHA-256 of the decoded pixels.
        small: its small picture, zero mean and norm 1, as its spectrum: complex
            `(32, 17)`.
    """

    name: str
    role: str
    split: str
    digest: str
    small: np.ndarray


@dataclass(frozen=True)
class Twice:
    """Two pictures that are the same, or of the same scene.

    Attributes:
        first, second: "SPLIT NAME (ROLE)".
        correlation: of their small pictures; 1.0 where every pixel is equal.
        equal: whether every pixel is.
    """

    first: str
    second: str
    correlation: float
    equal: bool


def look_at(name: str, role: str, split: str, image: np.ndarray) -> Look:
    """The look of an image, uint8 `(height, width, 3)`."""
    digest = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes())
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    small = small - cv2.GaussianBlur(small, (0, 0), _SMOOTH)
    small = small - small.mean()
    norm = float(np.linalg.norm(small))
    return Look(name, role, split, digest.hexdigest(), np.fft.rfft2(small / (norm or 1.0)))


def find_equal(looks: Sequence[Look]) -> list[Twice]:
    """Pictures whose pixels are all equal, the first with each of the others."""
    first: dict[str, Look] = {}
    found = []
    for look in looks:
        if look.digest in first:
            found.append(Twice(_label(first[look.digest]), _label(look), 1.0, True))
        else:
            first[look.digest] = look
    return found


def find_alike(looks: Sequence[Look], most: int = 1000) -> list[Twice]:
    """Sharp pictures of different splits that show one scene, the most alike first.

    Pairs of one split are left out: frames of one video are alike, and may be. Of each picture
    the nearest one of every other split is named.

    Args:
        looks: of all pairs; those of blurred images are not compared.
        most: how many are named.
    """
    by_split: dict[str, list[Look]] = {}
    for look in looks:
        if look.role == "sharp":
            by_split.setdefault(look.split, []).append(look)
    found = []
    splits = list(by_split)
    for i, one in enumerate(splits):
        for other in splits[i + 1 :]:
            first, second = by_split[one], by_split[other]
            spectra = np.stack([look.small for look in first])
            for look in second:
                likeness = _likeness(look.small, spectra)
                nearest = int(likeness.argmax())
                value = float(likeness[nearest])
                if value >= ALIKE and look.digest != first[nearest].digest:
                    found.append(Twice(_label(first[nearest]), _label(look), value, False))
    return sorted(found, key=lambda twice: -twice.correlation)[:most]


def _likeness(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correlations of one small picture with others, the best over small shifts."""
    shifted = np.fft.irfft2(others * np.conj(one), s=(_SIDE, _SIDE))
    near = np.r_[0 : _SHIFT + 1, -_SHIFT:0]
    return shifted[:, near][:, :, near].max(axis=(1, 2))


def _label(look: Look) -> str:
    return f"{f'{look.split} ' if look.split else ''}{look.name} ({look.role})"
