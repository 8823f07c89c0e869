"""Sharp photographs that are blurred while training: by a new motion each time one is used.

As everything in a training stream, the motion of sample k is drawn from (seed, k) alone, so that
streams repeat and resume. Nothing but the photographs is kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur.data import flows
from tfdeblur.data.augment import MOTION, Augment, crop_position, vary_images
from tfdeblur.data.names import image_name_wanted
from tfdeblur.data.pair_search import Pair
from tfdeblur.data.photographs import find_photographs, refuse_pairs
from tfdeblur.data.readers import DecodingReader, Progress, Reader
from tfdeblur.data.sources import CACHE_BYTES, FolderSource
from tfdeblur.data.synthesis_record import pair_seed
from tfdeblur.errors import DataError
from tfdeblur.image.codec import to_uint8
from tfdeblur.operators import canonical_flow
from tfdeblur.operators.taps import apply_taps

_PAIRS_MEANT = (
    " To train on the pairs themselves, give `--set data.blur=`; --blur-photos DIR mixes "
    "photographs in."
)
_GRID = 17  # points a side at which a field's extent is looked at: it is smooth


@dataclass(frozen=True)
class RandomBlur:
    """What is drawn for each sample; see `flows.random_flow`.

    Raises:
        InvalidInput: if a value is not what it must be.
    """

    law: str = "gong2018"
    max_extent: float = 23
    strength: str = "strong"

    def __post_init__(self) -> None:
        flows.random_flow(0, 1, 1, self.law, self.max_extent, self.strength)

    @property
    def margin(self) -> int:
        """Pixels beyond a crop that its blur takes in."""
        return math.floor(self.max_extent / 2) + 1

    @property
    def limit(self) -> float:
        """Ceiling before rounding to whole pixels, which "gong2018" has."""
        return math.floor(self.max_extent) if self.law == "gong2018" else self.max_extent


class Photographs(FolderSource):
    """Photographs in memory or decoded on access, like pairs of which there is one half."""

    images = 1

    def load(self, index: int) -> np.ndarray:
        """Decodes photograph `index`: uint8 `(1, height, width, 3)`."""
        return to_uint8(self.white.read(self.pairs[index].sharp).seen_rgb())[np.newaxis]


class BlurringSource:
    """Pairs made of photographs; a `PairSource`.

    Args:
        photographs: what to blur.
        blur: how.

    Raises:
        DataError: if photographs are not larger than the border that blurring takes.

    Attributes:
        pairs: the files; both halves of each are the photograph.
        sizes: of what is left inside the border.
    """

    can_turn = True  # before the blur

    def __init__(self, photographs: Photographs, blur: RandomBlur) -> None:
        self.photographs, self.blur = photographs, blur
        self.pairs = photographs.pairs
        self.names, self.count = photographs.names, photographs.count
        self.sizes = photographs.sizes - 2 * blur.margin
        self.size_note = f" (without {blur.margin} pixels on each side, which blurring takes)"
        self._reader: BlurringReader | None = None
        small = [name for name, size in zip(self.names, self.sizes, strict=True) if size.min() < 1]
        if small:
            raise DataError(
                f"Photographs must be larger than {2 * blur.margin} pixels, the border that "
                f"blurring takes. Smaller: {', '.join(small[:10])}."
            )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names and contents of the photographs."""
        return self.photographs.fingerprint

    def describe(self) -> str:
        """Returns one line for people and logs."""
        folder = self.pairs[0].sharp.parent
        return (
            f"{self.count} photographs ({folder}) blurred by motions up to "
            f"{self.blur.max_extent:g} pixels ({self.blur.law}, {self.blur.strength})"
        )

    def load(self, index: int) -> np.ndarray:
        """Returns photograph `index` with one fixed motion: uint8 `(2, height, width, 3)`."""
        pair, margin = self._synthesized(index, index), self.blur.margin
        return np.stack([pair.blurred, pair.sharp])[:, margin:-margin, margin:-margin]

    def load_labelled(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns photograph `index` blurred by one fixed motion, and the flow of that.

        The motion hangs on the photograph's name alone: the same in every run, and whatever
        other photographs are in the folder.

        Returns:
            uint8 `(height, width, 3)` and float32 `(height, width, 2)`, pixels, canonical.
        """
        pair = self._synthesized(index, pair_seed(0, self.names[index], 0))
        cut = np.s_[self.blur.margin : -self.blur.margin, self.blur.margin : -self.blur.margin]
        return pair.blurred[cut], pair.flow[cut]

    def _synthesized(self, index: int, seed: int) -> Any:
        from tfdeblur.data.synthesis import synthesize_pair

        blur = self.blur
        return synthesize_pair(
            self.photographs.load(index)[0],
            seed,
            blur.law,
            blur.max_extent,
            crop_border=False,
            strength=blur.strength,
        )

    def reader(self, progress: Progress | None = None) -> "BlurringReader":
        """Returns fast access for training; the same object each time."""
        if self._reader is None:
            self._reader = BlurringReader(self, self.photographs.reader(progress))
        return self._reader

    def labelled_reader(self) -> "BlurringReader":
        """Returns the same, which gives flows as well."""
        return self.reader()


class BlurringReader:
    """Cuts a window with a margin out of a photograph, blurs it and cuts off the margin.

    So no blurred pixel misses one that it is made of, and a window is what blurring the whole
    photograph would have shown there.
    """

    def __init__(self, source: BlurringSource, photographs: Reader) -> None:
        self._blur, self._photographs = source.blur, photographs
        self._frames = DecodingReader(source.load)
        with tf.init_scope(), tf.device("/CPU:0"):
            self._sizes = tf.constant(source.photographs.sizes, tf.int64)

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`; the motion is one fixed to the index."""
        return self._frames.frame(index)

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`; the motion is drawn from the seed."""
        blurred, sharp, _ = self._sample(index, crop, seed, None)
        return tf.stack([blurred, sharp])

    def labelled_window(
        self, index: tf.Tensor, seed: tf.Tensor, augment: Augment
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns a random crop and the flow that blurred it; see `flow_pairs.LabelledReader`.

        Flips and turns come before the blur: the released kernels are not the same when turned.
        """
        blurred, _, flow = self._sample(index, augment.crop, seed, augment)
        return blurred, flow

    def blind_window(
        self, index: tf.Tensor, seed: tf.Tensor, augment: Augment
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns a random crop, blurred and sharp, and its flow; see `blind_pairs`."""
        return self._sample(index, augment.crop, seed, augment)

    def _sample(
        self, index: tf.Tensor, crop: int, seed: tf.Tensor, augment: Augment | None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """A crop, blurred and sharp, uint8, and its canonical flow."""
        margin = self._blur.margin
        side = crop + 2 * margin
        images = self._photographs.window(index, side, seed)
        sharp = (vary_images(images, seed, augment) if augment else images)[0]
        height, width = self._sizes[index, 0], self._sizes[index, 1]
        top, left = crop_position(height, width, side, seed)  # where `window` has cut as well
        flow = window_flow(self._blur, (height, width), (top, left), side, seed)
        blurred = _blur(tf.cast(sharp, tf.float32)[tf.newaxis], flow[tf.newaxis])[0]
        levels = tf.cast(tf.round(tf.clip_by_value(blurred, 0.0, 255.0)), tf.uint8)
        cut = np.s_[margin:-margin, margin:-margin]
        levels, sharp = (tf.ensure_shape(x[cut], (crop, crop, 3)) for x in (levels, sharp))
        return levels, sharp, tf.ensure_shape(canonical_flow(flow[cut]), (crop, crop, 2))


def window_flow(
    blur: RandomBlur,
    size: tuple[tf.Tensor, tf.Tensor],
    corner: tuple[tf.Tensor, tf.Tensor],
    side: int,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Draws the motion of a photograph and returns its flow in a window.

    Args:
        blur: what to draw.
        size: `(height, width)` of the photograph, pixels.
        corner: `(top, left)` of the window, pixels.
        side: int, of the window, pixels.
        seed: int `(2,)`.

    Returns:
        float32 `(side, side, 2)`, pixels, of either sign.

    Source: as `flows.random_flow`, but for the ceiling: the extent of the whole photograph's
        field is looked at on a grid, and what still exceeds it inside the window is scaled down.
    """
    uniform = tf.random.stateless_uniform([8], tf.random.fold_in(seed, MOTION))
    motion = flows.motion_from_uniform(uniform, blur.law, blur.strength)
    height, width = (tf.cast(extent, tf.float32) for extent in size)
    top, left = (tf.cast(position, tf.float32) for position in corner)

    def field(columns: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        grid = columns, rows[:, tf.newaxis]
        return tf.stack(flows.motion_field(motion, *grid, height, width, blur.law), axis=-1)

    whole = field(tf.linspace(0.0, width - 1, _GRID), tf.linspace(0.0, height - 1, _GRID))
    _, factor = flows.fit_extent(whole, blur.limit)
    along = tf.range(side, dtype=tf.float32)
    flow, _ = flows.fit_extent(factor * field(left + along, top + along), blur.limit)
    return tf.round(flow) if blur.law == "gong2018" else flow


@tf.function(jit_compile=True)
def _blur(image: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    return apply_taps(image, flow)


def open_photographs(
    folder: str | Path,
    blur: RandomBlur,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    cache_bytes: int = CACHE_BYTES,
    white_level: str | int = "auto",
) -> BlurringSource:
    """Opens a folder of sharp photographs, with its subfolders, to be blurred on the fly.

    Args:
        folder: directory of image files.
        blur: what to draw for each sample.
        only, exclude: glob patterns on names, which are paths below the folder with "-" for
            "/" and without suffix.
        cache_bytes: int >= 0, memory that decoded photographs may take.
        white_level: which level of 16-bit files is white, see `FolderSource`.

    Raises:
        DataError: if there are none, they cannot be read, or the folder holds pairs.
    """
    found = photograph_pairs(folder, only, exclude)
    return BlurringSource(Photographs(found, cache_bytes, white_level), blur)


def photograph_pairs(
    folder: str | Path, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[Pair]:
    """Lists photographs in a folder and its subfolders, as pairs of the same file twice.

    Args:
        folder, only, exclude: see `open_photographs`.

    Raises:
        DataError: if there are none, or the folder holds pairs.
    """
    found = find_photographs(folder, recursive=True)
    refuse_pairs(folder, found, _PAIRS_MEANT)
    wanted = [p for p in found if image_name_wanted(p.stem, only, exclude)]
    if not wanted:
        raise DataError(
            f"No photograph of {folder} is left after `only` and `exclude`. Received: "
            f"only={list(only)}, exclude={list(exclude)}"
        )
    return [Pair(p.stem, p.path, p.path) for p in wanted]
