"""Photographs from disk to disk: seconds of reading and writing against an earlier build.

    git worktree add ../tfdeblur-before COMMIT
    python benchmarks/photographs.py --before ../tfdeblur-before
    python benchmarks/photographs.py --before ../tfdeblur-before --count 4 --size 800x600

A folder of JPEGs of 12 megapixels goes through `tfdeblur deblur` with a known flow of zeros, by
both builds in turn, each time in a process of its own: start, reading, the solver that has nothing
to do, and writing. With `--files-only` only the codecs run, within one process a build.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _common import before_and_now, finish, parser, size

BAR = 1.0  # of the earlier build's seconds

# Both builds know these names. Decodes and encodes every file that it is told.
FILES_ONLY = """
import sys
from pathlib import Path
from tfdeblur.image.codec import encode_image, read_image
for path in map(Path, sys.argv[2:]):
    try:
        image = read_image(path, with_metadata=True)
    except TypeError:
        image = read_image(path)
    (Path(sys.argv[1]) / path.name).write_bytes(encode_image(image.rgb, image, "jpeg"))
"""


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=3)
    made.set_defaults(warmups=1)
    made.add_argument(
        "--before", type=Path, metavar="DIR", required=True, help="checkout of the earlier build"
    )
    made.add_argument("--count", type=int, default=40, metavar="N", help="files (default: 40)")
    made.add_argument(
        "--size",
        type=size,
        default=(3000, 4000),
        metavar="WIDTHxHEIGHT",
        help="of each, pixels (default: 4000x3000)",
    )
    made.add_argument("--files-only", action="store_true", help="read and write, restore nothing")
    return made.parse_args()


def make_files(folder, count, extent):
    """JPEGs with edges, texture and grain, and a flow of zeros of their size."""
    import numpy as np
    from PIL import Image

    height, width = extent
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width].astype("float32")
    shapes = [np.sin(columns / k) * np.cos(rows / (k + 3)) > 0.2 for k in (9, 23, 61)]
    picture = 60 + 45 * np.stack(shapes, -1) + 12 * np.sin(columns / 2)[..., None]
    for number in range(count):
        grain = generator.normal(0, 4, (height, width, 1)).astype("float32")
        levels = np.clip(np.roll(picture, 17 * number, axis=1) + grain, 0, 255).astype("uint8")
        exif = Image.Exif()
        exif[0x010F], exif[0x0132] = "Maker", "2024:05:06 07:08:09"
        Image.fromarray(levels).save(folder / f"{number:03d}.jpg", quality=92, exif=exif)
    np.savez(folder.parent / "zeros.npz", flow=np.zeros((height, width, 2), "float32"))


def run_once(checkout, folder, output, files_only):
    """Processor seconds and seconds by the clock of one build, on all files."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    command = [sys.executable, "-m", "tfdeblur", "deblur", str(folder), "--out", str(output)]
    command += ["--known-flow", str(folder.parent / "zeros.npz")]
    if files_only:
        paths = sorted(map(str, folder.iterdir()))
        command = [sys.executable, "-c", FILES_ONLY, str(output), *paths]
    environment = os.environ | {"PYTHONPATH": os.fspath(checkout)}
    start, usage = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # Python looks into the folder that it runs in first, whatever PYTHONPATH says.
    done = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or len(list(output.iterdir())) != len(list(folder.iterdir())):
        sys.exit(f"{checkout} did not restore all files:\n{done.stderr[-2000:]}")
    spent = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    return spent, time.perf_counter() - start


def compare(arguments, folder, output):
    """Runs both builds in turn; prints and returns medians and ratios."""
    builds = {"before": arguments.before.resolve(), "now": Path(__file__).resolve().parents[1]}
    rounds = {name: [] for name in builds}
    for number in range(arguments.warmups + arguments.repeats):
        for name, checkout in builds.items():
            found = run_once(checkout, folder, output, arguments.files_only)
            if number >= arguments.warmups:
                rounds[name].append(found)
    return before_and_now(rounds, BAR, "s", 2)


def main():
    """Measures and prints."""
    arguments = read_arguments()
    height, width = arguments.size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        make_files(folder, arguments.count, arguments.size)
        what = "read and written" if arguments.files_only else "deblur --known-flow zeros"
        print(f"{arguments.count} JPEGs of {width}x{height}, {what}: now against before")
        finish(arguments, {"builds": compare(arguments, folder, Path(name) / "out")})


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
