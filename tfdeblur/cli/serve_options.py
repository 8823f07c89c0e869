"""Options of `tfdeblur serve`, in groups, under TensorFlow Serving's flag names."""

import argparse
from typing import Any

from tfdeblur import limits
from tfdeblur.cli.common import above_zero
from tfdeblur.cli.parser import Parser
from tfdeblur.restorers.precision import MOST_COST_DB, PRECISIONS

DEFAULT_PORT = 8500


def add_options(parser: Parser) -> None:
    """Adds all options of the service, but for those that every command has."""
    _add_model_arguments(parser)
    _add_address_arguments(parser)
    _add_limit_arguments(parser)
    _add_loading_arguments(parser)
    parser.described = ("--model_base_path", "--model_config_file", "--model_name", "--port")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="arithmetic of the models; auto: bfloat16 where the processor has it and the card of "
        f"the exported model says that it costs less than {MOST_COST_DB:g} dB (default: auto)",
    )
    parser.add_argument(
        "--drain_seconds",
        type=_from_zero,
        metavar="S",
        help="how long running requests may take when the service stops (default: 30)",
    )


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
        "max_running": "requests answered at the same time, one of each model "
        "(default: 1, or one per GPU)",
        "max_receive_message_bytes": "largest request; -1: no limit "
        f"(default: {limits.DEFAULT_BYTES_OF_A_REQUEST})",
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
