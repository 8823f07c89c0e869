"""`tfdeblur data build`: prepares a TFDS data set, without the `tfds` command."""

import argparse
import logging
import sys
from dataclasses import dataclass
from typing import Any

from tfdeblur.cli.common import (
    add_common_arguments,
    add_patterns,
    load_tensorflow,
    read_settings,
)
from tfdeblur.errors import DataError, InvalidInput, TfdeblurError

DESCRIPTION = """\
Downloads and prepares one of this project's TFDS data sets, as `tfds build` does. (That command
needs apache-beam.) A data set that is prepared already is left as it is; one that fails half-way
leaves nothing behind but what was downloaded.
"""

EPILOG = """\
names: gopro_large[/blur|/blur_gamma], kohler, motion_flow[/mscoco_23|/mscoco_46], image_pairs

examples:
  tfdeblur data build gopro_large
  tfdeblur data build gopro_large/blur_gamma --manual-dir downloads/
  tfdeblur data build image_pairs --manual-dir scans/ --pairs '*_in.png' '*_out.png'
  tfdeblur data build motion_flow --config mscoco_46 --data-dir datasets/
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data build`."""
    parser = commands.add_parser(
        "build",
        help="download and prepare a TFDS data set",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="name of the data set, or NAME/CONFIG")
    add("--config", metavar="C", help="its configuration (default: the first)")
    add("--manual-dir", metavar="DIR", help="folder with what was downloaded by hand")
    aside = "of image_pairs; a CSV file with the columns blur and sharp may also be given as it"
    add_patterns(parser, "--manual-dir", aside)
    add(
        "--data-dir",
        metavar="DIR",
        help="where data sets are kept (default: $TFDS_DATA_DIR, else ~/tensorflow_datasets)",
    )
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


@dataclass(frozen=True)
class BuildSettings:
    """Which data set is to be prepared, from what, and where to; None: where TFDS does."""

    name: str
    config: str | None
    manual_dir: str | None
    data_dir: str | None
    pairs: tuple[str, ...]
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur data build`."""
    return _build(read_settings(BuildSettings, arguments))


def _build(settings: BuildSettings) -> int:
    load_tensorflow(settings.verbose)
    if not settings.verbose:
        logging.getLogger("absl").setLevel(logging.ERROR)  # TFDS tells each of its steps
    name = "/".join(filter(None, (settings.name, settings.config)))
    builder = _open(name, settings.data_dir)
    if settings.pairs:
        if not hasattr(builder, "pairs"):
            raise InvalidInput(f"`--pairs` is for image_pairs. Received: {name}")
        builder.pairs = settings.pairs
    if builder.is_prepared():
        print(f"{builder.info.full_name} was prepared before.", file=sys.stderr)
    else:
        _prepare(builder, name, settings.manual_dir)
    sizes = ", ".join(f"{key} {split.num_examples}" for key, split in builder.info.splits.items())
    print(f"{builder.info.full_name}: {sizes} examples in {builder.data_dir}")
    return 0


def _open(name: str, data_dir: str | None) -> Any:
    """The builder, if it is one of ours."""
    from tfdeblur.data.tfds_source import open_builder

    try:
        import tfds_builders
    except ImportError as error:
        raise DataError(
            "The data sets need TFDS, and tfdeblur installed with them: pip install "
            f"'tfdeblur[data]' (or '.[data]' again). Missing: {error.name}."
        ) from error
    import tensorflow_datasets as tfds

    base, config = (part.partition(":")[0] for part in (*name.split("/"), "")[:2])
    if base not in tfds_builders.BUILDERS:
        raise InvalidInput(
            f"`NAME` must be one of {', '.join(sorted(tfds_builders.BUILDERS))}. Received: {name}"
        )
    known = tfds.builder_cls(base).builder_configs
    if config and config not in known:
        raise InvalidInput(
            f"`--config` of {base} must be one of {', '.join(known)}. Received: {config}"
        )
    return open_builder(name, data_dir)


def _prepare(builder: Any, name: str, manual_dir: str | None) -> None:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
    from tensorflow_datasets.core.download.util import DownloadError

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        builder.download_and_prepare(download_config=config)
    except TfdeblurError as error:
        text = str(error).replace("`manual_dir`", "--manual-dir")
        raise type(error)(f"{name}: {text}") from error
    except NonMatchingChecksumError as error:
        raise DataError(
            f"{name}: what was downloaded is not the file that is known. Delete it and try again; "
            f"if its source has changed it cannot be used. {_one_line(error)}"
        ) from error
    except DownloadError as error:
        raise DataError(
            f"{name} cannot be downloaded: {_one_line(error)}. Try again, or download it by hand "
            "and give its folder as --manual-dir."
        ) from error
    except AssertionError as error:  # TFDS's way to say that the folder is missing or empty
        raise DataError(
            f"{name} needs files downloaded by hand, in --manual-dir. {_one_line(error)}"
        ) from error
    except OSError as error:
        raise DataError(f"{name} cannot be prepared: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
