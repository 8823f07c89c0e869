"""The protocols: what an image is scored against, by which procedure, under which names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.data.names import image_name_wanted
from tfdeblur.data.pair_search import BLURRED_FOLDERS, SHARP_FOLDERS
from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.gopro import check_limit, find_evaluation_pairs
from tfdeblur.evaluation.kohler import score_image as kohler_score
from tfdeblur.evaluation.outputs.kohler_folder import find_kohler
from tfdeblur.evaluation.scores.quality import quality_scorer
from tfdeblur.evaluation.scores.realblur import score_image as realblur_score
from tfdeblur.image.codec import decode_image, read_image, to_uint8
from tfdeblur.image.white_level import WhiteLevel

QUALITY = {
    "psnr_rgb_u8": "dB on 8-bit RGB, MSE over height, width, channels",
    "ssim_gauss": "per channel, Gaussian window 11, sigma 1.5, valid region",
    "ssim_matlab3d": "height x width x RGB volume, Gaussian window 11, sigma 1.5, edges repeated",
    "ssim_uniform": "per channel, 7x7 means, sample variances, valid region; scikit-image's",
    "ms_ssim": "five scales, per channel, Gaussian window 11, 2x2 means between (tf.image's)",
    "cw_ssim": "luminance, coarsest of six levels of a complex steerable pyramid",
    "saliency": "correlation of image-signature saliency maps, 64x48, with the sharp image's",
}


@dataclass(frozen=True)
class Case:
    """One blurred image and what results are scored against.

    Attributes:
        name: of the pair.
        stem: of the blurred file: results may have this name, too, where it is the only one.
        blurred: path, bytes, array, or a function that gives one.
        references: the same of the sharp images; one, but for Köhler's stacks.
    """

    name: str
    stem: str
    blurred: Any
    references: Sequence[Any]


@dataclass(frozen=True)
class Protocol:
    """How images are scored.

    Attributes:
        name: as the command line takes it.
        metrics: name of a value -> what it says to a reader.
        scorer: returns, for the references of a case, what scores a uint8 image.
        find: lists all cases of `(data, split, patterns=())`, in natural order; patterns as for
            `find_pairs`. Raises InvalidInput for patterns where the protocol has no use for them.
    """

    name: str
    metrics: Mapping[str, str]
    scorer: Callable[[Sequence[Any]], Callable[[np.ndarray], dict[str, float]]]
    find: Callable[..., list[Case]]

    @property
    def main(self) -> str:
        """The metric that gains are of: PSNR."""
        return next(iter(self.metrics))


def choose(
    cases: Sequence[Case], only: Sequence[str], exclude: Sequence[str], limit: int | None
) -> list[Case]:
    """The cases whose name is wanted, the first `limit` of them.

    Raises:
        InvalidInput: if none is left, or `limit` is below 1.
    """
    check_limit(limit)
    chosen = [case for case in cases if image_name_wanted(case.name, only, exclude)][:limit]
    if not chosen:
        raise InvalidInput(
            f"No pair is left after `only` and `exclude`. Received: only={list(only)}, "
            f"exclude={list(exclude)}. The {len(cases)} names begin: "
            + ", ".join(case.name for case in cases[:5])
        )
    return chosen


def with_white(cases: Sequence[Case], wanted: str | int) -> list[Case]:
    """The cases, their files read with one level of white, `wanted` as for `WhiteLevel`.

    Found out, it is that of all their files together. Of files with alpha it is what is seen on
    black.
    """
    files = [
        Path(image)
        for case in cases
        for image in (case.blurred, *case.references)
        if isinstance(image, (str, Path))
    ]
    white = WhiteLevel(wanted, files, "the pairs")

    def read(image: Any) -> Any:
        if not isinstance(image, (str, Path)):
            return image
        return lambda: white.read(Path(image)).seen_rgb()

    return [
        replace(case, blurred=read(case.blurred), references=[*map(read, case.references)])
        for case in cases
    ]


def load_pixels(image: Any, name: str) -> np.ndarray:
    """A path, bytes, an array, or a function that gives one, as an array of the same levels."""
    image = image() if callable(image) else image
    if isinstance(image, (str, Path)):
        return read_image(image).rgb
    return decode_image(image, name).rgb if isinstance(image, bytes) else image


def load_levels(image: Any, name: str) -> np.ndarray:
    """The same as uint8 `(height, width, 3)`."""
    return to_uint8(load_pixels(image, name))


def _pairs(data: str, split: str | None, patterns: Sequence[str] = ()) -> list[Case]:
    pairs = find_evaluation_pairs(data, split, patterns=patterns)
    if isinstance(pairs, list):
        return [Case(pair.name, pair.blurred.stem, pair.blurred, [pair.sharp]) for pair in pairs]
    # Of a data set's records each is made anew when asked for, so that none stays in memory.
    return [
        Case(
            *(pair.name, pair.name),
            lambda i=i: pairs[i].blurred,
            [lambda i=i: pairs[i].sharp],
        )
        for i, pair in enumerate(pairs)
    ]


def _realblur(data: str, split: str | None, patterns: Sequence[str] = ()) -> list[Case]:
    """RealBlur as published (SCENE/blur/blur_N.png, SCENE/gt/gt_N.png), or any folder of pairs."""
    if patterns:
        return _pairs(data, split, patterns)
    scenes = sorted(Path(data).expanduser().glob("**/blur/blur_*.*"))
    cases = []
    for path in scenes:
        number, scene = path.stem.removeprefix("blur_"), path.parent.parent
        sharp = sorted((scene / "gt").glob(f"gt_{number}.*"))
        if sharp:
            name = f"{scene.name}-{path.stem}"
            cases.append(Case(name, f"{scene.name}-{number}", path, sharp[:1]))
    return cases or _pairs(data, split)


def _frames(references: Sequence[Any]) -> Iterator[np.ndarray]:
    for place, reference in enumerate(references):
        yield load_levels(reference, f"frame {place}")


def _quality_of(references: Sequence[Any]) -> Callable[[np.ndarray], dict[str, float]]:
    return quality_scorer(load_levels(references[0], "the sharp image"))


def _realblur_of(references: Sequence[Any]) -> Callable[[np.ndarray], dict[str, float]]:
    sharp = load_levels(references[0], "the sharp image")

    def score(restored: np.ndarray) -> dict[str, float]:
        found = realblur_score(restored, sharp)
        return {"realblur_psnr": found.psnr, "realblur_ssim": found.ssim}

    return score


def _kohler_of(prefix: str) -> Callable[..., Callable[[np.ndarray], dict[str, float]]]:
    def scorer(references: Sequence[Any]) -> Callable[[np.ndarray], dict[str, float]]:
        def score(restored: np.ndarray) -> dict[str, float]:
            found = kohler_score(restored, _frames(references))
            return {f"{prefix}_psnr": found.psnr, f"{prefix}_msssim": found.msssim}

        return score

    return scorer


def _kohler(proxy: bool) -> Protocol:
    name = "kohler_proxy" if proxy else "kohler"
    of = "one reference frame, no official number" if proxy else "the best of the path's frames"
    metrics = {
        f"{name}_psnr": f"dB of luminance, intensity fitted, whole pixels aligned; {of}",
        f"{name}_msssim": f"MS-SSIM by the benchmark's procedure; {of}",
    }

    def find(data: str, split: str | None, patterns: Sequence[str] = ()) -> list[Case]:
        if patterns:
            raise InvalidInput(
                f"`--pairs` names one sharp image for each blurred one, and protocol {name} "
                "takes the frames of Köhler's benchmark, which it finds by their own names. Leave "
                "it out, or take --protocol gopro. "
                f"Received: --pairs {' '.join(map(repr, patterns))}"
            )
        return [Case(*one) for one in find_kohler(data, proxy)]

    return Protocol(name, metrics, _kohler_of(name), find)


_REALBLUR = {
    "realblur_psnr": "dB on RGB, intensity fitted, aligned by a homography, where both are",
    "realblur_ssim": "per channel, Gaussian window 11, sigma 1.5, aligned, where both are",
}
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("gopro", QUALITY, _quality_of, _pairs),
        _kohler(proxy=False),
        _kohler(proxy=True),
        Protocol("realblur", _REALBLUR, _realblur_of, _realblur),
    )
}
# Folders between the outputs' own and a file that are no part of its name.
ROLE_FOLDERS = (*BLURRED_FOLDERS, *SHARP_FOLDERS)
