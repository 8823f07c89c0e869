"""`make fuzz`: damaged files and requests, many of them, within bounds of time and memory."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import run
from tests.fuzz.service import fuzz_service
from tests.fuzz.targets import all_targets


def main() -> int:
    """Returns 1 where a fault was found; what caused it lies in `--out`."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=600, help="inputs a target (default: 600)")
    parser.add_argument("--calls", type=int, default=20_000, help="of the service (default: 20000)")
    parser.add_argument("--callers", type=int, default=32, help="at a time (default: 32)")
    parser.add_argument("--seed", type=int, default=0, help="other inputs (default: 0)")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="targets; `service` is one")
    parser.add_argument("--out", type=Path, default=Path("fuzz-out"), help="for what is found")
    arguments = parser.parse_args()
    found = 0
    for target in all_targets():
        if arguments.only and target.name not in arguments.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            faults, refused, worst = run(target, arguments.count, arguments.seed, Path(folder))
        print(
            f"{target.name}: {arguments.count} inputs, {refused} refused, {len(faults)} faults; "
            f"at most {worst.seconds:.2f} s and {worst.size / 1e6:.0f} MB for one",
            flush=True,
        )
        for fault in faults:
            print(f"  {fault.write(arguments.out)}: {fault.what.strip().splitlines()[-1]}")
        found += len(faults)
    if not arguments.only or "service" in arguments.only:
        report = fuzz_service(arguments.calls, arguments.callers, arguments.seed)
        print(report.text())
        found += len(report.faults)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
