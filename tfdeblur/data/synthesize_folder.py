"""A folder of photographs to a folder of pairs: on all cores, and again where it was stopped.

    OUT/{blur,sharp}/STEM-KK.png, OUT/flow/STEM-KK.npz      or, with test images,
    OUT/{train,test}/{blur,sharp,flow}/...

Each pair is a pure function of settings, photograph and number, and its blurred image is written
last: where that is, the pair is done. So the folder does not tell how many processes made it or
how often they were killed.
"""

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.data.folders import image_size
from tfdeblur.data.photographs import Photograph
from tfdeblur.data.synthesis_record import (
    RECORD,
    TABLE,
    PairTable,
    SynthesisSettings,
    make_record,
    names_for_testing,
    pair_seed,
    read_record,
    refuse_other,
    write_record,
)
from tfdeblur.data.workers import in_processes, usable_cores
from tfdeblur.errors import EXIT_UNEXPECTED, InvalidInput, TfdeblurError

logger = logging.getLogger(__name__)

FOLDERS = ("blur", "sharp", "flow")
_SHARP = -1  # number of the pair that is not blurred

# What fails one write for these reasons fails every later one too.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def disk_is_full(error: BaseException) -> bool:
    """Whether a failed write is one after which no other will succeed."""
    cause = error.__cause__ or error
    return isinstance(cause, OSError) and cause.errno in _FULL


@dataclass(frozen=True)
class PairTask:
    """One pair to make.

    Attributes:
        photograph: what it is made of.
        number: from 0, or -1 for the pair that is not blurred.
        split: "train", "test" or "".
        name: of its files, without suffix.
        folder: that holds blur/, sharp/ and flow/.
    """

    photograph: Photograph
    number: int
    split: str
    name: str
    folder: Path

    def file(self, kind: str) -> Path:
        """Path of its file in "blur", "sharp" or "flow"."""
        return self.folder / kind / f"{self.name}.{'npz' if kind == 'flow' else 'png'}"

    @property
    def key(self) -> str:
        """Its name in the table."""
        return f"{self.split}/{self.name}" if self.split else self.name


@dataclass(frozen=True)
class Outcome:
    """What became of a pair.

    Attributes:
        task: the pair.
        row: its row of the table; None if it failed.
        reason: why it failed, "" if it did not.
        exit_code: what the command line would return for it alone.
        stops: whether all later ones would fail in the same way.
    """

    task: PairTask
    row: tuple[str, ...] | None = None
    reason: str = ""
    exit_code: int = 0
    stops: bool = False


class FolderSynthesis:
    """The job of one output folder.

    Args:
        photographs: at least one, from `find_photographs`.
        out: folder for the pairs; new, or begun with the same settings and photographs.
        settings: what to do with each photograph.

    Raises:
        InvalidInput: if a setting is wrong, or `out` holds something else.
        DataError: if the record in `out` cannot be read.

    Attributes:
        tasks: all pairs, in the order of the photographs.
        pending: those that are not done.
    """

    def __init__(
        self, photographs: Sequence[Photograph], out: str | Path, settings: SynthesisSettings
    ) -> None:
        settings.check()
        self.settings, self.out = settings, Path(out)
        photographs = photographs[: settings.limit or None]
        self._record = make_record(asdict(settings), photographs)
        earlier = read_record(self.out / RECORD)
        if earlier is None:
            _refuse_foreign(self.out)
        else:
            refuse_other(earlier, self._record, self.out)
        self.tasks = _tasks(photographs, self.out, settings)
        self._table = PairTable(self.out / TABLE)
        self.pending = [
            task
            for task in self.tasks
            if task.key not in self._table.rows or not task.file("blur").is_file()
        ]

    def run(
        self, workers: int | None = None, setup: Callable[[], None] | None = None
    ) -> Iterator[Outcome]:
        """Makes the pending pairs; yields what becomes of each, in the order they are finished.

        The loop must be run to its end for the table to be sorted. Left early, it is gone on
        with by the next run.

        Args:
            workers: see `workers.in_processes`; None: one a core.
            setup: the same.

        Raises:
            TfdeblurError: if the disk is full or a process died. Finished pairs are kept.
        """
        from tfdeblur.image.atomic import write_atomically

        self._prepare()
        work = partial(make_pair, settings=self.settings)
        workers = usable_cores() if workers is None else workers
        for outcome in in_processes(work, self.pending, workers, setup):
            if outcome.stops:
                raise TfdeblurError(
                    f"{outcome.reason} Pairs finished before are kept; make room and run the same "
                    "command again to go on."
                )
            if outcome.row is not None:
                self._table.add(outcome.row)
            yield outcome
        write_atomically(self.out / TABLE, self._table.sorted(task.key for task in self.tasks))

    def _prepare(self) -> None:
        """Makes the folders, writes the record."""
        kinds = FOLDERS if self.settings.blur == "motion-flow" else FOLDERS[:2]
        folders = {task.folder / kind for task in self.tasks for kind in kinds}
        for folder in sorted(folders):
            folder.mkdir(parents=True, exist_ok=True)
        write_record(self.out / RECORD, self._record)


