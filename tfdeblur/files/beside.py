"""What is written beside a result: the motion flow, its picture, the confidence, a comparison."""

import logging
from collections.abc import Callable, Set
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfdeblur.files.compare_stages import stage_comparison
from tfdeblur.files.confidence_picture import confidence_picture
from tfdeblur.files.flow_picture import flow_picture
from tfdeblur.files.partner import sharp_partner
from tfdeblur.files.plan import Job
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.codec import DecodedImage, encode_image, read_image
from tfdeblur.image.flow_files import write_flow
from tfdeblur.image.levels import to_uint8
from tfdeblur.pictures.compare import comparison
from tfdeblur.restorers.protocol import Restored, Stage, score_of

logger = logging.getLogger(__name__)


def write_beside(
    job: Job, wanted: Set[Path | None], blurred: DecodedImage, restored: Restored
) -> None:
    """Writes those of `job.outputs` that are in `wanted`, but for the result.

    A degenerate result may have neither flow nor confidence; their files are left out then.

    Raises:
        DataError: if a file cannot be written.
    """

    def write(path: Path | None, draw: Callable[[], np.ndarray]) -> None:
        if path is not None and path in wanted:
            write_picture(path, draw())

    flow, sure, score = restored.flow, restored.confidence, score_of(restored)
    if flow is not None and np.isfinite(flow).all():
        if job.flow_file is not None and job.flow_file in wanted:
            write_flow(job.flow_file, flow)
        write(job.flow_picture, lambda: flow_picture(to_uint8(blurred.seen_rgb()), flow))
    if sure is not None and score is not None and np.isfinite(sure).all():
        write(job.confidence, lambda: confidence_picture(to_uint8(restored.image), sure, score))
    stages = getattr(restored, "stages", ())
    write(job.comparison, lambda: compare_with(job, blurred, restored.image, stages))


def compare_with(
    job: Job, blurred: DecodedImage, restored: np.ndarray, stages: tuple[Stage, ...] = ()
) -> np.ndarray:
    """The comparison of an image, with its sharp partner where there is one of its size.

    Args:
        job: says where the image lies, for `sharp_partner`, and which place is enlarged.
        blurred: the image.
        restored: as it is seen on black, in any of the codec's types.
        stages: of restorers that report them.

    Returns:
        uint8 `(rows, columns, 3)` RGB.
    """
    partner = sharp_partner(job.source)
    sharp = None if partner is None else _seen(partner, blurred)
    if sharp is not None and sharp.shape != blurred.rgb.shape:
        logger.warning("%s has another size than its blurred image; left out.", partner)
        sharp = None
    before, after = to_uint8(blurred.seen_rgb()), to_uint8(restored)
    if stages:
        return stage_comparison(before, stages, after, sharp, job.compare_at)
    return comparison(before, after, sharp, job.compare_at)


def _seen(path: Path, like: DecodedImage) -> np.ndarray:
    """uint8 `(height, width, 3)` of another file, with the level of white of `like`."""
    image = read_image(path)
    white = like.white if image.bits == 16 and image.rgb.max() <= (like.white or 0) else None
    return to_uint8(replace(image, white=white).seen_rgb())


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes uint8 `(height, width, 3)` RGB as PNG."""
    write_atomically(path, encode_image(picture, like=None, format="png"))
