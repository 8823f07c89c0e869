#!/usr/bin/env bash
# PyAV 18.1.0 (libswscale 9.5.102, of FFmpeg 8.1): 16-bit RGB to yuv420p10le and back, as video of
# 10 bits is read and written. With bilinear interpolation and the flag for full chroma on the way
# (SWS_FULL_CHR_H_INT, 0x2000) the picture comes back as garbage, without a word; with the same flag
# and bicubic it is the best of all, and without the flag bilinear is right. 8-bit yuv420p is not
# concerned. Seen with NumPy 2.4.6 on a smooth picture of 96x64.
#
# Output seen (PSNR of the round trip):
#   yuv420p10le bilinear 52.0 dB, with full chroma 10.8 dB
#   yuv420p10le bicubic 52.2 dB, with full chroma 62.2 dB
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import av
import numpy as np

FULL_CHROMA = 0x2000
y, x = np.mgrid[:64, :96]
picture = np.round(np.stack([x / 95, y / 63, (x + y) / 158], -1) * 65535).astype(np.uint16)


def round_trip(middle, flags):
    frame = av.VideoFrame.from_ndarray(picture, format="rgb48le")
    frame = frame.reformat(format=middle, interpolation=flags)
    back = frame.reformat(format="rgb48le", interpolation=flags).to_ndarray()
    return 10 * np.log10(65535**2 / np.mean((back.astype(float) - picture) ** 2))


print("PyAV", av.__version__, "libswscale", av.library_versions["libswscale"])
found = {}
for middle in ("yuv420p10le", "yuv420p"):
    for name, flag in (("bilinear", 2), ("bicubic", 4)):
        found[middle, name] = plain, full = (
            round_trip(middle, flag),
            round_trip(middle, flag | FULL_CHROMA),
        )
        print(f"{middle} {name} {plain:.1f} dB, with full chroma {full:.1f} dB")
assert found["yuv420p10le", "bilinear"][0] > 45 and found["yuv420p10le", "bilinear"][1] < 15
assert min(found["yuv420p10le", "bicubic"]) > 45
assert min(found["yuv420p", "bilinear"] + found["yuv420p", "bicubic"]) > 30
PY
