"""Finds the blurred images and ground-truth frames of the benchmark of Köhler et al."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tfdeblur.errors import DataError
from tfds_builders.file_tree import FileTree

IMAGES, KERNELS = range(1, 5), range(1, 13)
_USUAL_FRAMES = 199
_OTHER_FRAMES = {
    (2, 11): 200,
    **dict.fromkeys([(1, 10), (1, 12), (2, 10), (3, 7), (3, 12), (4, 12)], 198),
}

# The names tell everything, so the folders around the files do not matter.
_BLURRED = re.compile(r"(?:.*/)?Blurry(\d+)_(\d+)\.png")
_FRAME = re.compile(r"(?:.*/)?GroundTruth(\d+)_(\d+)_(\d+)\.png")

File = tuple[FileTree, str]


@dataclass(frozen=True)
class Shot:
    """A blurred image and the sharp frames along its camera trajectory.

    Args:
        image: int 1..4.
        kernel: int 1..12, the camera trajectory.
        blurred: where the blurred image is.
        frames: where its frames are, by frame number 1..200, in order.
    """

    image: int
    kernel: int
    blurred: File
    frames: dict[int, File]

    @property
    def name(self) -> str:
        """The name of the blurred image, such as "Blurry1_3"."""
        return f"Blurry{self.image}_{self.kernel}"


def published_frames(image: int, kernel: int) -> int:
    """Returns how many ground-truth frames were published for a blurred image."""
    return _OTHER_FRAMES.get((image, kernel), _USUAL_FRAMES)


def find_shots(trees: Sequence[FileTree]) -> list[Shot]:
    """Lists what there is of the benchmark, by image, then trajectory.

    Raises:
        DataError: if there are no blurred images, or some have no frames at all.
    """
    from tfdeblur.data.folders import raise_problems

    blurred: dict[tuple[int, int], File] = {}
    frames: dict[tuple[int, int], dict[int, File]] = defaultdict(dict)
    for tree in trees:
        for name in tree.names:
            if match := _BLURRED.fullmatch(name):
                blurred[int(match[1]), int(match[2])] = tree, name
            elif match := _FRAME.fullmatch(name):
                frames[int(match[1]), int(match[2])][int(match[3])] = tree, name
    where = ", ".join(str(tree.path) for tree in trees)
    if not blurred:
        raise DataError(f"{where}: no blurred images named BlurryI_K.png. See the README.")
    raise_problems(
        f"{where}: not ready for use",
        [
            f"Blurry{i}_{k}.png has no ground truth: no file is named GroundTruth{i}_{k}_*.png"
            for i, k in sorted(blurred.keys() - frames.keys())
        ],
    )
    return [
        Shot(image, kernel, blurred[image, kernel], dict(sorted(frames[image, kernel].items())))
        for image, kernel in sorted(blurred)
    ]


def what_is_missing(shots: Sequence[Shot]) -> list[str]:
    """Compares with the published benchmark; returns one line for each fault, [] if complete."""
    found = {(shot.image, shot.kernel): shot.frames.keys() for shot in shots}
    faults = []
    for place in [(image, kernel) for image in IMAGES for kernel in KERNELS]:
        if place not in found:
            faults.append(f"Blurry{place[0]}_{place[1]}.png is missing")
            continue
        published = set(range(1, published_frames(*place) + 1))
        if missing := published - found[place]:
            faults.append(
                f"GroundTruth{place[0]}_{place[1]}_N.png: {len(missing)} of {len(published)} "
                f"frames are missing, N = {_ranges(missing)}"
            )
        if unknown := found[place] - published:
            faults.append(
                f"GroundTruth{place[0]}_{place[1]}_N.png: not published, N = {_ranges(unknown)}"
            )
    faults += [f"Blurry{i}_{k}.png was not published" for i, k in sorted(found) if _unknown(i, k)]
    return faults


def _unknown(image: int, kernel: int) -> bool:
    return image not in IMAGES or kernel not in KERNELS


def _ranges(numbers: set[int]) -> str:
    """Writes 1, 2, 3, 7 as "1-3, 7"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
