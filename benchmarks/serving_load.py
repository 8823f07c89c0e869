"""A service under callers who do not wait for each other: goodput and latency by offered load.

Requests arrive at random (Poisson), whether or not those before them were answered, as from many
strangers, with images of the sizes that people send (a mix). First so many callers as run at a
time find out what the service can bear; then shares of that rate are offered, up to twice of it.
Goodput counts answers within the deadline that have the right pixels. Beyond the knee a service
should go on answering as much as it can, refuse the rest at once, and let no answer be wrong.
"""

import argparse
import tempfile
from pathlib import Path

from _common import add_network_arguments, describe, finish, make_network, parser, size
from _open_loop import MIX, MODEL, Callers
from _serving import Service

BAR_GOODPUT = 0.9  # of the largest, at the highest load
_REPORTED = (50, 95, 99)


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    add_network_arguments(made)
    made.add_argument("--seconds", type=float, default=30.0, help="of each load (default: 30)")
    made.add_argument(
        "--loads",
        type=float,
        nargs="+",
        default=[0.5, 0.8, 1.0, 1.5, 2.0],
        metavar="SHARE",
        help="of what the service bears (default: 0.5 0.8 1 1.5 2)",
    )
    made.add_argument(
        "--deadline", type=float, default=5.0, help="seconds that callers wait (default: 5)"
    )
    made.add_argument("--calls", type=int, default=40, help="that find the rate (default: 40)")
    made.add_argument(
        "--size", type=size, metavar="WIDTHxHEIGHT", help="one size instead of the mix"
    )
    made.add_argument("--serve-option", action="append", default=[], help=argparse.SUPPRESS)
    return made.parse_args()


def report(share, offered, seen, seconds, service):
    """Prints a line, and returns its numbers."""
    good = sorted(seen.good)
    goodput = len(good) / seconds
    latency = {f"p{p}": good[min(len(good) - 1, len(good) * p // 100)] for p in _REPORTED if good}
    others = {code: count for code, count in seen.codes.items() if code != "OK"}
    line = f"  {share:4.2f}x: offered {offered / seconds:6.2f}/s   goodput {goodput:6.2f}/s   "
    line += "  ".join(f"{name} {value:.2f} s" for name, value in latency.items())
    line += f"   {others or 'none refused'}   service {service.resident_bytes() / 1e6:.0f} MB"
    print(line + (f"   {seen.wrong} WRONG" if seen.wrong else ""), flush=True)
    return {
        **{"share": share, "offered": offered / seconds, "goodput": goodput, "latency": latency},
        **{"codes": dict(seen.codes), "wrong": seen.wrong, "bytes": service.resident_bytes()},
    }


def main():
    """Measures and prints."""
    arguments = read_arguments()
    from export.graph.saved_model import export_model

    mix = MIX if arguments.size is None else ((arguments.size, 1.0),)
    with tempfile.TemporaryDirectory() as root:
        export_model(make_network(arguments), root, MODEL)
        with Service(Path(root), *arguments.serve_option) as service:
            callers = Callers(service.target, arguments.deadline, mix)
            bears = callers.closed_loop(2, arguments.calls)
            print(f"{describe(arguments)}: two callers in turn: {bears:.2f} a second")
            found = [
                report(share, calls, seen, seconds, service)
                for number, share in enumerate(sorted(arguments.loads))
                for seen, calls, seconds in [
                    callers.open_loop(share * bears, arguments.seconds, number)
                ]
            ]
    best = max(row["goodput"] for row in found)
    kept = found[-1]["goodput"] / best if best else 0.0
    verdict = "met" if kept >= BAR_GOODPUT else "missed"
    wrong = sum(row["wrong"] for row in found)
    print(
        f"at {found[-1]['share']:g}x: {kept:.2f}x of the largest goodput "
        f"(bar {BAR_GOODPUT:g}x: {verdict}); {wrong} wrong answers"
    )
    finish(arguments, [{"title": "open loop", "bears": bears, "loads": found}])


if __name__ == "__main__":
    main()
