"""Scores every system on every pair, in threads, with as much memory for 1,111 pairs as for 10."""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.evaluation.outputs.comparison import (
    BLURRED,
    Comparison,
    ImageResult,
    OutputFailure,
)
from tfdeblur.evaluation.outputs.protocols import Case, Protocol, load_levels, load_pixels
from tfdeblur.evaluation.outputs.systems import Output, System
from tfdeblur.evaluation.timing import machine_facts

logger = logging.getLogger(__name__)

# Called with the number of a case, its sharp image, the blurred one and the results of systems;
# returns (places, pictures).
OnImage = Callable[
    [int, np.ndarray, np.ndarray, Mapping[str, Output]],
    tuple[dict[str, list[tuple[int, int]]], dict[str, str]],
]


@dataclass
class _Scored:
    """What became of one case; `image` is None where the pair itself is broken."""

    image: ImageResult | None = None
    failures: list[OutputFailure] = field(default_factory=list)


def compare_systems(
    protocol: Protocol,
    all_cases: Sequence[Case],
    cases: Sequence[Case],
    systems: Mapping[str, System],
    on_progress: Callable[[Comparison], None] | None = None,
    *,
    data: str = "",
    split: str | None = None,
    settings: dict[str, Any] | None = None,
    threads: int | None = None,
    on_image: OnImage | None = None,
) -> Comparison:
    """Scores the blurred input and every system on every case.

    A result that is missing, cannot be read, or is not of the sharp image's kind is in
    `failures`, as are files that belong to no case; the rest is scored. Numbers do not depend on
    threads, on the order of cases, or on what else is compared.

    Args:
        protocol: how to score.
        all_cases: those of the data set, to tell which files are left over.
        cases: those to score.
        systems: name -> system; models are called one image at a time.
        on_progress: called with the growing comparison after each case.
        data, split, settings: what the report says was measured.
        threads: int >= 1; None: as many as there are processors, 8 at most.
        on_image: makes pictures of an image, e.g. for a page; called in the threads.

    Raises:
        DataError: if a folder of outputs is missing or holds no images.
        InvalidInput: if a system is called "blurred".
    """
    if BLURRED in systems:
        raise InvalidInput(f"No system may be called {BLURRED!r}: that is the input's name.")
    comparison = Comparison(
        *(data, split, protocol, {name: system.source for name, system in systems.items()}),
        *(len(cases), settings or {}, machine_facts()),
    )
    wanted = {case.name for case in cases}
    absent: dict[tuple[str, str], str] = {}
    for name, system in systems.items():
        found = system.prepare(all_cases)
        absent |= {(name, case): why for case, why in found.problems.items() if case in wanted}
        comparison.failures += [
            OutputFailure(name, file, "extra", "belongs to no pair of the data set")
            for file in found.extra
        ]
    work = _Work(protocol, dict(systems), absent, on_image)
    for scored in _in_order(work, cases, threads or min(8, os.cpu_count() or 1)):
        comparison.failures += scored.failures
        if scored.image is not None:
            comparison.images.append(scored.image)
        if on_progress is not None:
            on_progress(comparison)
    return comparison


def _in_order(work: "_Work", cases: Sequence[Case], threads: int) -> Iterator[_Scored]:
    """Scores cases in threads; a few are ahead of the one that is asked for, no more."""
    waiting: deque[Future[_Scored]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for number, case in enumerate(cases):
            waiting.append(pool.submit(work.score, number, case, work.restore(case)))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass
class _Work:
    """Scores one case at a time."""

    protocol: Protocol
    systems: dict[str, System]
    absent: dict[tuple[str, str], str]
    on_image: OnImage | None

    def restore(self, case: Case) -> dict[str, Output | TfdeblurError]:
        """What the models make of a case, or why they cannot."""
        done: dict[str, Output | TfdeblurError] = {}
        for name, system in self.systems.items():
            if not system.parallel:
                done[name] = _result(system, case)
        return done

    def score(self, number: int, case: Case, done: Mapping[str, Output | TfdeblurError]) -> _Scored:
        """Scores a case."""
        scored = _Scored()
        try:
            blurred = load_levels(case.blurred, case.name)
            sharp = load_levels(case.references[0], case.name)
            score = self.protocol.scorer(case.references)
            values = {BLURRED: score(blurred)}
        except TfdeblurError as error:
            scored.failures.append(OutputFailure("", case.name, "pair", str(error)))
            return scored
        image = ImageResult(case.name, *sharp.shape[:2], values)
        kept: dict[str, Output] = {}
        for name, system in self.systems.items():
            if (name, case.name) in self.absent:
                why = self.absent[name, case.name]
                scored.failures.append(OutputFailure(name, case.name, "missing", why))
                continue
            output = done[name] if name in done else _result(system, case)
            try:
                if isinstance(output, TfdeblurError):
                    raise output
                _check_kind(output, sharp)
                values[name] = score(output.image)
            except TfdeblurError as error:
                scored.failures.append(OutputFailure(name, case.name, "unusable", str(error)))
                continue
            kept[name] = output
            if output.confidence is not None:
                image.confidence[name] = output.confidence
            if output.flow is not None:
                image.motion[name] = float(np.hypot(*np.moveaxis(output.flow, -1, 0)).max())
            if output.remark:
                image.remarks[name] = output.remark
        if self.on_image is not None:
            places, pictures = self.on_image(number, sharp, blurred, kept)
            image.places.update(places)
            image.pictures.update(pictures)
        scored.image = image
        return scored


def _result(system: System, case: Case) -> Output | TfdeblurError:
    try:
        return system.result(case, lambda: load_pixels(case.blurred, case.name))
    except TfdeblurError as error:
        logger.debug("%s failed", case.name, exc_info=True)
        return error


def _check_kind(output: Output, sharp: np.ndarray) -> None:
    """Raises InvalidInput unless a result has the size and, if the sharp image has, colours."""
    if output.image.shape != sharp.shape:
        (height, width), (wanted_height, wanted_width) = output.image.shape[:2], sharp.shape[:2]
        raise InvalidInput(
            f"it is {width} x {height} pixels, and the sharp image {wanted_width} x {wanted_height}"
        )
    if output.gray and not (sharp == sharp[..., :1]).all():
        raise InvalidInput("it is gray, and the sharp image has colours")
