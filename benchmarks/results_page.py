"""How fast the page of `tfdeblur evaluate --outputs --html` opens from disk in Chromium.

A page of --rows made-up images of two systems is written with its pictures, and opened in a
headless Chromium that is started anew each time, so that nothing is cached. Seconds from the start
of the navigation:

  first rows   the first screen of the table is in the page
  load event   everything that is shown is there, pictures included
  all rows     the table is complete
  sorted       a click on the head of a column has sorted the table: the page answers. Measured from
               outside, with the way to the browser and back

Needs playwright and Chromium (on the path, or --chromium).
"""

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from _common import finish, parser, size

BAR_SECONDS, BAR_BYTES = 2.0, 3_000_000
SYSTEMS = ("ours", "theirs")

# Notes when rows appear, from within the page: waiting for them from outside would round up.
WATCH = """
window.seen = {};
new MutationObserver(() => {
  const count = document.querySelectorAll("#images tbody tr").length;
  if (count) window.seen.first ??= performance.now() / 1000;
  if (count === ROWS) window.seen.all ??= performance.now() / 1000;
}).observe(document, { childList: true, subtree: true });
"""
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
FIRST_NAME = "document.querySelector('#images tbody td').textContent"


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    made.set_defaults(warmups=1)
    made.add_argument("--rows", type=int, default=1111, metavar="N", help="(default: 1111)")
    made.add_argument(
        "--size",
        type=size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="of the pictures, pixels (default: 1280x720)",
    )
    made.add_argument("--chromium", metavar="FILE", help="the browser (default: on the path)")
    return made.parse_args()


def write_page(path, rows, height, width):
    """Writes the page and its pictures; returns its size in bytes."""
    from tfdeblur.evaluation.outputs.comparison import Comparison, ImageResult
    from tfdeblur.evaluation.outputs.protocols import PROTOCOLS
    from tfdeblur.evaluation.page.write import page_text

    protocol = PROTOCOLS["gopro"]
    found = Comparison("pairs", "test", protocol, {name: f"{name}/" for name in SYSTEMS}, rows)
    places, pictures = write_pictures(path, rows, height, width)
    for i in range(rows):
        gains = dict(zip(("blurred", *SYSTEMS), (0, i % 7 + i / 9973, i / 9973 - 1), strict=True))
        values = {
            name: {
                metric: 20 + i % 13 + gain if "psnr" in metric else 0.5 + gain / 100
                for metric in protocol.metrics
            }
            for name, gain in gains.items()
        }
        name = f"GOPR{i // 100:04d}_11_00-{i:06d}"
        found.images.append(ImageResult(name, height, width, values, {}, places, pictures[i]))
    path.write_text(page_text(found, path), encoding="utf-8")
    return path.stat().st_size


def write_pictures(path, rows, height, width):
    """Writes the pictures of one image, and links those of the others to them.

    Returns:
        Places of its errors by system, and for each row the file of each kind of picture.
    """
    import cv2
    import numpy as np

    from tfdeblur.evaluation.outputs.systems import Output
    from tfdeblur.evaluation.page.pictures import PagePictures
    from tfdeblur.evaluation.page.places import folder_of, picture_name

    coarse = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    sharp = cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    results = {
        name: Output(cv2.blur(sharp, (k, k))) for name, k in zip(SYSTEMS, (3, 5), strict=True)
    }
    places, first = PagePictures(path, SYSTEMS)(0, sharp, cv2.blur(sharp, (9, 9)), results)
    folder, pictures = path.parent / folder_of(path), [first]
    for i in range(1, rows):
        pictures.append({kind: picture_name(i, kind) for kind in first})
        for kind, name in pictures[-1].items():
            os.link(folder / first[kind], folder / name)
    return places, pictures


def open_page(playwright, chromium, path, rows):
    """Opens the page in a browser of its own; seconds of each step, and what went wrong."""
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    try:
        tab, errors = browser.new_page(), []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("requestfailed", lambda request: errors.append(request.url))
        tab.add_init_script(WATCH.replace("ROWS", str(rows)))
        start = time.perf_counter()
        tab.goto(path.as_uri())
        before = tab.evaluate(FIRST_NAME)
        tab.evaluate("document.querySelectorAll('#images thead button')[2].click()")
        tab.wait_for_function(f"{FIRST_NAME} !== {before!r}")
        answered = time.perf_counter() - start
        tab.wait_for_function("window.seen.all")
        seen = tab.evaluate("window.seen")
        steps = {"first rows": seen["first"], "load event": tab.evaluate(LOADED)}
        return steps | {"all rows": seen["all"], "sorted": answered}, errors
    finally:
        browser.close()


def report(rounds, page_bytes):
    """Prints medians and bars; returns JSON values."""
    for name in rounds[0]:
        seconds = [one[name] for one in rounds]
        middle = statistics.median(seconds)
        verdict = "met" if middle < BAR_SECONDS else "missed"
        print(
            f"  {name:<12}{middle:7.2f} s  (rounds: {min(seconds):.2f} to {max(seconds):.2f})"
            f"  bar {BAR_SECONDS:g} s: {verdict}"
        )
    verdict = "met" if page_bytes < BAR_BYTES else "missed"
    print(f"  {'size':<12}{page_bytes / 1e6:7.2f} MB  bar {BAR_BYTES / 1e6:g} MB: {verdict}")
    return {"rounds": rounds, "page_bytes": page_bytes}


def main():
    """Measures and prints."""
    arguments = read_arguments()
    chromium = arguments.chromium or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium is on the path: name one with --chromium")
    from playwright.sync_api import sync_playwright

    height, width = arguments.size
    rounds, errors = [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        page_bytes = write_page(path, arguments.rows, height, width)
        for _ in range(arguments.warmups + arguments.repeats):
            steps, wrong = open_page(playwright, chromium, path, arguments.rows)
            rounds.append(steps)
            errors += wrong
    print(f"a page of {arguments.rows} rows, pictures of {width}x{height}, opened from disk")
    for error in dict.fromkeys(errors):
        print(f"  the page reported: {error}")
    finish(arguments, [report(rounds[arguments.warmups :], page_bytes) | {"errors": errors}])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
