"""Decides where the result of each input goes, and refuses plans that would lose a file.

Loads no TensorFlow: what can go wrong here is said before seconds are spent on that.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.files.inputs import VIDEO_SUFFIXES, WRITTEN_SUFFIXES, Source
from tfdeblur.files.video.kinds import is_animation
from tfdeblur.files.video.settings import VideoSettings
from tfdeblur.image.flow_formats import FORMATS as FLOW_FORMATS
from tfdeblur.image.white_level import WhiteLevel
from tfdeblur.text import printable

FORMATS = ("keep", "png", "jpeg")

_BESIDE = ("compare", "flow", "confidence")  # NAME.compare.png, in the order of `_Pictures`

IN_PLACE_SUFFIX = "_sharp"

_ENDINGS = {"png": (".png",), "jpeg": (".jpg", ".jpeg", ".jpe")}


@dataclass(frozen=True)
class Job:
    """One file to restore: `source` -> `output`, and what else is wanted beside it.

    Attributes:
        source: the input.
        output: the result.
        comparison: picture of blurred and restored image side by side, or None.
        error: why there is nothing to restore, or None.
        flow: input as well, the file of its known motion flow; None where it is not known.
        flow_file: where the motion flow goes, or None.
        flow_picture: where the picture of the motion flow goes, or None.
        confidence: where the heat map of the confidence goes, or None.
        video: how a video is written.
        animated: whether `source` is an animated picture.
        strip: whether profile, EXIF and the like of the input are left out of the result.
        white: which level of 16-bit images is white, for all jobs of a folder.
        compare_at: column and row of the place that `comparison` enlarges; None: a salient one.
    """

    source: Path
    output: Path
    comparison: Path | None = None
    error: TfdeblurError | None = None
    flow: Path | None = None
    flow_file: Path | None = None
    flow_picture: Path | None = None
    confidence: Path | None = None
    video: VideoSettings = VideoSettings()
    animated: bool = False
    strip: bool = False
    white: WhiteLevel | None = None
    compare_at: tuple[int, int] | None = None

    @property
    def is_video(self) -> bool:
        """Whether it is a video by its suffix, or an animated picture."""
        return self.animated or self.source.suffix.lower() in VIDEO_SUFFIXES

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Everything that this job writes, in that order: the result is last."""
        beside = (self.flow_file, self.flow_picture, self.confidence, self.comparison)
        return (*(path for path in beside if path is not None), self.output)

    def missing(self) -> tuple[Path, ...]:
        """Those of `outputs` that are not there yet."""
        return tuple(path for path in self.outputs if not path.is_file())

    def is_done(self) -> bool:
        """Whether everything that this job writes is there already."""
        return self.error is None and not self.missing()


@dataclass(frozen=True)
class _Beside:
    """What is written beside each result; see `plan_outputs`."""

    compare: bool
    flow_format: str | None
    confidence: bool


def plan_outputs(
    sources: Sequence[Source],
    out: str | os.PathLike,
    *,
    suffix: str = "",
    file_format: str = "keep",
    compare: bool = False,
    flow_format: str | None = None,
    confidence: bool = False,
    video: VideoSettings = VideoSettings(),  # noqa: B008 (frozen)
    strip: bool = False,
    compare_at: tuple[int, int] | None = None,
) -> list[Job]:
    """Decides where the result of each source is written.

    The path of a file below the folder that was given is kept below `out`. A file that was given
    by name and would be replaced by its own result gets it beside it, as NAME_sharp. A found
    file that is itself the result of another one (input and output folder are the same and the
    command is run again), or a picture that was written beside one, is left out.

    Args:
        sources: from `find_inputs`.
        out: folder for the results.
        suffix: text between a name and its ending: "_sharp" makes photo_sharp.jpg.
        file_format: "keep" (by the ending of the input: JPEG stays JPEG; PNG where the ending
            is none that is written: of raw files, HEIC), "png" or "jpeg". Videos keep theirs.
        compare: whether to write NAME.compare.png beside each result; NAME.ENDING.compare.png where
            two results differ in their endings alone.
        flow_format: "npz" or "flo", to write NAME.flow.npz or NAME.flow.flo and NAME.flow.png
            beside each result that is no video; None for neither.
        confidence: whether to write NAME.confidence.png beside each result that is no video.
        video: how videos are written.
        strip: whether results are to lose profile, EXIF and the like.
        compare_at: as of `Job`.

    Raises:
        InvalidInput: if two results would have the same name, or one would replace an input.
    """
    for name, value, known in (
        ("file_format", file_format, FORMATS),
        ("flow_format", flow_format, (None, *FLOW_FORMATS)),
    ):
        if value not in known:
            raise InvalidInput(f"`{name}` must be one of {known}. Received: {name}={value!r}")
    if os.sep in suffix or "\0" in suffix:
        raise InvalidInput(f"`suffix` must not hold {os.sep!r}. Received: suffix={suffix!r}")
    beside = _Beside(compare, flow_format, confidence)
    jobs = [_job(source, Path(out), suffix, file_format, beside) for source in sources]
    jobs = [
        replace(job, video=video, strip=strip, compare_at=compare_at)
        for job in _comparisons_apart(jobs)
    ]
    # Also pictures that this run does not write: an earlier one with other options may have.
    pictures = [_pictures(job) for job in jobs]
    results = {_key(path) for paths in pictures for path in paths}
    results |= {_key(path) for job in jobs for path in job.outputs}
    stems = {
        (source.path.parent, name)
        for source in sources
        for name in (source.path.stem, source.path.name)
    }
    in_place = {_key(job.output) for job in jobs if _key(job.output) == _key(job.source)}
    kept = [
        job
        for job, source in zip(jobs, sources, strict=True)
        if source.named
        or (_key(job.source) not in results - in_place and not _is_beside(source.path, stems))
    ]
    _refuse_losses(kept)
    return kept


