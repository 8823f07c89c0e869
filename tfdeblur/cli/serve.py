"""`tfdeblur serve`: a local gRPC service that answers as TensorFlow Serving does."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from tfdeblur.cli.common import (
    above_zero,
    add_common_arguments,
    keep_freed_memory,
    load_tensorflow,
    read_settings,
)
from tfdeblur.errors import EXIT_DONE, DataError, InvalidInput

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

DEFAULT_PORT = 8500


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur serve`."""
    parser = commands.add_parser(
        "serve",
        help="serve exported models on this machine, as TensorFlow Serving would",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_model_arguments(parser)
    _add_address_arguments(parser)
    _add_limit_arguments(parser)
    _add_loading_arguments(parser)
    parser.add_argument(
        "--drain_seconds",
        type=_from_zero,
        metavar="S",
        help="how long running requests may take when the service stops (default: 30)",
    )
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
            InvalidInput: if they do not go together.
            DataError: if a file was given in the place of a folder, or the other way round.
        """
        file, folder = arguments.model_config_file, arguments.model_base_path
        if file and arguments.model_name:
            raise InvalidInput(
                "`--model_name` goes with --model_base_path; a models.config names its models "
                "itself."
            )
        _check_kind(file, folder)
        from export.service.options import ServiceOptions

        options = {
            field.name: getattr(arguments, field.name)
            for field in fields(ServiceOptions)
            if getattr(arguments, field.name, None) is not None
        }
        return read_settings(cls, arguments, root=file or folder, options=options)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM."""
    return _serve(ServeSettings.read(arguments))


def _serve(settings: ServeSettings) -> int:
    load_tensorflow(settings.verbose)
    from export.service.local_service import LocalService

    keep_freed_memory()
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    root = settings.root
    service = LocalService(root, settings.port, path_map=settings.path_map, **settings.options)
    with _stop_signals() as stopped:
        print(f"loading {root} ...", file=sys.stderr, flush=True)
        with service:
            if not stopped.is_set():
                print(f"serving on {service.target}, Ctrl-C stops", file=sys.stderr, flush=True)
            stopped.wait()
            print("stopping: running requests finish", file=sys.stderr, flush=True)
    return EXIT_DONE


def _check_kind(file: str | None, folder: str | None) -> None:
    """A file in the place of a folder, or the other way round, would be told as something else."""
    if file is not None and not os.path.isfile(file):
        raise DataError(
            "`--model_config_file` must be a file, as `tfdeblur export` writes it: models.config. "
            f"Received: {file}. For a folder of models, give --model_base_path."
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


def _add_model_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models")
    what = group.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--model_base_path",
        metavar="DIR",
        help="folder with the version folders 1/, 2/, ... of one model, or folder of such folders",
    )
    what.add_argument(
        "--model_config_file",
        metavar="FILE",
        help="models.config as `tfdeblur export` writes it: several models, versions, labels",
    )
    group.add_argument(
        "--model_name", metavar="NAME", help="as requests call it (default: name of the folder)"
    )
    group.add_argument(
        "--path_map",
        metavar="OLD=NEW",
        help="base paths of the models.config that begin with OLD are below the folder NEW "
        "(default: /models is the folder of the file)",
    )
    group.add_argument(
        "--model_config_file_poll_wait_seconds",
        type=_from_zero,
        metavar="S",
        help="reads the models.config again this often (default: 0, never)",
    )
    group.add_argument(
        "--allow_version_labels_for_unavailable_models",
        **_flag(),
        help="labels in the models.config are accepted at the start (default: false)",
    )


def _add_address_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("address")
    group.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"TCP port; 0: any free one (default: {DEFAULT_PORT})",
    )
    group.add_argument(
        "--host",
        help="address to listen on; 0.0.0.0 lets other machines in (default: 127.0.0.1)",
    )
    group.add_argument("--ssl_server_key", metavar="PEM", help="private key; switches TLS on")
    group.add_argument("--ssl_server_cert", metavar="PEM", help="its certificate chain")
    group.add_argument(
        "--ssl_custom_ca",
        metavar="PEM",
        help="clients must show a certificate that this authority signed",
    )
    group.add_argument(
        "--open_port_early",
        **_flag(),
        help="listens before the models are there: GetModelStatus then shows them load "
        "(default: false)",
    )


def _add_limit_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    counts = {
        "grpc_max_threads": "callers that are served or wait; one more gets RESOURCE_EXHAUSTED "
        "(default: 4 per processor)",
        "max_running": "images restored at the same time (default: 1 per GPU, 2 without)",
        "max_receive_message_bytes": "largest request; -1: no limit (default: 268435456)",
        "max_image_pixels": "N*H*W of a request, as the model pads it; 0: what the model itself "
        "refuses (default: 0)",
        "memory": "MB for models and requests; what would pass it waits or gets "
        "RESOURCE_EXHAUSTED (default: four fifths of the machine's)",
        "tensorflow_intra_op_parallelism": "threads inside an operation (default: 0, automatic)",
        "tensorflow_inter_op_parallelism": "operations at a time (default: 0, automatic)",
    }
    for name, text in counts.items():
        group.add_argument(f"--{name}", type=int, metavar="N", help=text)
    group.add_argument(
        "--enable_serialization_as_tensor_content",
        **_flag(),
        help="answers hold raw bytes instead of typed fields (default: false)",
    )


def _add_loading_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("loading")
    group.add_argument(
        "--file_system_poll_wait_seconds",
        type=_from_zero,
        metavar="S",
        help="looks for new versions this often; 0: never again (default: 1)",
    )
    counts = {
        "max_num_load_retries": "how often a version that does not load is tried again "
        "(default: 1)",
        "load_retry_interval_micros": "pause before that, in microseconds (default: 1000000)",
        "num_request_iterations_for_warmup": "how often each warm-up record is run (default: 1)",
    }
    for name, text in counts.items():
        group.add_argument(f"--{name}", type=int, metavar="N", help=text)
    group.add_argument(
        "--enable_model_warmup",
        **_flag(),
        help="runs the warm-up records of a version before it is available (default: true)",
    )
    group.add_argument(
        "--saved_model_tags", metavar="TAGS", help="of the graph to load (default: serve)"
    )


def _flag() -> dict[str, Any]:
    """Arguments of a yes-or-no option, written as TensorFlow Serving's: `--x` or `--x=true`."""
    return {"nargs": "?", "const": True, "type": _truth, "metavar": "true|false"}


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"must be true or false, not {text}")
    return text.lower() in ("true", "1")


def _from_zero(text: str) -> float:
    return 0.0 if text in ("0", "0.0") else above_zero(text)
