"""What all RPCs of the service share: errors become statuses, each call one line in the log."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from export.service.entries import parsed_size
from export.service.gate import Gate
from export.service.slow import UNDECODABLE
from export.status import Status, code_of_error, cut
from tfdeblur import limits

logger = logging.getLogger("tfdeblur.serve")


def handlers(service: Any, servicer: Any, gate: Gate) -> grpc.GenericRpcHandler:
    """Handlers for a service, over the methods `(request, context) -> response` of a servicer.

    Requests are decoded here and not by gRPC, which answers undecodable bytes in the same words,
    but keeps 19 KB of memory for each and writes a traceback to the log.

    Args:
        service: descriptor of the service; its streaming methods stay unimplemented.
        servicer: object with methods of the same names, which return a message, or its bytes.
        gate: counts the memory that messages take.
    """
    table = {
        method.name: grpc.unary_unary_rpc_method_handler(
            _call(
                *(method.name, GetMessageClass(method.input_type)),
                *(getattr(servicer, method.name), gate),
            ),
            response_serializer=_bytes,
        )
        for method in service.methods
        if not method.server_streaming and not method.client_streaming
    }
    return grpc.method_handlers_generic_handler(service.full_name, table)


def _call(name: str, request_type: Any, method: Callable, gate: Gate) -> Callable:
    """Whatever `method` raises reaches the caller as a code and a text, and the process goes on."""

    def call(data: bytes, context: grpc.ServicerContext) -> Any:
        clock = _Clock(context)
        request = request_type()
        code, text = "OK", ""
        try:
            with gate.held(_size(data, request_type), partial(time_left, context)):
                _parse(request, data)
                return method(request, context)
        except Exception as error:
            code = code_of_error(error).name
            text = cut(error.text if isinstance(error, Status) else str(error))
            if not isinstance(error, Status):
                logger.exception("%s failed", name)
        finally:
            _log(name, request, context, code, text, clock)
        # Raises grpc's own exception, which must not be caught above.
        context.abort(getattr(grpc.StatusCode, code), text)

    return call


def _bytes(response: Any) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()


def _size(data: bytes, request_type: Any) -> int:
    """Bytes that a request takes, raw and parsed.

    Raises:
        Status: INVALID_ARGUMENT if it is of more parts than any request needs.
    """
    size = parsed_size(data, request_type.DESCRIPTOR, limits.MOST_ENTRIES_OF_A_REQUEST)
    if size < 0:
        raise Status(
            "INVALID_ARGUMENT",
            f"the request has more than {limits.MOST_ENTRIES_OF_A_REQUEST} fields, axes and "
            "texts. Send fewer images at once, and numbers in packed fields or tensor_content",
        )
    return len(data) + size


def _parse(request: Any, data: bytes) -> None:
    try:
        request.ParseFromString(data)
    except DecodeError as error:
        raise Status("INTERNAL", UNDECODABLE) from error


def time_left(context: grpc.ServicerContext) -> float | None:
    """Seconds until the caller's deadline; None where there is none; 0 where it went away."""
    if not context.is_active():
        return 0.0
    seconds = context.time_remaining()
    # Without a deadline gRPC says some centuries, which no lock can wait for.
    return None if seconds is None or seconds > limits.LONGEST_DEADLINE else seconds


def require_spec(request: Any) -> Any:
    """The model spec of a request.

    Raises:
        Status: INVALID_ARGUMENT if there is none.
    """
    if not request.HasField("model_spec"):
        raise Status("INVALID_ARGUMENT", "Missing ModelSpec")
    return request.model_spec


class _Clock:
    """How long a call takes here, and how much of that nobody waits for any more."""

    def __init__(self, context: grpc.ServicerContext):
        self._started, self._left = time.perf_counter(), context.time_remaining()

    def text(self) -> str:
        seconds = time.perf_counter() - self._started
        beyond = 0.0 if self._left is None else seconds - self._left
        late = f" ({1000 * beyond:.1f} ms after the deadline)" if beyond > 0 else ""
        return f"{1000 * seconds:.1f} ms{late}"


def _log(name: str, request: Any, context: Any, code: str, text: str, clock: _Clock) -> None:
    if not logger.isEnabledFor(logging.DEBUG):
        return
    what = _described(request)
    line = f"{name} {what}{context.peer()} {code} {clock.text()}"
    logger.debug("%s", one_line(f"{line}: {text.splitlines()[0]}" if text else line))


def one_line(text: str) -> str:
    """`text` as one line of a log: names come from callers, who might write lines of their own."""
    most = limits.LETTERS_OF_A_LINE
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:most])
    return shown + ("..." if len(text) > most else "")


def _described(request: Any) -> str:
    if not hasattr(request, "model_spec"):
        return ""
    spec = request.model_spec
    words = [spec.name or "-"]
    which = spec.WhichOneof("version_choice")
    if which == "version":
        words.append(f"version {spec.version.value}")
    elif which:
        words.append(f"label {spec.version_label}")
    if spec.signature_name:
        words.append(spec.signature_name)
    for alias, proto in getattr(request, "inputs", {}).items():
        shape = ",".join(str(axis.size) for axis in proto.tensor_shape.dim)
        words.append(f"{alias}[{shape}]")
    return " ".join(words) + " "
