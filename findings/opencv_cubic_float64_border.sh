#!/usr/bin/env bash
# OpenCV 5.0.0 (opencv-python-headless), cv2.remap and cv2.warpPerspective with INTER_CUBIC on a
# float64 image: wherever the 4x4 neighbourhood reaches over the edge, its values are cut to whole
# numbers before they are weighed, so pictures in [0, 1] get a black frame of one to two pixels.
# Inside, and everywhere as float32, results agree with the sum by hand to 1e-5; INTER_LINEAR and
# INTER_LANCZOS4 have no such frame. Seen with NumPy 2.4.6, Python 3.11, also for
# BORDER_REFLECT_101 and BORDER_REPLICATE. Convert to float32 before warping.
#
# Output seen:
#   by hand 160.3411 float32 160.3411 float64 159.5404 by hand of whole numbers 159.5404
#   in [0, 1]: 501 of 7200 pixels are exactly 0, all of them at the edge; as float32 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import cv2
import numpy as np

image = np.random.default_rng(0).random((90, 80)) + 1
rows, columns = np.mgrid[:90, :80].astype(np.float32)
maps = columns + np.float32(0.25), rows + np.float32(0.25)


def warped(picture):
    return cv2.remap(picture, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def weight(distance, a=-0.75):
    t = abs(distance)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    return near if t <= 1 else a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def by_hand(picture):
    """The result at the upper left pixel."""
    mirrored = np.pad(picture, 2, mode="symmetric")
    places = [(j, i) for j in range(-1, 3) for i in range(-1, 3)]
    return sum(mirrored[2 + j, 2 + i] * weight(0.25 - j) * weight(0.25 - i) for j, i in places)


picture = 100 * image
right, cut = by_hand(picture), by_hand(np.floor(picture))
single, double = warped(picture.astype(np.float32))[0, 0], warped(picture)[0, 0]
print("OpenCV", cv2.__version__)
print(f"by hand {right:.4f} float32 {single:.4f} float64 {double:.4f} by hand of whole numbers {cut:.4f}")
assert abs(right - single) < 1e-3 and abs(cut - double) < 1e-3 and abs(right - cut) > 0.1

dark = warped(image - 1) == 0
in_float32 = int((warped((image - 1).astype(np.float32)) == 0).sum())
print(f"in [0, 1]: {dark.sum()} of {dark.size} pixels are exactly 0, all of them at the edge; "
      f"as float32 {in_float32}")
assert dark.sum() == 501 and not dark[1:-2, 1:-2].any() and in_float32 == 0
PY
