#!/usr/bin/env bash
# PyAV 18.1.0 (its wheel's FFmpeg 8.1, libavcodec 62.28.102, with SVT-AV1), run as root as in most
# containers, on Linux: opening the encoder libsvtav1 makes the thread that opens it a real-time one of
# the highest priority (SCHED_FIFO 99), and it stays so after the file is closed; threads and
# processes that it starts later inherit it. libx264, libx265 and libvpx-vp9 leave it as it was. Not
# run as another user.
#
# Output seen as root:
#   libx264 SCHED_OTHER 0, libx265 SCHED_OTHER 0, libvpx-vp9 SCHED_OTHER 0, libsvtav1 SCHED_FIFO 99
#   a process started afterwards: SCHED_FIFO 99
set -euo pipefail
if [ "$(id -u)" != 0 ]; then
    echo "this was seen as root: run it so" >&2
    exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cd "$folder"
venv/bin/python - 2>/dev/null <<'PY'
import io
import os
import subprocess
import sys

import av
import numpy as np

NAMES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO"}
ASK = "import os; print(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)"


def scheduling():
    return NAMES[os.sched_getscheduler(0)], os.sched_getparam(0).sched_priority


def encode(codec):
    with av.open(io.BytesIO(), "w", format="matroska") as out:
        track = out.add_stream(codec, rate=25, width=64, height=64, pix_fmt="yuv420p")
        black = np.zeros((64, 64, 3), np.uint8)
        out.mux(track.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
        out.mux(track.encode(None))


print("PyAV", av.__version__, "libavcodec", av.library_versions["libavcodec"])
assert scheduling() == ("SCHED_OTHER", 0)
for codec in ("libx264", "libx265", "libvpx-vp9"):
    encode(codec)
    print(codec, *scheduling())
    assert scheduling() == ("SCHED_OTHER", 0)
encode("libsvtav1")
print("libsvtav1", *scheduling())
assert scheduling() == ("SCHED_FIFO", 99)
child = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
print("a process started afterwards:", child.stdout.strip())
assert child.stdout.split() == [str(int(os.SCHED_FIFO)), "99"]
PY