def with_white_levels(jobs: Sequence[Job], wanted: str | int) -> list[Job]:
    """Gives the jobs of each folder one level of white, `wanted` as for `WhiteLevel`."""
    folders: dict[Path, list[Path]] = {}
    for job in jobs:
        folders.setdefault(job.source.parent, []).append(job.source)
    levels = {one: WhiteLevel(wanted, paths, printable(one)) for one, paths in folders.items()}
    return [replace(job, white=levels[job.source.parent]) for job in jobs]


def _job(source: Source, out: Path, suffix: str, file_format: str, beside: _Beside) -> Job:
    ending = source.path.suffix
    animated = source.error is None and is_animation(source.path)
    video = animated or ending.lower() in VIDEO_SUFFIXES
    if not video:
        if source.named and ending.lower() not in WRITTEN_SUFFIXES and _is_jpeg(source.path):
            ending = ".jpg"  # its name does not say that it is one
        ending = image_ending(ending, file_format)
    stem = source.relative.stem + suffix
    folder = out / source.relative.parent
    # `deblur photo.jpg --out .` can only mean: beside it. Of folders the results would mix with
    # the originals, which is asked for with a suffix.
    if source.named and not suffix and _key(folder / (stem + ending)) == _key(source.path):
        stem += IN_PLACE_SUFFIX
    job = Job(source.path, folder / (stem + ending), error=source.error, animated=animated)
    pictures = _pictures(job)
    if beside.compare:
        job = replace(job, comparison=pictures.comparison)
    if beside.flow_format is not None and not video:
        flow_file = folder / f"{stem}.flow.{beside.flow_format}"
        job = replace(job, flow_file=flow_file, flow_picture=pictures.flow)
    if beside.confidence and not video:
        job = replace(job, confidence=pictures.confidence)
    return job


def _comparisons_apart(jobs: Sequence[Job]) -> list[Job]:
    """Gives comparisons of one name the endings of their results.

    Phones write IMG_1.jpg and IMG_1.mov of one moment.
    """
    wanted = Counter(_key(job.comparison) for job in jobs if job.comparison)
    return [
        replace(job, comparison=job.output.with_name(f"{job.output.name}.{_BESIDE[0]}.png"))
        if job.comparison and wanted[_key(job.comparison)] > 1
        else job
        for job in jobs
    ]


def _is_beside(path: Path, stems: Set[tuple[Path, str]]) -> bool:
    """Whether an image is a picture beside another one of these, by its name."""
    stem, _, what = path.stem.rpartition(".")
    return path.suffix == ".png" and what in _BESIDE and (path.parent, stem) in stems


class _Pictures(NamedTuple):
    comparison: Path
    flow: Path
    confidence: Path


def _pictures(job: Job) -> _Pictures:
    """All pictures that can be beside the result of a job, wanted or not."""
    names = (f"{job.output.stem}.{what}.png" for what in _BESIDE)
    return _Pictures(*(job.output.with_name(name) for name in names))


def image_ending(ending: str, file_format: str) -> str:
    """The ending of the result of an image with this ending."""
    if file_format == "keep":
        return ending if ending.lower() in WRITTEN_SUFFIXES else ".png"
    endings = _ENDINGS[file_format]
    return ending if ending.lower() in endings else endings[0]


def _is_jpeg(path: Path) -> bool:
    """Whether a file begins as a JPEG does; what cannot be read is told when it is restored."""
    try:
        with open(path, "rb") as file:
            return file.read(3) == b"\xff\xd8\xff"
    except OSError:
        return False


def _key(path: Path) -> str:
    return os.path.realpath(path)


def _refuse_losses(jobs: Sequence[Job]) -> None:
    jobs = [job for job in jobs if job.error is None]
    inputs = {_key(job.source): job for job in jobs}
    writers: dict[str, Job] = {}
    for job in jobs:
        for path in job.outputs:
            if _key(path) in inputs:
                raise InvalidInput(
                    f"The result of {printable(job.source)} would replace an input, "
                    f"{printable(path)}. Choose another output folder (--out), or give the "
                    "results other names with --suffix _sharp."
                )
            other = writers.setdefault(_key(path), job)
            if other is not job:
                apart = (
                    "rename one of them"
                    if _key(other.source.parent) == _key(job.source.parent)
                    else "give the folder above both with --recursive: its subfolders are kept"
                )
                raise InvalidInput(
                    f"Two inputs would be written to the same file {printable(path)}: "
                    f"{printable(other.source)} and {printable(job.source)}. Restore them into "
                    f"different output folders (--out), or {apart}."
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
