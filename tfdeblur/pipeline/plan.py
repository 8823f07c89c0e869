"""Decides where the result of each input goes, and refuses plans that would lose a file.

Loads no TensorFlow: what can go wrong here is said before seconds are spent on that.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.image.flow_files import FORMATS as FLOW_FORMATS
from tfdeblur.pipeline.inputs import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Source, printable

FORMATS = ("keep", "png", "jpeg")

_ENDINGS = {"png": (".png",), "jpeg": (".jpg", ".jpeg", ".jpe")}


@dataclass(frozen=True)
class Job:
    """One file to restore: `source` -> `output`, and a picture `comparison` unless it is None.

    `flow` is the file of its known motion flow, None where a network restores it.
    """

    source: Path
    output: Path
    comparison: Path | None = None
    error: TfdeblurError | None = None
    flow: Path | None = None

    @property
    def is_video(self) -> bool:
        """Whether the suffix is a video's."""
        return self.source.suffix.lower() in VIDEO_SUFFIXES

    def is_done(self) -> bool:
        """Whether everything that this job writes is there already."""
        wanted = [path for path in (self.output, self.comparison) if path is not None]
        return self.error is None and all(path.is_file() for path in wanted)


def plan_outputs(
    sources: Sequence[Source],
    out: str | os.PathLike,
    *,
    suffix: str = "",
    file_format: str = "keep",
    compare: bool = False,
) -> list[Job]:
    """Decides where the result of each source is written.

    The path of a file below the folder that was given is kept below `out`. A found file that
    is itself the result of another one (input and output folder are the same and the command
    is run again) is left out.

    Args:
        sources: from `find_inputs`.
        out: folder for the results.
        suffix: text between a name and its ending: "_sharp" makes photo_sharp.jpg.
        file_format: "keep" (by the ending of the input: JPEG stays JPEG; PNG where the ending
            is no image's), "png" or "jpeg". Videos keep theirs.
        compare: whether to write NAME.compare.png beside each result.

    Raises:
        InvalidInput: if two results would have the same name, or one would replace an input.
    """
    if file_format not in FORMATS:
        raise InvalidInput(
            f"`file_format` must be one of {FORMATS}. Received: file_format={file_format!r}"
        )
    if os.sep in suffix or "\0" in suffix:
        raise InvalidInput(f"`suffix` must not hold {os.sep!r}. Received: suffix={suffix!r}")
    jobs = [_job(source, Path(out), suffix, file_format, compare) for source in sources]
    results = {_key(path) for job in jobs for path in (job.output, job.comparison) if path}
    in_place = {_key(job.output) for job in jobs if _key(job.output) == _key(job.source)}
    kept = [
        job
        for job, source in zip(jobs, sources, strict=True)
        if source.named or _key(job.source) not in results - in_place
    ]
    _refuse_losses(kept)
    return kept


def _job(source: Source, out: Path, suffix: str, file_format: str, compare: bool) -> Job:
    ending = source.path.suffix
    if ending.lower() not in VIDEO_SUFFIXES:
        ending = _image_ending(ending, file_format)
    stem = source.relative.stem + suffix
    folder = out / source.relative.parent
    picture = folder / f"{stem}.compare.png" if compare else None
    return Job(source.path, folder / (stem + ending), picture, source.error)


def _image_ending(ending: str, file_format: str) -> str:
    if file_format == "keep":
        return ending if ending.lower() in IMAGE_SUFFIXES else ".png"
    endings = _ENDINGS[file_format]
    return ending if ending.lower() in endings else endings[0]


def with_flows(
    jobs: Sequence[Job], known_flow: str | os.PathLike, out: str | os.PathLike
) -> list[Job]:
    """Gives every job the file of its motion flow.

    Args:
        jobs: from `plan_outputs`.
        known_flow: an .npz or .flo file, for all jobs; or a folder that holds STEM.npz or
            STEM.flo for an image STEM.png, in the same subfolder as the result below `out`.
        out: folder for the results, as given to `plan_outputs`.

    Returns:
        The jobs; those without a flow, or with two, have an `error`.

    Raises:
        DataError: if `known_flow` does not exist.
    """
    given = Path(known_flow)
    if not given.exists():
        raise DataError(
            "`known_flow` must be a flow file (.npz or .flo) or a folder of them; there is no "
            f"such file or folder. Received: known_flow={os.fspath(known_flow)!r}"
        )
    return [job if job.error else _with_flow(job, given, Path(out)) for job in jobs]


def _with_flow(job: Job, given: Path, out: Path) -> Job:
    if job.is_video:
        text = "A motion flow belongs to one photograph: a video cannot be restored with it."
        return replace(job, error=InvalidInput(text))
    if not given.is_dir():
        return replace(job, flow=given)
    base = given / job.output.parent.relative_to(out) / job.source.name
    candidates = [base.with_suffix(f".{ending}") for ending in FLOW_FORMATS]
    found = [path for path in candidates if path.is_file()]
    if len(found) == 1:
        return replace(job, flow=found[0])
    names = " nor ".join(printable(path) for path in candidates)
    if not found:
        return replace(job, error=DataError(f"There is no flow for it: neither {names} exists."))
    text = "There are two flows for it, {} and {}; remove one.".format(*map(printable, found))
    return replace(job, error=InvalidInput(text))


def _key(path: Path) -> str:
    return os.path.realpath(path)


def _refuse_losses(jobs: Sequence[Job]) -> None:
    jobs = [job for job in jobs if job.error is None]
    inputs = {_key(job.source): job for job in jobs}
    writers: dict[str, Job] = {}
    for job in jobs:
        for path in filter(None, (job.output, job.comparison)):
            if _key(path) in inputs:
                raise InvalidInput(
                    f"The result of {printable(job.source)} would replace an input, "
                    f"{printable(path)}. Choose another output folder (--out), or give the "
                    "results other names with --suffix _sharp."
                )
            other = writers.setdefault(_key(path), job)
            if other is not job:
                raise InvalidInput(
                    f"Two inputs would be written to the same file {printable(path)}: "
                    f"{printable(other.source)} and {printable(job.source)}. Restore them into "
                    "different output folders (--out), or give the folder above both with "
                    "--recursive: its subfolders are kept."
                )


def prepare_folder(out: str | os.PathLike) -> Path:
    """Makes the folder `out` and checks that files can be written to it.

    Raises:
        InvalidInput: if not.
    """
    try:
        os.makedirs(out, exist_ok=True)
        with tempfile.TemporaryFile(dir=os.fspath(out)):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(
            f"`out` must be a folder that can be written to ({reason}). "
            f"Received: out={os.fspath(out)!r}"
        ) from error
    return Path(out)