def _refuse_foreign(out: Path) -> None:
    """Pairs of another origin in the same folders would be trained on as if they were ours."""
    found = [name for name in (*FOLDERS, "train", "test", TABLE) if (out / name).exists()]
    if out.exists() and (found or not out.is_dir()):
        what = f"holds {', '.join(found)} but no {RECORD}" if found else "is not a folder"
        raise InvalidInput(
            f"`out` must be a new folder, or one that holds pairs made here. Received: {out}, "
            f"which {what}. Give another one."
        )


def _tasks(
    photographs: Sequence[Photograph], out: Path, settings: SynthesisSettings
) -> list[PairTask]:
    for_testing = names_for_testing(photographs, settings.test_images, settings.seed)
    digits = max(2, len(str(settings.per_image - 1)))
    tasks = []
    for photograph in photographs:
        split = ("test" if photograph.name in for_testing else "train") if for_testing else ""
        names = {i: f"{photograph.stem}-{i:0{digits}d}" for i in range(settings.per_image)}
        if settings.include_sharp:
            names[_SHARP] = f"{photograph.stem}-sharp"
        tasks += [PairTask(photograph, i, split, names[i], out / split) for i in names]
    return tasks


def make_pair(task: PairTask, settings: SynthesisSettings) -> Outcome:
    """Makes one pair, or only its row if its files are there; does not raise."""
    try:
        seed = pair_seed(settings.seed, task.photograph.name, task.number)
        done = task.file("blur").is_file()
        factor = _factor(task, settings, seed) if done else _write(task, settings, seed)
        number = "sharp" if task.number == _SHARP else str(task.number)
        row = (task.key, task.split, task.photograph.name, number, str(seed), repr(factor))
        return Outcome(task, row)
    except TfdeblurError as error:
        if disk_is_full(error):
            return Outcome(task, reason=str(error), exit_code=EXIT_UNEXPECTED, stops=True)
        return Outcome(task, reason=str(error), exit_code=error.exit_code)
    except Exception as error:  # a fault in one photograph must not cost the user the others
        logger.debug("while blurring %s", task.photograph.path, exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        return Outcome(task, reason=reason, exit_code=EXIT_UNEXPECTED)


def _factor(task: PairTask, settings: SynthesisSettings, seed: int) -> float:
    """The factor of a pair whose row was lost."""
    from tfdeblur.data import flows

    if task.number == _SHARP or settings.blur != "motion-flow":
        return 1.0
    size = image_size(task.photograph.path)
    law, extent, strength = settings.law, settings.max_extent, settings.strength
    return flows.random_flow_with_factor(seed, *size, law, extent, strength)[1]


def _write(task: PairTask, settings: SynthesisSettings, seed: int) -> float:
    """Blurs and writes a pair; returns its factor."""
    from tfdeblur.image.atomic import write_atomically
    from tfdeblur.image.flow_files import encode_flow

    try:
        pair = _pair(_photograph(task.photograph.path), task.number, settings, seed)
    except InvalidInput as error:
        if str(task.photograph.path) in str(error):
            raise
        raise InvalidInput(f"{task.photograph.path}: {error}") from error
    if pair.flow is not None:
        write_atomically(task.file("flow"), encode_flow(pair.flow, "npz"))
    write_atomically(task.file("sharp"), fast_png(pair.sharp))
    write_atomically(task.file("blur"), fast_png(pair.blurred))
    return pair.factor


def fast_png(pixels: np.ndarray) -> bytes:
    """Encodes uint8 `(height, width, 3)` with as little effort as PNG knows.

    The usual effort takes six times as long, longer than the blur, and saved nothing: a Kodak
    photograph and its blurred partner were 945 kB with the least effort and 947 kB with that.
    """
    import tensorflow as tf

    with tf.device("CPU:0"):
        return tf.io.encode_png(pixels, compression=1).numpy()


@lru_cache(maxsize=1)  # its pairs are made one after the other
def _photograph(path: Path) -> np.ndarray:
    from tfdeblur.image.codec import read_image, to_uint8

    return to_uint8(read_image(path).seen_rgb())


def _pair(sharp: np.ndarray, number: int, settings: SynthesisSettings, seed: int) -> Any:
    from tfdeblur.data.degrade import Degradation
    from tfdeblur.data.synthesis import synthesize_pair, unblurred_pair

    degradation: Degradation | None = Degradation(
        settings.noise, settings.saturation, settings.jpeg_quality
    )
    if degradation == Degradation():
        degradation = None
    if number == _SHARP:
        return unblurred_pair(sharp, seed, degradation, blur=settings.blur)
    return synthesize_pair(
        sharp,
        seed,
        settings.law,
        settings.max_extent,
        degradation,
        strength=settings.strength,
        blur=settings.blur,
    )
