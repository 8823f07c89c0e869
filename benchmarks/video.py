"""Videos: seconds of reading and writing against an earlier build, and what writing costs in dB.

    python benchmarks/video.py --before ../tfdeblur-before     # a checkout: git worktree add
    python benchmarks/video.py --codecs                        # cost of each codec's default

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
from statistics import median

from _common import finish, parser

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
    builds = {"before": arguments.before, "now": Path(__file__).parents[1]}
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
    result = {"rounds": rounds}
    for place, kind in enumerate(("processor", "clock")):
        before, now = (median(one[place] for one in rounds[name]) for name in builds)
        ratios = [b[place] / a[place] for a, b in zip(rounds["before"], rounds["now"], strict=True)]
        result[kind] = {"before": before, "now": now, "ratio": median(ratios)}
        verdict = "met" if median(ratios) <= BAR else "missed"
        print(
            f"  {kind:<10} {before:6.1f} -> {now:6.1f} ms a frame  {median(ratios):.3f}x "
            f"(rounds: {min(ratios):.3f} to {max(ratios):.3f})  bar {BAR:g}x: {verdict}"
        )
    return result


def measure_codecs(clip, folder):
    """What writing costs with each codec's default quality."""
    import av
    import numpy as np

    from tfdeblur.files.video.colour import Colour, ToRGB
    from tfdeblur.files.video.restore import restore_video
    from tfdeblur.files.video.settings import VideoSettings
    from tfdeblur.restorers.protocol import Restored

    def frames_of(path):
        with av.open(os.fspath(path)) as file:
            to_rgb = None
            for frame in file.decode(video=0):
                to_rgb = to_rgb or ToRGB(Colour.of(frame))
                yield to_rgb(frame)

    results = {}
    ways = [("h264", ".mp4"), ("hevc", ".mp4"), ("vp9", ".webm"), ("av1", ".mp4")]
    for codec, ending in [*ways, ("mjpeg", ".avi"), ("ffv1", ".mkv")]:
        source = folder / f"source{ending}"
        remux(clip, source, codec)
        output = folder / f"{codec}{ending}"
        frames = restore_video(
            lambda image, progress=None: Restored(image), source, output, VideoSettings(codec)
        ).frames
        errors = [
            np.mean((one.astype("float32") - other) ** 2)
            for one, other in zip(frames_of(source), frames_of(output), strict=True)
        ]
        error, allowed = float(np.mean(errors)), 255**2 / 10**3
        cost = 10 * math.log10(1 + error / allowed)
        psnr = 10 * math.log10(255**2 / error) if error else math.inf
        size = output.stat().st_size / frames / 1e3
        verdict = "met" if cost <= COST_BAR else "missed"
        print(
            f"  {codec:<6}{psnr:6.2f} dB to what was handed over, {size:6.0f} kB a frame, "
            f"{cost:.3f} dB at 30 dB  bar {COST_BAR:g} dB: {verdict}",
            flush=True,
        )
        results[codec] = {"psnr": None if error == 0 else psnr, "kilobytes": size, "cost": cost}
    return results


def remux(clip, path, codec):
    """The clip in another container, or anew where that cannot hold it."""
    import av

    with av.open(os.fspath(clip)) as file, av.open(os.fspath(path), "w") as out:
        track = file.streams.video[0]
        if path.suffix in (".mp4", ".mkv"):
            copy = out.add_stream_from_template(track, opaque=True)
            for packet in file.demux(track):
                if packet.size:
                    packet.stream = copy
                    out.mux(packet)
            return
        name = {"vp9": "libvpx", "mjpeg": "ffv1"}[codec]
        size = {"width": track.width, "height": track.height, "pix_fmt": "yuv420p"}
        copy = out.add_stream(name, rate=30, **size)
        copy.options = {"b": "20M", "deadline": "realtime"} if name == "libvpx" else {}
        for number, frame in enumerate(file.decode(track)):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 30), 0
            out.mux(copy.encode(frame))
        out.mux(copy.encode(None))


def main():
    """Measures and prints."""
    arguments = read_arguments()
    if arguments.before is None and not arguments.codecs:
        sys.exit("give --before DIR, --codecs, or both")
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = arguments.clip or folder / "clip.mp4"
        if arguments.clip is None:
            make_clip(clip, arguments.frames)
        if arguments.before is not None:
            print(f"{WIDTH}x{HEIGHT}, pointwise network: restore_video, now against before")
            results["builds"] = compare_builds(arguments, clip, folder)
        if arguments.codecs:
            os.environ.setdefault("SVT_LOG", "1")
            print("writing, at each codec's default quality")
            results["codecs"] = measure_codecs(clip, folder)
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
