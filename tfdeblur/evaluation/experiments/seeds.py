"""What several trainings of the same kind say: mean, spread, and whether kinds can be told apart.

Two trainings that differ in nothing but their seed differ as well. So a difference between kinds
is held against the spread over seeds, and in pairs: seed 0 of one with seed 0 of the other, whose
crops and first weights are the same wherever their networks are.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

METRICS = ("psnr_rgb_u8", "ssim_matlab3d")

Means = Mapping[str, Mapping[int, float]]  # kind -> seed -> mean over the images


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and spread over seeds; of a single one the mean alone."""
    found = {"mean": math.fsum(values) / len(values)}
    if len(values) > 1:
        found["standard deviation"] = statistics.stdev(values)
        found |= {"lowest": min(values), "highest": max(values)}
    return found


def paired(first: Mapping[int, float], other: Mapping[int, float]) -> dict[str, Any]:
    """The second kind less the first, over the seeds that both have; empty where there are none.

    Args:
        first, other: seed -> mean over the images, in dB.

    Returns:
        Mean difference; with two seeds or more its standard error and `t_test`, how often the
        second is better.
    """
    differences = [other[seed] - first[seed] for seed in first if seed in other]
    if not differences:
        return {}
    found: dict[str, Any] = {"dB": math.fsum(differences) / len(differences)}
    if len(differences) > 1:
        error = statistics.stdev(differences) / math.sqrt(len(differences))
        found |= {"standard error": error, "p": t_test(differences)}
    found["better with"] = f"{sum(d > 0 for d in differences)} of {len(differences)} seeds"
    return found


def t_test(differences: Sequence[float]) -> float:
    """Two-sided p of Student's paired t test that the mean difference is 0.

    The chance of a mean as far from 0, if differences scatter normally around 0; 1 where all are
    0, and 0 where all are the same otherwise.

    Args:
        differences: two or more.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    freedom = len(differences) - 1
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    angle = math.atan(abs(mean) / deviation * math.sqrt(len(differences) / freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for step in range(freedom // 2):
        total += term
        term *= cosine**2 * (2 * step + 1 + odd) / (2 * step + 2 + odd)
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return min(1.0, max(0.0, 1 - inside))


def order_in_words(means: Means, published: Mapping[str, float]) -> str:
    """Whether the published order of kinds was found again; "" where fewer than two are known.

    Args:
        means: kind -> seed -> mean PSNR, dB.
        published: kind -> PSNR, dB, of others' trainings on other data.
    """
    kinds = sorted((kind for kind in means if kind in published), key=lambda k: -published[k])
    pairs = [
        (better, worse)
        for better, worse in itertools.combinations(kinds, 2)
        if published[better] > published[worse]
    ]
    if not pairs:
        return ""
    same = {pair: _mean(means[pair[0]]) > _mean(means[pair[1]]) for pair in pairs}
    agreeing = sum(same.values())
    verdict = "was reproduced" if agreeing == len(pairs) else "was not reproduced"
    text = (
        f"the paper's order ({' > '.join(kinds)}) {verdict}: the means have "
        f"{agreeing} of {len(pairs)} pairs in its order"
    )
    reversed_ = [f"{worse} above {better}" for (better, worse), kept in same.items() if not kept]
    if reversed_:
        text += f" (not: {', '.join(reversed_)})"
    return f"{text}; {_told_apart(means, pairs)}"


def _told_apart(means: Means, pairs: Sequence[tuple[str, str]]) -> str:
    """How many of the pairs differ by more than chance, either way."""
    tests = {}
    for better, worse in pairs:
        found = paired(means[worse], means[better])
        if "p" in found:
            tests[better, worse] = found["dB"], found["p"]
    if not tests:
        return "with one training of each, no difference can be told from that between seeds"
    sure = [difference for difference, p in tests.values() if p < 0.05]
    return (
        f"of {len(tests)} pairs with two seeds or more, {len(sure)} differ by more than seeds do "
        f"(paired t test, p < 0.05, not corrected for {len(tests)} tests), "
        f"{sum(difference > 0 for difference in sure)} of them in its order"
    )


def _mean(values: Mapping[int, float]) -> float:
    return math.fsum(values.values()) / len(values)
