#!/usr/bin/env bash
# tifffile 2026.3.3 writes a picture of several one-bit channels (boolean, interleaved) without an
# error, and reads other bits back from its own file: about half of them agree. The same picture with
# one channel, or with a plane for each channel, comes back exactly. Seen with NumPy 2.4.4 and
# Python 3.11. Whoever stores masks of several classes this way should write a plane a class.
#
# Output seen:
#   one channel: 100 % of the bits come back
#   two planes: 100 % of the bits come back
#   two interleaved: 57 % of the bits come back
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tifffile==2026.3.3 numpy==2.4.4
cd "$folder"
venv/bin/python - <<'PY'
import numpy as np
import tifffile

print("tifffile", tifffile.__version__, "numpy", np.__version__)
bits = np.random.default_rng(0).integers(0, 2, (33, 47, 2)).astype(bool)
agree = {}
for name, picture, layout in (
    ("one channel", bits[..., 0], {}),
    ("two planes", np.moveaxis(bits, -1, 0), {"planarconfig": "separate"}),
    ("two interleaved", bits, {"planarconfig": "contig"}),
):
    tifffile.imwrite("masks.tif", picture, photometric="minisblack", **layout)
    found = tifffile.imread("masks.tif")
    assert found.shape == picture.shape and found.dtype == bool, (name, found.shape, found.dtype)
    agree[name] = float((found == picture).mean())
    print(f"{name}: {100 * agree[name]:.0f} % of the bits come back")
assert agree["one channel"] == agree["two planes"] == 1.0
assert 0.4 < agree["two interleaved"] < 0.7, "this has changed"
PY
