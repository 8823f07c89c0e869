"""Tiny data sets for the tests of the builders, drawn here: no real image is among them.

`python -m tests.tfds_builders.makers` writes the dummy data that lie beside the builders.
"""

import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np

from tests.helpers import picture

BUILDERS = Path(__file__).parents[2] / "tfds_builders"
GOPRO_TRAIN, GOPRO_TEST = "GOPR0372_07_00", "GOPR0384_11_00"
KOHLER_ARCHIVES = ["BlurryImages.zip", *(f"GroundTruth_pngs_Image{i}.zip" for i in range(1, 5))]


def drawing(height=16, width=24, seed=0):
    """A smooth picture of 8 bits, none like another seed's."""
    return np.round(picture(height, width, seed=seed) * 255).astype(np.uint8)


def encoded(pixels, suffix=".png"):
    done, data = cv2.imencode(suffix, pixels[..., ::-1])
    assert done
    return data.tobytes()


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(pixels, path.suffix))
    return path


def write_gopro(folder, roles=("blur", "blur_gamma", "sharp")):
    """GOPRO's own layout: frames 1 and 2 of a training video, frame 1 of a test video."""
    frames = [("train", GOPRO_TRAIN, 1), ("train", GOPRO_TRAIN, 2), ("test", GOPRO_TEST, 1)]
    for i, (split, sequence, number) in enumerate(frames):
        for j, role in enumerate(roles):
            path = folder / split / sequence / role / f"{number:06d}.png"
            write(path, drawing(seed=10 * i + j))
    return folder


def write_flat(folder, blur="input", sharp="target"):
    """The repacks' layout, of the same frames as `write_gopro`."""
    frames = [("train", GOPRO_TRAIN, 1), ("train", GOPRO_TRAIN, 2), ("test", GOPRO_TEST, 1)]
    for i, (split, sequence, number) in enumerate(frames):
        for j, role in enumerate((blur, sharp)):
            write(folder / split / role / f"{sequence}-{number:06d}.png", drawing(seed=10 * i + j))
    return folder


def write_kohler(folder, frames=3):
    """Two blurred images, unpacked, with the first few of their frames."""
    for i, (image, kernel) in enumerate([(1, 1), (4, 12)]):
        write(folder / f"Blurry{image}_{kernel}.png", drawing(16, 16, seed=100 * i))
        for f in range(1, frames + 1):
            name = f"Image{image}/Kernel{kernel}/GroundTruth{image}_{kernel}_{f}.png"
            write(folder / name, drawing(16, 16, seed=100 * i + f))
    return folder


def write_kohler_archives(folder, counts):
    """The five archives with `counts[image, kernel]` frames each of 2x2 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = [encoded(np.full((2, 2, 3), level, np.uint8)) for level in range(256)]
    with zipfile.ZipFile(folder / KOHLER_ARCHIVES[0], "w") as archive:
        for image, kernel in counts:
            archive.writestr(f"Blurry{image}_{kernel}.png", flat[10 * image + kernel])
    for image in range(1, 5):
        with zipfile.ZipFile(folder / KOHLER_ARCHIVES[image], "w") as archive:
            for (i, kernel), count in counts.items():
                for f in range(1, count + 1) if i == image else ():
                    name = f"Image{i}/Kernel{kernel}/GroundTruth{i}_{kernel}_{f}.png"
                    archive.writestr(name, flat[f])
    return folder


def write_photographs(folder, count=3, height=64, width=72):
    for i in range(count):
        write(folder / f"photo-{i}.jpg", drawing(height, width, seed=i))
    return folder


def write_pairs(folder):
    """Two training pairs and a test pair; the blurred ones are PNG, the sharp ones JPEG."""
    for i, (split, name) in enumerate([("train", "a"), ("train", "b"), ("test", "c")]):
        write(folder / split / "blur" / f"{name}.png", drawing(seed=2 * i))
        write(folder / split / "sharp" / f"{name}.jpg", drawing(seed=2 * i + 1))
    return folder


def zipped(folder, archive):
    """Packs a folder, its own name left out."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*.*")):
            packed.write(path, path.relative_to(folder))
    return archive


def write_dummy_data(folder):
    """All dummy data: what lies in `tfds_builders/*/dummy_data`."""
    write_gopro(folder / "gopro_large" / "dummy_data" / "GOPRO_Large")
    write_kohler(folder / "kohler" / "dummy_data" / "kohler")
    write_photographs(folder / "motion_flow" / "dummy_data" / "motion_flow")
    write_pairs(folder / "image_pairs" / "dummy_data" / "image_pairs")


if __name__ == "__main__":
    for builder in BUILDERS.iterdir():
        shutil.rmtree(builder / "dummy_data", ignore_errors=True)
    write_dummy_data(BUILDERS)
