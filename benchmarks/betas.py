"""Which betas suit a trained RP-GAN: deconvolution alone over beta, levels over schedules.

MODEL is the folder of a run, DATA pairs with their flows (`tfdeblur data synthesize`), best of
photographs that the model was not trained on. For the true and for the estimated flow it prints
the mean PSNR of deconvolution alone at each beta, and of every level of the model with each
schedule. A generator does best with the schedule that it was trained with: a better one is worth
training with, not only setting.

examples:
  python benchmarks/betas.py runs/rpgan synthetic/ --limit 10 --size 256
  python benchmarks/betas.py runs/rpgan synthetic/ --schedule 0.02,0.05,0.1 --schedule 0.1,0.2,0.4
"""

import argparse
import contextlib
import dataclasses
import statistics
import sys
import time
from pathlib import Path

from _common import finish

BETAS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
FLOWS = ("true", "estimated")


def schedule(text):
    """Reads "0.05,0.1,0.2"."""
    try:
        betas = tuple(float(part) for part in text.split(","))
    except ValueError:
        betas = ()
    if not betas or not all(0 < beta < float("inf") for beta in betas):
        raise argparse.ArgumentTypeError(f"must be numbers above 0 with commas, not {text!r}")
    return betas


def read_arguments():
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("model", metavar="MODEL", help="folder of a run of RP-GAN, or a preset")
    made.add_argument("data", metavar="DATA", help="folder with blur/, sharp/ and flow/")
    made.add_argument(
        "--betas",
        type=float,
        nargs="+",
        default=BETAS,
        metavar="B",
        help=f"of deconvolution alone (default: {' '.join(map(str, BETAS))})",
    )
    made.add_argument(
        "--schedule",
        type=schedule,
        action="append",
        default=[],
        metavar="B,B,...",
        help="betas of the levels; may be repeated (the model's own is always taken)",
    )
    made.add_argument("--split", help="of the data (default: all)")
    made.add_argument("--limit", type=int, metavar="N", help="images to take (default: all)")
    made.add_argument(
        "--size",
        type=int,
        default=0,
        metavar="PIXELS",
        help="take the middle of each image, at most PIXELS high and wide; 0: all (default: 0)",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")
    return made.parse_args()


def measure(case, restorers, betas):
    """PSNR of one image, dB: `(flow, "blurred" | beta | (schedule, level, kind))` -> value."""
    from tfdeblur.metrics import psnr_rgb_u8
    from tfdeblur.restorers.known_flow import KnownFlow

    def psnr(image):
        return float(psnr_rgb_u8(case.sharp, image)[0])

    first = next(iter(restorers.values()))
    flows = {"true": case.flow, "estimated": first(case.blurred).flow}
    found = {}
    for name, flow in flows.items():
        found[name, "blurred"] = psnr(case.blurred)
        solve = KnownFlow(rasterizer=first.settings.rasterizer)
        for beta in betas:
            solve.beta = beta  # the operator is built once
            found[name, beta] = psnr(solve(case.blurred, flow=flow).image)
        for betas_of_levels, restorer in restorers.items():
            for stage in restorer(case.blurred, flow=flow, keep_stages=True).stages:
                for kind in ("deconvolved", "restored"):
                    place = (betas_of_levels, stage.level, kind)
                    found[name, place] = psnr(getattr(stage, kind))
    return found


def show_alone(means, betas):
    """Prints deconvolution alone; returns JSON values."""
    print("deconvolution alone, mean PSNR in dB")
    print(f"  {'flow':<12}{'blurred':>9}" + "".join(f"{f'beta {beta:g}':>12}" for beta in betas))
    rows = []
    for name in FLOWS:
        values = [means[name, beta] for beta in betas]
        best = betas[values.index(max(values))]
        line = f"  {name:<12}{means[name, 'blurred']:9.2f}"
        print(line + "".join(f"{value:12.2f}" for value in values) + f"   best: {best:g}")
        rows.append({"flow": name, "betas": list(betas), "psnr": values, "best": best})
    return {"title": "deconvolution alone", "blurred": means["true", "blurred"], "rows": rows}


def show_schedules(means, schedules):
    """Prints every level of every schedule; returns JSON values."""
    print("levels, mean PSNR in dB: deconvolved > cleaned")
    rows = []
    for name in FLOWS:
        for betas in schedules:
            levels = [
                {k: means[name, (betas, n, k)] for k in ("deconvolved", "restored")}
                for n in range(1, len(betas) + 1)
                if (name, (betas, n, "restored")) in means
            ]
            text = "  ".join(f"{x['deconvolved']:6.2f} > {x['restored']:5.2f}" for x in levels)
            print(f"  {name:<12}{' '.join(f'{beta:g}' for beta in betas):<24}{text}")
            rows.append({"flow": name, "betas": list(betas), "levels": levels})
    return {"title": "schedules", "rows": rows}


def main():
    """Measures and prints."""
    arguments = read_arguments()
    from tfdeblur.errors import TfdeblurError
    from tfdeblur.evaluation.experiments.cases import find_cases
    from tfdeblur.restorers.blind.load import load_blind
    from tfdeblur.restorers.blind.restorer import BlindRestorer

    try:
        cases = find_cases(
            *(arguments.data, arguments.split, arguments.limit), size=arguments.size, flows=True
        )
        sen, generator, settings = load_blind(arguments.model)
    except TfdeblurError as error:
        raise SystemExit(f"betas.py: error: {error}") from error
    schedules = list(dict.fromkeys([tuple(settings.betas), *arguments.schedule]))
    restorers = {
        betas: BlindRestorer(sen, generator, dataclasses.replace(settings, betas=betas))
        for betas in schedules
    }
    found, start = [], time.perf_counter()
    with contextlib.suppress(KeyboardInterrupt):  # what is measured by then is printed
        for name, load in cases:
            found.append(measure(load(), restorers, arguments.betas))
            left = (time.perf_counter() - start) / len(found) * (len(cases) - len(found))
            print(f"{len(found)}/{len(cases)} {name}, {left:.0f} s left", file=sys.stderr)
    if not found:
        raise SystemExit("betas.py: nothing was measured.")
    keys = dict.fromkeys(key for one in found for key in one)  # unusable outputs have no levels
    means = {key: statistics.mean(one[key] for one in found if key in one) for key in keys}
    print(f"{arguments.model} on {len(found)} of {len(cases)} images of {arguments.data}")
    results = [show_alone(means, arguments.betas), show_schedules(means, schedules)]
    images = [
        {"name": n, "psnr": {str(k): v for k, v in f.items()}}
        for n, f in zip(cases.names, found, strict=False)
    ]
    finish(arguments, [*results, {"title": "images", "images": images}])


if __name__ == "__main__":
    main()
