"""Options of `tfdeblur request`, and its help."""

import argparse

from tfdeblur.cli.common import above_zero, add_common_arguments, at_least_one
from tfdeblur.cli.files.options import (
    add_beside_arguments,
    add_file_arguments,
    add_input_arguments,
    add_video_arguments,
)
from tfdeblur.cli.parser import Parser

DESCRIPTION = """\
Restores motion-blurred photographs and videos with a model that a service holds: TensorFlow
Serving, or `tfdeblur serve` on this machine. Reading and writing is done here, as by
`tfdeblur deblur`: files are written whole or not at all, a bad file is named with the reason and
the rest is done, and the same command again goes on where the last run stopped.
"""

EPILOG = """\
what travels (--payload):
  uint8   8-bit pixels; the quickest within a fast network. Chosen for 8-bit images.
  float   32-bit floats, four times as much; 16-bit images keep what 8 bits would lose. Chosen for
          them, for gray images, which are rounded once at the end, and with --flow.
  bytes   PNG, 8 bits; for links below 200 Mbit/s.
  Profile, EXIF, 16 bits, gray and transparency come back as from `tfdeblur deblur`.

large images:
  A model takes so many pixels at most (`tfdeblur export --max-pixels`). What it refuses for that
  is sent in tiles that overlap and are blended; --max-pixels N sends tiles at once. Models of one
  fixed size get tiles of that size. Models that look far, RP-GAN ones above all, restore tiles a
  little differently than the whole.

when calls fail:
  Where nothing answers, or the service is busy, a call is repeated (--retries) with growing
  pauses, within --timeout seconds. A service that stays away, or a model it does not have, ends
  the command; files that are finished are kept. --wait S waits for a service that is starting.

exit codes:
  0 all done, or done before; 2 usage; 3 a file is damaged or no image, or the model refuses it;
  4 a file is missing, or the service has no such model, version or signature; 6 the service is
  unreachable, busy, or too slow for --timeout; 1 anything unexpected; 130 interrupted.
  Of several, 1 wins, then 6, 3, 4.

examples:
  tfdeblur request photo.jpg --target localhost:8500 --out restored/
  tfdeblur request holiday/ --recursive --target gpu1:8500 --model deblur --out restored/ \\
      --concurrency 4
  tfdeblur request 'scans/*.tif' --target localhost:8500 --out restored/ --label stable --json
  tfdeblur request photo.jpg --target localhost:8500 --model rpgan --out restored/ --flow
  tfdeblur request huge.png --target far.example.org:443 --tls --payload bytes --out restored/ \\
      --max-pixels 1000000 --timeout 300
"""


def add_arguments(parser: Parser) -> None:
    """Adds all arguments of the command."""
    add_input_arguments(parser)
    _add_service_arguments(parser)
    _add_call_arguments(parser)
    add_beside_arguments(parser, motion_of="of RP-GAN models: ")
    add_file_arguments(parser)
    add_video_arguments(parser)
    parser.described = ("--target", "--model", "--wait")
    add_common_arguments(parser)


def _add_service_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("service")
    group.add_argument(
        "--target",
        required=True,
        metavar="HOST:PORT",
        help="its gRPC port, usually 8500; or unix:PATH",
    )
    group.add_argument(
        "--model",
        default="deblur",
        metavar="NAME",
        help="name of the model there (default: deblur)",
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        "--model-version",
        type=at_least_one,
        metavar="V",
        help="version of the model (default: the newest that is loaded)",
    )
    which.add_argument("--label", metavar="NAME", help="version of the model, by its label")
    group.add_argument("--tls", action="store_true", help="the service is behind TLS")
    group.add_argument(
        "--tls-ca",
        metavar="FILE",
        help="PEM, who signed its certificate (default: whom gRPC trusts); implies --tls",
    )
    group.add_argument(
        "--tls-certificate", metavar="FILE", help="PEM, certificate of this client; implies --tls"
    )
    group.add_argument("--tls-key", metavar="FILE", help="PEM, key of that certificate")


def _add_call_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("calls")
    group.add_argument(
        "--payload",
        choices=("auto", "uint8", "float", "bytes"),
        default="auto",
        help="how images travel (default: auto)",
    )
    group.add_argument(
        "--max-pixels",
        type=at_least_one,
        metavar="N",
        help="send larger images in tiles of at most N pixels (default: as the model accepts)",
    )
    group.add_argument(
        "--concurrency",
        type=at_least_one,
        default=2,
        metavar="N",
        help="files under way at a time, and tiles of each (default: 2)",
    )
    group.add_argument(
        "--timeout",
        type=above_zero,
        default=60.0,
        metavar="S",
        help="seconds until a call is given up; each tile is a call (default: 60)",
    )
    group.add_argument(
        "--retries",
        type=_from_zero,
        default=4,
        metavar="N",
        help="how often a call is repeated where nothing answers or all is busy (default: 4)",
    )
    group.add_argument(
        "--wait", type=above_zero, metavar="S", help="wait up to S seconds for the model to load"
    )


def _from_zero(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, not {value}")
    return value
