"""`tfdeblur serve`: a local gRPC service that answers as TensorFlow Serving does."""

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import (
    add_common_arguments,
    keep_freed_memory,
    load_tensorflow,
    read_settings,
)
from tfdeblur.cli.serve_options import add_options
from tfdeblur.errors import EXIT_DONE, DataError, InvalidInput
from tfdeblur.near import did_you_mean_path

DESCRIPTION = """\
Serves exported models over gRPC on this machine, for laptops and tests: the same services, codes
and messages as TensorFlow Serving, whose flag names it takes where they exist. New versions that
`tfdeblur export` writes are taken over while it runs; one that does not load leaves the old one
serving. Ctrl-C or SIGTERM: running requests finish, new ones are refused, exit code 0. --verbose
logs one line per request.
"""

EPILOG = """\
the real server:
  For production, for REST, batching or metrics, and to use a GPU fully, take TensorFlow Serving.
  `tfdeblur export` writes its files beside the models; in that folder:
    docker compose --profile gpu up      needs the NVIDIA Container Toolkit
    docker compose --profile cpu up

stricter than the real server:
  requests above 256 MiB (--max_receive_message_bytes=-1: as there) and tensors whose shape asks
  for more than that are refused; it listens on 127.0.0.1 only (there: on all addresses); a folder
  without a version is an error (there it waits; here with --open_port_early); a version that does
  not load is tried once more after 1 s (there: 5 times, 60 s apart); of callers that send or read
  slowly 64, or --grpc_max_threads if that is more, are kept, and the one that has taken longest is
  cancelled when another one comes.

services:
  tensorflow.serving.PredictionService, tensorflow.serving.ModelService, grpc.health.v1.Health
  ("", "ModelService", "PredictionService"), grpc.reflection.v1alpha

exit codes:
  0 stopped; 2 usage; 3 a bad option, or the port is taken; 4 nothing to serve, or a model that
  does not load

examples:
  tfdeblur serve --model_base_path served/deblur --model_name deblur --port 8500
  tfdeblur serve --model_config_file served/models.config --verbose
  tfdeblur request photo.jpg --target localhost:8500 --model deblur --out restored/
"""


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur serve`."""
    parser = commands.add_parser(
        "serve",
        help="serve exported models on this machine, as TensorFlow Serving would",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


@dataclass(frozen=True)
class ServeSettings:
    """What `tfdeblur serve` is to do.

    Attributes:
        root: models.config, or folder of models.
        port: to listen on.
        path_map: where base paths of the models.config are.
        options: fields of `ServiceOptions` that were given.
        verbose: whether to log details.
    """

    root: str
    port: int
    path_map: Any
    options: Mapping[str, Any]
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "ServeSettings":
        """Of the parsed options.

        Raises:
            InvalidInput: if they do not go together, or the port is taken.
            DataError: if a file was given in the place of a folder, or the other way round, or
                there is nothing to serve in it.
        """
        file, folder = arguments.model_config_file, arguments.model_base_path
        if file and arguments.model_name:
            raise InvalidInput(
                "`--model_name` goes with --model_base_path; a models.config names its models "
                "itself."
            )
        _check_kind(file, folder)
        if folder is not None:
            from export.service.config import find_sources

            # By the option's name, and before TensorFlow is loaded, which takes seconds.
            find_sources(Path(folder), arguments.model_name, "--model_base_path")
        from export.service.options import ServiceOptions
        from export.service.port import check_free

        options = {
            field.name: getattr(arguments, field.name)
            for field in fields(ServiceOptions)
            if getattr(arguments, field.name, None) is not None
        }
        # Also before TensorFlow is loaded.
        check_free(options.get("host", ServiceOptions.host), arguments.port)
        return read_settings(cls, arguments, root=file or folder, options=options)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM."""
    return _serve(ServeSettings.read(arguments))


def _serve(settings: ServeSettings) -> int:
    keep_freed_memory()
    print(f"loading {settings.root} ...", file=sys.stderr, flush=True)
    load_tensorflow(settings.verbose)
    from export.service.local_service import LocalService

    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    service = LocalService(
        settings.root, settings.port, path_map=settings.path_map, **settings.options
    )
    with _stop_signals() as stopped:
        with service:
            # Before anything else: a caller may be answered, and end this, within milliseconds.
            print(f"serving on {service.target}, Ctrl-C stops", file=sys.stderr, flush=True)
            _settle()
            stopped.wait()
            print("stopping: running requests finish", file=sys.stderr, flush=True)
    gc.unfreeze()
    return EXIT_DONE


def _settle() -> None:
    """What is there now stays to the end: looking for garbage passes it by from here on.

    TensorFlow's modules are so many objects that one look took 0.2 to 0.9 s in a busy service, and
    no call was answered meanwhile.
    """
    gc.collect()
    gc.freeze()


def _check_kind(file: str | None, folder: str | None) -> None:
    """A file in the place of a folder, or the other way round, would be told as something else."""
    if file is not None and not os.path.isfile(file):
        raise DataError(
            "`--model_config_file` must be a file, as `tfdeblur export` writes it: models.config. "
            f"Received: {file}.{did_you_mean_path(file)} For a folder of models, give "
            "--model_base_path."
        )
    if folder is not None and os.path.isfile(folder):
        raise DataError(
            "`--model_base_path` must be a folder that `tfdeblur export` wrote. Received: "
            f"{folder}, a file. For a models.config, give --model_config_file."
        )


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second one ends the process."""
    stopped = threading.Event()
    before = {}

    def stop(number: int, frame: Any) -> None:
        stopped.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
