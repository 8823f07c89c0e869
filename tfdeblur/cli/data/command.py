"""`tfdeblur data`: makes pairs of photographs and frames, damages, checks and shows them."""

from typing import Any

from tfdeblur.cli.data import average as data_average
from tfdeblur.cli.data import build as data_build
from tfdeblur.cli.data import check as data_check
from tfdeblur.cli.data import degrade as data_degrade
from tfdeblur.cli.data import sheet as data_sheet
from tfdeblur.cli.data import synthesize as data_synthesize
from tfdeblur.cli.subcommands import add_subcommands

EPILOG = """\
examples:
  tfdeblur data synthesize photos/ --out pairs/ --max-extent 23 --per-image 10 --test-images 20
  tfdeblur data average frames/ --out pairs/ --count 7
  tfdeblur data degrade pairs/ --out noisy/ --noise 0.02
  tfdeblur data build gopro_large --manual-dir downloads/
  tfdeblur data check pairs/ --against validation/
  tfdeblur data sheet photos/ --out sheet.png
  tfdeblur data synthesize --help
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data`."""
    kinds = add_subcommands(
        commands,
        "data",
        short="make training data, and check it: blur photographs, average frames, build TFDS sets",
        description="Make training data, and check it.",
        epilog=EPILOG,
        metavar="COMMAND",
        what="what to make:",
    )
    for module in (data_synthesize, data_average, data_degrade, data_build, data_check, data_sheet):
        module.add_parser(kinds)
