"""Sends images to a model in as many parts as it takes: whole, in tiles, batches in shares."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from export.client.calls import ModelService
from export.client.errors import CallFailed, failure
from export.client.facts import SignatureFacts, read_metadata
from export.client.payloads import Payload
from export.client.tiles import (
    Ahead,
    extended,
    padded_pixels,
    plan_by_pixels,
    plan_by_side,
    send_tiles,
)
from tfdeblur.image.tiling import TilePlan

Progress = Callable[[int, int], None]


class Part(NamedTuple):
    """What one call returned: `(batch, height, width, channels)`, and the version that ran."""

    images: np.ndarray
    version: int


class Sent(NamedTuple):
    """What became of all images.

    Attributes:
        images: `(batch, height, width, channels)`, as `Payload.read` returns it.
        version: int, of the model.
        tiles: int, for each image.
    """

    images: np.ndarray
    version: int
    tiles: int


class Sender:
    """Sends batches to one model.

    Args:
        service: the model.
        overlap: int, pixels at each side of a tile that a neighbour covers too.
        concurrency: int >= 1, calls under way at a time, for one batch.
    """

    def __init__(self, service: ModelService, overlap: int, concurrency: int):
        self._service, self._overlap, self._concurrency = service, overlap, concurrency
        self._executor = ThreadPoolExecutor(concurrency, "deblur-tile")

    def close(self) -> None:
        """Gives up what was not sent yet."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def send(
        self,
        batch: np.ndarray,
        payload: Payload,
        max_pixels: int | None,
        timeout: float | None,
        progress: Progress | None,
    ) -> Sent:
        """Restores `(batch, height, width, 3)`.

        Args:
            payload: the way to send them.
            max_pixels: int, the most pixels of a call; None: any number.
            timeout: seconds for each call, in the place of the client's own.
            progress: called as `progress(done_tiles, total_tiles)`.
        """
        plan = self._plan(batch, payload, max_pixels)
        advance = _Counter(plan.tiles * len(batch), progress)
        call = partial(self._call, payload, timeout)
        if plan.tiles > 1:
            return self._in_tiles(batch, plan, call, payload.channels, advance)
        images = batch
        if batch.shape[1:3] != (plan.height, plan.width):
            images = np.stack([extended(image, plan.height, plan.width) for image in batch])
        pixels = padded_pixels(*images.shape[1:3])
        together = len(batch) if max_pixels is None else max(1, max_pixels // pixels)
        shares = [images[i : i + together] for i in range(0, len(images), together)]
        height, width = batch.shape[1:3]
        if len(shares) == 1:  # in the caller's own thread: as many at a time as there are callers
            part = call(images)
            advance(len(images))
            return Sent(part.images[:, :height, :width], part.version, 1)
        parts = []
        with Ahead(self._executor, call, shares, self._concurrency) as answers:
            for part in answers:
                parts.append(part)
                advance(len(part.images))
        joined = np.concatenate([part.images for part in parts])
        return Sent(joined[:, :height, :width], parts[-1].version, 1)

    def _in_tiles(self, batch, plan: TilePlan, call, channels: int, advance) -> Sent:
        height, width = batch.shape[1:3]
        restored = np.empty((len(batch), height, width, channels), np.float32)
        version = 0

        def send(tile: np.ndarray) -> np.ndarray:
            nonlocal version
            part = call(tile[None])
            version = part.version
            return part.images[0]

        for image, target in zip(batch, restored, strict=True):
            whole = send_tiles(
                extended(image, plan.height, plan.width),
                plan,
                send,
                self._executor,
                self._concurrency,
                channels=channels,
                after_tile=advance,
            )
            target[...] = whole[:height, :width]
        return Sent(restored, version, plan.tiles)

    def _call(self, payload: Payload, timeout: float | None, images: np.ndarray) -> Part:
        answer = self._service.predict(
            {payload.input: payload.write(images)},
            payload.signature,
            payload.outputs,
            timeout=timeout,
            most=images.size,
        )
        missing = sorted(set(payload.outputs) - set(answer.outputs))
        if missing:
            raise self._failure("INTERNAL", f"The service answered without {missing}.")
        restored, expected = payload.read(answer.outputs), (*images.shape[:3], payload.channels)
        if restored.shape != expected:
            text = f"The service answered shape={restored.shape}, not {expected}."
            raise self._failure("INTERNAL", text)
        return Part(restored, answer.version)

    def _plan(self, batch: np.ndarray, payload: Payload, max_pixels: int | None) -> TilePlan:
        height, width = batch.shape[1:3]
        side = self._side(payload)
        if side is not None:
            return plan_by_side(height, width, side, self._overlap)
        limit = padded_pixels(height, width) if max_pixels is None else max_pixels
        return plan_by_pixels(height, width, limit, self._overlap)

    def _side(self, payload: Payload) -> int | None:
        """Height and width that the model takes, where it takes no others.

        Raises:
            CallFailed: if it lacks the signature.
        """
        signature = self._signatures.get(payload.signature)
        if signature is None or payload.input not in signature.inputs:
            known = ", ".join(self._signatures)
            text = f'Serving signature key "{payload.signature}" not found. It has: {known}.'
            raise self._failure("FAILED_PRECONDITION", text)
        shape = signature.inputs[payload.input].shape
        return shape[1] if len(shape) == 4 else None

    @cached_property
    def _signatures(self) -> Mapping[str, SignatureFacts]:
        return read_metadata(self._service.metadata()).signatures

    def _failure(self, code: str, text: str) -> CallFailed:
        return failure(code, text, self._service.target, self._service.name)


class _Counter:
    """Counts tiles and tells the caller."""

    def __init__(self, total: int, progress: Progress | None):
        self._total, self._progress, self._done = total, progress, 0

    def __call__(self, tiles: int = 1) -> None:
        self._done += tiles
        if self._progress is not None:
            self._progress(self._done, self._total)
