"""`tfdeblur export`: a trained model as a version that TensorFlow Serving takes up."""

import argparse
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tfdeblur.cli.common import (
    add_common_arguments,
    at_least_one,
    load_tensorflow,
    read_settings,
)
from tfdeblur.cli.restoring import add_model_argument, refused, restoring_options, settled
from tfdeblur.errors import EXIT_DONE, DataError, InvalidInput
from tfdeblur.restorers.open import kind_of, open_restorer
from tfdeblur.restorers.options import OptionRefused, RestoringOptions

DESCRIPTION = """\
Writes a model as DIR/NAME/VERSION for TensorFlow Serving, with the files of the server's set-up
beside it. Everything that `tfdeblur deblur` does to an image is in the graph: clients send an
image of any size and get it back restored.

A version is written under a name that no server takes up, loaded and run as TensorFlow Serving
does, and renamed only then: a server that watches DIR never meets half of one. Versions are never
overwritten; without --version the next free number is taken.
"""

EPILOG = """\
what is written:
  DIR/NAME/VERSION/         the graph, the weights (once), warm-up records, and
                            assets.extra/tfdeblur_export.json: what it was made of
  DIR/models.config         which models a server loads; NAME is added
  DIR/docker-compose.yml    TensorFlow Serving for it, on a GPU or without
  DIR/monitoring.config, DIR/batching_parameters.txt, DIR/README.md
  The files in DIR itself are written where they are missing; yours are left as they are.

signatures:
  serving_default  image float32 (n, h, w, 3) in [0, 1]  ->  restored
  serving_uint8    image_u8 uint8 (n, h, w, 3)           ->  restored_u8; fastest for arrays
  serving_bytes    image_bytes (n), PNG or JPEG          ->  restored_bytes, PNG
  serving_flow     image, as above; of RP-GAN            ->  restored, flow, confidence, score

memory:
  Networks that mix over the whole picture (MAXIM) are cut into tiles within the graph, the same
  as `tfdeblur deblur` takes, which gives the same pixels and keeps memory to that of one tile.
  Others see whole images: a megapixel takes Bi-Skip at full width 0.9 GB. Requests of more than
  --max-pixels are refused before anything is computed (INVALID_ARGUMENT). The default is
  3840x2160, or what 8 GB hold of a network without tiles; `tfdeblur request` cuts larger images.

first requests:
  The first one to each signature waits until TensorFlow has optimised its graph, of an RP-GAN for
  seconds; on a GPU the first image of each size is slow as well. --warmup names sizes that the
  server shall try before a version is available.

batches:
  Requests can be joined to batches only if all images have one size: --fixed-tile 512 writes a
  second model, NAME_tile, for images of 512x512, to be started with TFS_BATCHING=true.

exit codes:
  0 done; 2 usage; 3 a bad argument, or the version exists; 4 the model is missing or damaged, or
  DIR cannot be written (disk full); 1 the written model failed its check; 130 interrupted.
  In all cases but 0, nothing of the version is left.

examples:
  tfdeblur export --root served/                                     the preset that is shipped
  tfdeblur export --model runs/first --root served/
  tfdeblur export --model runs/rpgan --root served/ --name blind --passes 2
  tfdeblur export --model best.keras --root served/ --warmup 1280x720 --warmup 1920x1080
  tfdeblur export --model runs/first --root served/ --fixed-tile 512 --max-pixels 2000000
  docker compose --project-directory served --profile gpu up         serve it
  tfdeblur serve --model_base_path served/deblur --model_name deblur     without Docker
"""


