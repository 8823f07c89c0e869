"""Means with intervals, and paired comparisons; none depends on the order of the images."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95  # of the intervals
RESAMPLES = 2000
FEWEST = 5  # images of which an interval says something
_SEED = 0


@dataclass(frozen=True)
class Mean:
    """A mean over images.

    Attributes:
        value: without infinite values; NaN of nothing.
        low, high: bootstrap interval over images, as if they were independent.
        low_by_sequence, high_by_sequence: the same over whole sequences, which frames of a video
            ask for; None with fewer than two.
        count: how many values are in it.
        infinite: how many are left out.
    """

    value: float
    low: float
    high: float
    low_by_sequence: float | None
    high_by_sequence: float | None
    count: int
    infinite: int

    @property
    def has_interval(self) -> bool:
        """Whether there are images enough: of one image an interval is a point, and misleads."""
        return self.count >= FEWEST


@dataclass(frozen=True)
class Paired:
    """Two systems on the images that both have; the second less the first.

    Attributes:
        first, second: names.
        metric: of the values.
        difference: its mean and intervals.
        won, lost, tied: images on which the second is better, worse, equal.
        p: two-sided sign test; the chance of a split at least as uneven if either wins alike.
    """

    first: str
    second: str
    metric: str
    difference: Mean
    won: int
    lost: int
    tied: int
    p: float


def sequence_of(name: str) -> str:
    """A name without its last number: `GOPR0384_11_00-000001` is of `GOPR0384_11_00`."""
    found = re.fullmatch(r"(.*?)[-_. ]*\d+", name)
    return found[1] if found and found[1] else name


def summarize(values: Sequence[float], sequences: Sequence[str]) -> Mean:
    """The mean of one value an image, with its intervals.

    Args:
        values: of the images; infinite ones are left out and counted.
        sequences: what each image belongs to.
    """
    finite = [(v, s) for v, s in zip(values, sequences, strict=True) if not math.isinf(v)]
    infinite = len(values) - len(finite)
    if not finite:
        nothing = math.inf if infinite else math.nan
        return Mean(nothing, nothing, nothing, None, None, 0, infinite)
    numbers = np.sort([v for v, _ in finite])  # sorted: the order of files is not to matter
    low, high = _interval(numbers, np.ones_like(numbers))
    groups: dict[str, list[float]] = {}
    for value, sequence in finite:
        groups.setdefault(sequence, []).append(value)
    by_sequence: tuple[float, float] | tuple[None, None] = (None, None)
    if len(groups) > 1:
        sums = np.array(sorted((math.fsum(group), len(group)) for group in groups.values()))
        by_sequence = _interval(sums[:, 0], sums[:, 1])
    return Mean(math.fsum(numbers) / len(numbers), low, high, *by_sequence, len(finite), infinite)


def compare_two(
    first: tuple[str, Mapping[str, float]],
    second: tuple[str, Mapping[str, float]],
    metric: str,
    sequences: Mapping[str, str],
) -> Paired:
    """Compares two systems, each `(name, value by image)`, on the images that both have."""
    common = [name for name in first[1] if name in second[1]]
    differences = [_difference(first[1][name], second[1][name]) for name in common]
    won = sum(difference > 0 for difference in differences)
    lost = sum(difference < 0 for difference in differences)
    return Paired(
        *(first[0], second[0], metric),
        summarize(differences, [sequences[name] for name in common]),
        *(won, lost, len(common) - won - lost),
        sign_test(won, lost),
    )


def sign_test(won: int, lost: int) -> float:
    """Two-sided, exact: twice the binomial tail, at most 1. Ties are left out beforehand."""
    count = won + lost
    tail = sum(math.comb(count, k) for k in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / 2**count)


def _difference(before: float, after: float) -> float:
    return 0.0 if before == after else after - before  # inf - inf would be NaN


def _interval(sums: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Percentiles of the mean over resampled rows, each a sum and a count of values."""
    rng = np.random.default_rng(_SEED)
    chosen = rng.integers(0, len(sums), (RESAMPLES, len(sums)), dtype=np.int32)
    means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
