"""DeblurClient: restores images with a model that TensorFlow Serving, or `tfdeblur serve`, holds.

Importing it loads NumPy, gRPC and Protocol Buffers, and no framework.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import grpc
import numpy as np

from export.client.calls import Answer, ModelService
from export.client.errors import (
    ModelNotFound,
    RequestRefused,
    ServerBusy,
    TimedOut,
    Unreachable,
    pixel_limit,
)
from export.client.facts import ModelMetadata, VersionStatus, read_metadata, read_status
from export.client.payloads import choose, finished
from export.client.send import Progress, Sender
from export.client.turns import held_as
from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import OVERLAP
from tfdeblur.restorers.calling import Images, Told, call_on
from tfdeblur.restorers.images import check_image
from tfdeblur.restorers.protocol import Restored
from tfdeblur.restorers.reading import ImageLike

_SECONDS_BETWEEN_LOOKS = 0.25  # of `wait_ready`


@dataclass(frozen=True, repr=False)
class RemoteRestored(Restored):
    """What a `DeblurClient` returns.

    `degenerate` is always False: where a network's output is unusable, an exported model gives the
    image back as it was, and cannot say so.

    Attributes:
        version: int, of the model that ran (of the last tile, where it changed meanwhile).
        tiles: int, parts that each image was sent in.
        score: float in [0, 1], confidence of the whole image, or one per image of a batch; of
            tiles, their mean by area. None where no motion was asked for.
    """

    version: int = 0
    tiles: int = 1
    score: Any = None

    @property
    def remark(self) -> str:
        """What there is to tell, on one line; "" if nothing."""
        return f"sent in {self.tiles} tiles" if self.tiles > 1 else ""


class DeblurClient:
    """Restores images over gRPC. May be used by several threads; close it, or use it in `with`.

    Args:
        target: "HOST:PORT" of the gRPC port, or "unix:PATH".
        model: name of the model there.
        version: int, of the model; None: the newest that is loaded.
        label: name of a version, given by the service's settings; instead of `version`.
        payload: how images travel: "uint8", "float" or "bytes" (PNG: for links below 200 Mbit/s;
            8 bits). None: uint8 for 8-bit images, float for all others.
        timeout: float, seconds until a call is given up, with its retries; each tile is a call.
        retries: int, how often a call is repeated where nothing answers (UNAVAILABLE) or the
            service has no place or memory left (RESOURCE_EXHAUSTED), after random pauses that
            grow. Nothing else is tried again.
        wait_for_ready: whether calls wait for the service to come up, until `timeout`. If not,
            a service that is down is told from one that is slow.
        credentials: for TLS (`export.client.calls.tls_credentials`); None: no TLS.
        max_pixels: int, the most pixels of one request; larger images are sent in tiles that
            overlap. None: as many as the model accepts: an image that it refuses is sent again,
            in tiles. Networks that look farther than `overlap`, or normalise over the
            whole picture, restore tiles a little differently.
        overlap: int, pixels at each side of a tile that a neighbour covers too.
        concurrency: int >= 1, tiles of images, or parts of batches, under way at a time. Images
            that are sent whole are not counted: those are as many as there are callers.

    Raises:
        InvalidInput: if an argument is not one of the above. No call is made yet.
    """

    def __init__(
        self,
        target: str,
        model: str = "deblur",
        *,
        version: int | None = None,
        label: str | None = None,
        payload: str | None = None,
        timeout: float = 60.0,
        retries: int = 4,
        wait_for_ready: bool = False,
        credentials: grpc.ChannelCredentials | None = None,
        max_pixels: int | None = None,
        overlap: int = OVERLAP,
        concurrency: int = 2,
    ):
        choose(payload, np.dtype(np.uint8), False)
        for name, value in (("max_pixels", max_pixels), ("concurrency", concurrency)):
            if value is not None and value < 1:
                raise InvalidInput(f"`{name}` must be at least 1. Received: {name}={value}")
        self.payload, self.max_pixels = payload, max_pixels
        self._given_limit = max_pixels is not None
        self._service = ModelService(
            target,
            model,
            version=version,
            label=label,
            timeout=timeout,
            retries=retries,
            wait_for_ready=wait_for_ready,
            credentials=credentials,
        )
        self._sender = Sender(self._service, overlap, concurrency)

    def __enter__(self) -> "DeblurClient":
        return self

    def __repr__(self) -> str:
        return f"<DeblurClient: {self._service.name} at {self._service.target}>"

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends calls that are under way, and the connection."""
        self._sender.close()
        self._service.close()

    @overload
    def deblur(
        self,
        image: ImageLike,
        *,
        motion: bool = False,
        payload: str | None = None,
        timeout: float | None = None,
        progress: Told = None,
    ) -> RemoteRestored: ...

    @overload
    def deblur(
        self,
        image: Images,
        *,
        motion: bool = False,
        payload: str | None = None,
        timeout: float | None = None,
        progress: Told = None,
    ) -> list[RemoteRestored]: ...

    def deblur(self, image, *, motion=False, payload=None, timeout=None, progress=None):
        """Restores an image, a batch or a list.

        Args:
            image: `(height, width, 3)` or `(batch, height, width, 3)`, at least 1 x 1; float in
                [0, 1], uint8 or uint16 over their full range. 16 bits travel as floats. Or the
                path of a file, an image of Pillow, or a list of any of these.
            motion: whether flow and confidence are wanted; RP-GAN models estimate them.
            payload, timeout: in the place of the client's own.
            progress: called as `progress(done_tiles, total_tiles)` after each tile, for a list as
                `progress(done_images, total_images)`; True: a line on stderr.

        Returns:
            `RemoteRestored`, or a list of them for a list; `image` is of the kind and shape of
            the input, floats clipped.

        Raises:
            InvalidInput: if an argument is not one of the above, or the model refuses the image.
            DataError: if there is no such model or it lacks the signature.
            ServiceUnreachable: if nothing answers in time. All are `client_errors.CallFailed`
                with code and text where they come from the service.
        """

        def restore(one: np.ndarray, told: Progress | None) -> RemoteRestored:
            return self._restore(one, motion, payload, timeout, told)

        return call_on(restore, image, progress)

    def _restore(
        self,
        image: np.ndarray,
        motion: bool,
        payload: str | None,
        timeout: float | None,
        progress: Progress | None,
    ) -> RemoteRestored:
        start = time.perf_counter()
        image = check_image(image)
        batch = image if image.ndim == 4 else image[None]
        way = choose(payload or self.payload, image.dtype, motion)
        try:
            sent = self._sender.send(batch, way, self.max_pixels, timeout, progress)
        except RequestRefused as error:
            limit = pixel_limit(error)
            if self._given_limit or limit in (None, self.max_pixels):
                raise
            self.max_pixels = limit  # known from now on, until another version has another one
            sent = self._sender.send(batch, way, limit, timeout, progress)
        values = finished(sent.images, way, image.dtype)
        if image.ndim == 3:
            values = {name: value[0] for name, value in values.items()}
        seconds = time.perf_counter() - start
        return RemoteRestored(**values, seconds=seconds, version=sent.version, tiles=sent.tiles)

    @overload
    def __call__(self, image: ImageLike, *, progress: Told = None) -> RemoteRestored: ...

    @overload
    def __call__(self, image: Images, *, progress: Told = None) -> list[RemoteRestored]: ...

    def __call__(self, image, *, progress=None):
        """`deblur`, for all that takes a `Restorer`."""
        return self.deblur(image, progress=progress)

    def deblur_bytes(self, files: bytes | Sequence[bytes], *, timeout: float | None = None) -> Any:
        """Restores PNG or JPEG files as they are; the service decodes and encodes.

        Args:
            files: one file, or several, of any sizes.
            timeout: in the place of the client's own.

        Returns:
            PNG, 8 bits, RGB: one, or a list in order. Pixels lie as they did, with the EXIF turn
            of the file for viewers to apply; all other EXIF and alpha are dropped, and files are
            not cut into tiles: `deblur` of `read_image` does better there.

        Raises:
            As `deblur`; one bad file refuses all.
        """
        several = [files] if isinstance(files, bytes) else list(files)
        if not all(isinstance(one, bytes) for one in several):
            kinds = ", ".join(sorted({type(one).__name__ for one in several}))
            raise InvalidInput(f"`files` must be bytes, or a sequence of them. Received: {kinds}")
        answer = self.predict({"image_bytes": several}, "serving_bytes", timeout=timeout)
        restored = answer.outputs["restored_bytes"]
        held = [held_as(one, file) for one, file in zip(restored, several, strict=True)]
        return held[0] if isinstance(files, bytes) else held

    def predict(
        self,
        inputs: Mapping[str, np.ndarray | Sequence[bytes]],
        signature: str = "serving_default",
        output_filter: Sequence[str] = (),
        *,
        timeout: float | None = None,
    ) -> Answer:
        """Runs any signature of the model; see `client_calls.ModelService.predict`."""
        return self._service.predict(inputs, signature, output_filter, timeout=timeout)

    def metadata(self, *, timeout: float | None = None) -> ModelMetadata:
        """Says which signatures the model has, with names, types and shapes."""
        return read_metadata(self._service.metadata(timeout))

    def status(self, *, timeout: float | None = None) -> list[VersionStatus]:
        """Lists the versions of the model, the highest first, loaded or not."""
        return read_status(self._service.status(timeout))

    def wait_ready(self, timeout: float | None = None) -> int:
        """Waits until the model is loaded.

        Args:
            timeout: seconds; None: the client's own.

        Returns:
            The version that is.

        Raises:
            CallFailed: what came last, if that took longer than `timeout`.
        """
        end = time.monotonic() + (self._service.timeout if timeout is None else timeout)
        while True:
            left = max(0.001, end - time.monotonic())
            try:
                return self.metadata(timeout=min(left, 5.0)).version
            except (Unreachable, TimedOut, ModelNotFound, ServerBusy) as error:
                if time.monotonic() + _SECONDS_BETWEEN_LOOKS >= end:
                    raise error
            time.sleep(_SECONDS_BETWEEN_LOOKS)