@dataclass(frozen=True)
class ExportSettings:
    """What `tfdeblur export` is to do.

    Attributes:
        model: name or path.
        options: how to restore, fixed in the graph.
        root, name, version, max_pixels, warmup, fixed_tile: as `export_model` takes them.
        verbose: whether to log details.
    """

    model: str
    options: RestoringOptions
    root: str
    name: str
    version: int | None
    max_pixels: int | None
    warmup: tuple[tuple[int, int], ...]
    fixed_tile: int | None
    verbose: bool


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur export`."""
    parser = commands.add_parser(
        "export",
        help="write a model for TensorFlow Serving",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_argument(parser)
    parser.add_argument(
        "--root", required=True, metavar="DIR", help="folder of all models of a server"
    )
    parser.add_argument(
        "--name", default="deblur", help="what requests call the model (default: deblur)"
    )
    parser.add_argument(
        "--version", type=at_least_one, metavar="N", help="number (default: the next free one)"
    )
    parser.add_argument(
        "--max-pixels",
        type=at_least_one,
        metavar="N",
        help="most pixels of a request, images x height x width, padded as the network pads "
        "(default: 8388608, or as many as 8 GB of memory hold where the graph has no tiles)",
    )
    parser.add_argument(
        "--warmup",
        type=_size,
        action="append",
        default=[],
        metavar="WxH",
        help="size of images, width x height, that the server runs once before the version is "
        "available (repeatable)",
    )
    parser.add_argument(
        "--fixed-tile",
        type=at_least_one,
        metavar="N",
        help="also write NAME_tile, for images of N x N pixels, which a server may batch",
    )
    group = parser.add_argument_group("restoring, fixed in the graph")
    group.add_argument(
        "--passes",
        type=at_least_one,
        default=1,
        metavar="N",
        help="restore the result again, N times in all (default: 1)",
    )
    group.add_argument(
        "--levels",
        type=at_least_one,
        metavar="N",
        help="RP-GAN: the first N levels only (default: all it was trained with)",
    )
    group.add_argument(
        "--self-ensemble",
        action="store_true",
        help="average over the 8 flips and turns of the image: 8 times slower, a little better",
    )
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur export`."""
    return _export(
        read_settings(
            ExportSettings,
            arguments,
            model=settled(arguments.model),
            options=restoring_options(arguments),
        )
    )


def _export(settings: ExportSettings) -> int:
    _check_place(settings)
    kind_of(settings.model)
    _tell(f"loading {settings.model} ...")
    load_tensorflow(settings.verbose)
    if not settings.verbose:
        # It tells of each file, and of the names of hundreds of inputs inside the graph.
        for library in ("tensorflow", "absl"):
            logging.getLogger(library).setLevel(logging.WARNING)
    from export.graph.saved_model import export_model

    try:
        restorer = open_restorer(settings.model, settings.options.given())
    except OptionRefused as error:
        raise refused(error, settings.model) from None
    folder = export_model(
        restorer,
        settings.root,
        settings.name,
        settings.version,
        settings.max_pixels,
        warmup=settings.warmup,
        fixed_tile=settings.fixed_tile,
        progress=_tell,
    )
    _tell("\n".join(_how_to_serve(Path(settings.root), folder)))
    print(folder)
    return EXIT_DONE


def _how_to_serve(root: Path, folder: Path) -> list[str]:
    """Lines for people; a models.config that holds versions back is not passed by in silence."""
    from export.service.config import CONFIG_FILE, read_config

    name, version, config = folder.parent.name, int(folder.name), root / CONFIG_FILE
    try:
        sources = read_config(config)
    except DataError:
        sources = []  # the server will tell
    source = next((one for one in sources if one.name == name), None)
    serve = f"  tfdeblur serve --model_base_path {folder.parent} --model_name {name}"
    lines = []
    if source is not None and (source.labels or source.specific or source.latest != 1):
        serve = f"  tfdeblur serve --model_config_file {config}"
        serve += " --allow_version_labels_for_unavailable_models" if source.labels else ""
    if source is not None and source.specific and version not in source.specific:
        held = ", ".join(map(str, source.specific))
        lines = [
            f"{config} holds version{'s' * (len(source.specific) > 1)} {held} only: version "
            f"{version} is not loaded until you add `versions: {version}` to the policy of "
            f"{name} (docs/howto/canary.md)."
        ]
    return [
        " ".join(["Exported and checked.", *lines, "Serve it with one of:"]),
        f"  docker compose --project-directory {root} --profile gpu up",
        serve,
    ]


def _check_place(settings: ExportSettings) -> None:
    """Refuses, before anything is loaded, what could not be written in the end.

    Raises:
        DataError: if the folder cannot be made or written.
        InvalidInput: if the version exists.
    """
    root = Path(settings.root)
    there = next(one for one in (root, *root.absolute().parents) if os.path.lexists(one))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        why = "it may not be written" if there.is_dir() else "it is no folder"
        raise DataError(
            f"`--root` must be a folder that can be written to. Received: --root {root} "
            f"({there}: {why})."
        )
    names = [settings.name, *([f"{settings.name}_tile"] if settings.fixed_tile else [])]
    versions = [path.name for name in names for path in (root / name).glob("[0-9]*")]
    taken = {int(name) for name in versions if name.isdecimal()}
    if settings.version in taken:
        raise InvalidInput(
            "`--version` exists, and versions are never overwritten: a server would not notice. "
            f"Received: --version {settings.version}. The next free one is {max(taken) + 1}; leave "
            "--version out to get it."
        )


def _size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT as `(height, width)`."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, like 1280x720: {text!r}")
    return int(match[2]), int(match[1])


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
