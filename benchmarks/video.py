"""Videos: seconds of reading and writing against an earlier build, and what writing costs in dB.

    python benchmarks/video.py --before ../tfdeblur-before     # a checkout: git worktree add
    python benchmarks/video.py --codecs --frames 8             # what writing costs, all ways

A clip of 1280x720 is restored with a pointwise network (1x1 convolution), by both builds in turn,
each in a process of its own. Processor seconds count, as they hardly depend on what else runs.
The cost: the PSNR of a result of 30 dB against its truth falls by that much when it is written.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

from _common import before_and_now, finish, parser

BAR, COST_BAR = 0.8, 0.1  # of the earlier build's seconds; dB
HEIGHT, WIDTH = 720, 1280

# Both builds know one of these names. Restores when told to, and answers with seconds.
WORKER = """
import json, resource, sys, time
import keras, numpy as np
from tfdeblur.restorers.network import Restorer
try:  # as the command does
    from tfdeblur.cli.common import keep_freed_memory
    keep_freed_memory()
except ImportError:
    pass
try:
    from tfdeblur.files.video.restore import restore_video
except ImportError:
    from tfdeblur.files.video import restore_video
image = keras.Input((None, None, 3))
layer = keras.layers.Conv2D(3, 1)
network = keras.Model(image, layer(image))
layer.set_weights([1.01 * np.eye(3, dtype="float32")[None, None], np.zeros(3, "float32")])
restorer = Restorer(network)
for line in sys.stdin:
    source, output = json.loads(line)
    start, usage = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    frames = restore_video(restorer, source, output).frames
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    print(json.dumps([spent, time.perf_counter() - start, frames]), flush=True)
"""


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=5)
    made.add_argument("--before", type=Path, metavar="DIR", help="checkout of the earlier build")
    made.add_argument("--codecs", action="store_true", help="measure what each codec costs")
    made.add_argument("--clip", type=Path, metavar="FILE", help="a video (default: made here)")
    made.add_argument("--frames", type=int, default=60, help="of the clip made (default: 60)")
    return made.parse_args()


def make_clip(path, frames):
    """A camera that pans over a picture with edges, texture and grain."""
    import av
    import numpy as np

    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[: HEIGHT + 80, : WIDTH + 128].astype("float32")
    shapes = [np.sin(columns / k) * np.cos(rows / (k + 3)) > 0.2 for k in (9, 23, 61)]
    picture = 60 + 45 * np.stack(shapes, -1) + 12 * np.sin(columns / 2)[..., None]
    picture = picture + 40 * np.stack([rows / HEIGHT, columns / WIDTH, rows * 0], -1)
    with av.open(os.fspath(path), "w") as out:
        track = out.add_stream("libx264", rate=30, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
        track.options = {"crf": "20"}
        for number in range(frames):
            x, y = int(64 + 60 * math.sin(number / 9)), int(36 + 30 * math.cos(number / 7))
            cut = picture[y : y + HEIGHT, x : x + WIDTH]
            grain = generator.normal(0, 2, (HEIGHT, WIDTH, 1))
            image = np.clip(cut + grain, 0, 255).astype("uint8")
            out.mux(track.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(track.encode(None))


def worker(checkout):
    """A process that restores with the build of `checkout`."""
    environment = os.environ | {"PYTHONPATH": os.fspath(checkout)}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env=environment,
        cwd=checkout,  # Python looks there first, whatever PYTHONPATH says
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ask(process, clip, output):
    """Processor seconds, seconds by the clock, and frames."""
    process.stdin.write(json.dumps([os.fspath(clip), os.fspath(output)]) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def compare_builds(arguments, clip, folder):
    """Restores with both builds in turn; prints and returns medians and ratios."""
    builds = {"before": arguments.before.resolve(), "now": Path(__file__).resolve().parents[1]}
    processes = {name: worker(checkout) for name, checkout in builds.items()}
    rounds = {name: [] for name in builds}
    try:
        for number in range(arguments.warmups + arguments.repeats):
            for name, process in processes.items():
                found = ask(process, clip, folder / f"{name}.mp4")
                if number >= arguments.warmups:
                    rounds[name].append([value / found[2] * 1e3 for value in found[:2]])
    finally:
        for process in processes.values():
            process.stdin.close()
            process.wait()
    return before_and_now(rounds, BAR, "ms a frame", 1)


def ways():
    """What is measured: ending, codec, pixel format and whether samples cover the full range.

    Every codec in every container, then every kind of sample with every codec.
    """
    from tfdeblur.files.video.settings import CODECS, CONTAINERS

    for ending in CONTAINERS:
        for codec in (None, *CODECS):
            yield ending, codec, "yuv420p", False
    for pixels in ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le"):
        for codec in CODECS:
            for full in (False, True):
                if pixels != "yuv420p" or full:
                    yield ".mkv", codec, pixels, full
    for pixels in ("gray", "bgr0", "gbrp10le"):
        for codec in CODECS:
            yield ".mkv", codec, pixels, True


def measure_codecs(clip, folder, most):
    """What writing costs at each codec's default quality, of the clip's first `most` frames."""
    import av

    from tfdeblur.errors import InvalidInput
    from tfdeblur.files.video.restore import restore_video
    from tfdeblur.files.video.settings import VideoSettings
    from tfdeblur.restorers.protocol import Restored

    av.logging.set_level(None)
    results, refused = [], []
    for ending, codec, pixels, full in ways():
        source, output = folder / f"source-{pixels}-{full}.mkv", folder / f"out{ending}"
        if not source.exists():
            write_as(clip, source, pixels, full, most)
        range_ = "full" if full else "limited"
        name = f"{ending} {codec or 'default':<8}{pixels} {range_}"
        try:
            frames = restore_video(
                lambda image, progress=None: Restored(image), source, output, VideoSettings(codec)
            ).frames
        except InvalidInput:
            refused.append(name)
            continue
        error, kilobytes = mean_error(source, output), output.stat().st_size / frames / 1e3
        cost = 10 * math.log10(1 + error * 10**3)
        psnr = -10 * math.log10(error) if error else math.inf
        verdict = "met" if cost <= COST_BAR else "MISSED"
        print(
            f"  {name:<36}{psnr:6.2f} dB to what was handed over, {kilobytes:6.0f} kB a frame, "
            f"{cost:.3f} dB at 30 dB  bar {COST_BAR:g} dB: {verdict}",
            flush=True,
        )
        results.append(
            {"way": name, "psnr": psnr if error else None, "kilobytes": kilobytes, "cost": cost}
        )
    print(f"  refused in words: {', '.join(' '.join(one.split()) for one in refused)}")
    return {"written": results, "refused": refused}


def write_as(clip, path, pixels, full, most):
    """The first frames of the clip as FFV1, in another kind of samples."""
    import av

    with av.open(os.fspath(clip)) as file, av.open(os.fspath(path), "w") as out:
        track = file.streams.video[0]
        size = {"width": track.width, "height": track.height, "pix_fmt": pixels}
        copy = out.add_stream("ffv1", rate=30, **size)
        if not pixels.startswith(("gray", "bgr", "gbr")):
            copy.codec_context.color_range = 2 if full else 1
        for number, frame in enumerate(file.decode(track)):
            if number == most:
                break
            made = frame.reformat(format=pixels, dst_color_range=2 if full else 1)
            made.pts, made.time_base, made.pict_type = number, Fraction(1, 30), 0
            out.mux(copy.encode(made))
        out.mux(copy.encode(None))


def mean_error(one, other):
    """The mean squared error between the frames of two videos, of values in [0, 1]."""
    import av
    import numpy as np

    from tfdeblur.files.video.colour import Colour, ToRGB

    def frames_of(path):
        with av.open(os.fspath(path)) as file:
            to_rgb = None
            for frame in file.decode(video=0):
                to_rgb = to_rgb or ToRGB(Colour.of(frame))
                yield to_rgb(frame)

    return float(
        np.mean(
            [
                np.mean(((a.astype("float32") - b) / np.iinfo(a.dtype).max) ** 2)
                for a, b in zip(frames_of(one), frames_of(other), strict=True)
            ]
        )
    )


def main():
    """Measures and prints."""
    arguments = read_arguments()
    if arguments.before is None and not arguments.codecs:
        sys.exit("give --before DIR, --codecs, or both")
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = (arguments.clip or folder / "clip.mp4").resolve()
        if arguments.clip is None:
            make_clip(clip, arguments.frames)
        if arguments.before is not None:
            print(f"{WIDTH}x{HEIGHT}, pointwise network: restore_video, now against before")
            results["builds"] = compare_builds(arguments, clip, folder)
        if arguments.codecs:
            os.environ.setdefault("SVT_LOG", "1")
            print("writing, at each codec's default quality")
            results["codecs"] = measure_codecs(clip, folder, arguments.frames)
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
