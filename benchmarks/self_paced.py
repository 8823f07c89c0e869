"""Self-paced weights as the paper has them, rescaled (`normalise_pace`), and none, side by side.

Trains the same narrow network three times on the same stream of crops and prints, per epoch, the
mean weight v and the validation PSNR. By the paper's Eqn 10 the weights fade towards the last
epoch T; this shows how much, and what it costs or gains.
"""

import csv
import tempfile
from pathlib import Path

from _common import parser

RUNS = {
    "none (1-BS)": {"loss.scheme": "1-BS"},
    "paper (S1-BS)": {"loss.scheme": "S1-BS"},
    "normalised": {"loss.scheme": "S1-BS", "loss.normalise_pace": True},
}


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=1)
    made.add_argument("--data", default="demo/pairs", help="pairs in train/ and test/")
    made.add_argument("--epochs", type=int, default=6, metavar="T", help="(default: 6)")
    made.add_argument("--steps", type=int, default=100, help="per epoch (default: 100)")
    return made.parse_args()


def train(settings, arguments, folder):
    """Trains one run and returns its history, a dict per epoch."""
    from tfdeblur.config import override
    from tfdeblur.presets import preset
    from tfdeblur.training.run import train as run

    common = {
        "data.train": arguments.data,
        "run.epochs": arguments.epochs,
        "run.steps_per_epoch": arguments.steps,
        "run.panel_every": 0,
        "optimizer.warmup_steps": 20,
        "optimizer.ema": 0.9,
    }
    run(override(preset("demo"), common | settings), folder, verbose=0)
    with open(folder / "history.csv", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def main():
    """Trains the runs one after the other and prints their tables."""
    arguments = read_arguments()
    histories = {}
    with tempfile.TemporaryDirectory() as scratch:
        for i, (name, settings) in enumerate(RUNS.items()):
            histories[name] = train(settings, arguments, Path(scratch) / str(i))
            print(f"\n{name}: epoch, mean weight, validation PSNR")
            for row in histories[name]:
                print(f"  {int(row['epoch']) + 1:3d}  v {row['v']:.3f}  {row['val_psnr']:.3f} dB")
    if arguments.json:
        import json

        arguments.json.write_text(json.dumps(histories, indent=2) + "\n")


if __name__ == "__main__":
    main()
