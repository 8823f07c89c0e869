"""What a client raises when a call fails: which service, which model, and what to do next.

Every class is one of `tfdeblur.errors`, by the table in `export.status`, so that callers may
catch either and the command line has an exit code for it.
"""

import re
from typing import Any

import grpc

from export.status import BY_NAME, BY_NUMBER
from tfdeblur.errors import DataError, InvalidInput, ServiceUnreachable, TfdeblurError


class CallFailed(TfdeblurError):
    """A call to a service failed; the base of what a client raises for it.

    Attributes:
        code: str, name of the gRPC status code.
        text: str, the message that came with it.
    """

    code = "UNKNOWN"
    text = ""


class RequestRefused(CallFailed, InvalidInput):
    """The service cannot do anything with this input."""


class MessageTooLarge(CallFailed, InvalidInput):
    """The request or the answer is larger than one side accepts."""


class ModelNotFound(CallFailed, DataError):
    """The service has no such model, or no such version of it."""


class ModelUnusable(CallFailed, DataError):
    """The model has no such signature, or it was exported wrongly."""


class ServerBusy(CallFailed, ServiceUnreachable):
    """The service is out of threads or memory."""


class TimedOut(CallFailed, ServiceUnreachable):
    """No answer came in time."""


class Unreachable(CallFailed, ServiceUnreachable):
    """Nothing answers at the address, or it does not let us in."""


class ServerFailed(CallFailed):
    """The service failed for a reason of its own, or answered nonsense."""


# Code -> what is raised for it, and what the user can do.
KINDS: dict[str, tuple[type[CallFailed], str]] = {
    "CANCELLED": (Unreachable, "The call was cancelled: the service or this client is stopping."),
    "UNKNOWN": (ServerFailed, "Look into the log of the service."),
    "INVALID_ARGUMENT": (
        RequestRefused,
        "Compare the input with what `metadata()` says that the model takes.",
    ),
    "DEADLINE_EXCEEDED": (
        TimedOut,
        "Give a longer `timeout` (--timeout), or cut large images with `max_pixels` "
        "(--max-pixels).",
    ),
    "NOT_FOUND": (
        ModelNotFound,
        "Check name and version (--model, --model-version). A model that is still loading is not "
        "found either: --wait SECONDS waits for it (`wait_ready` in Python).",
    ),
    "PERMISSION_DENIED": (Unreachable, "Check the credentials."),
    "RESOURCE_EXHAUSTED": (
        ServerBusy,
        "Try again later, or more often (--retries); send fewer images at once (--concurrency), "
        "or smaller ones (--max-pixels).",
    ),
    "FAILED_PRECONDITION": (
        ModelUnusable,
        "`metadata()` lists the signatures of the model. If it has this one, the model was not "
        "exported soundly: export it again with `tfdeblur export`.",
    ),
    "OUT_OF_RANGE": (RequestRefused, "Check the input."),
    "UNIMPLEMENTED": (
        ServerFailed,
        "What answers there is no TensorFlow Serving; check host and port.",
    ),
    "UNAVAILABLE": (
        Unreachable,
        "Check host and port (gRPC, usually 8500; not REST), and that the service is running. "
        "While it loads its models, the port is closed: --wait SECONDS waits for it (`wait_ready` "
        "in Python). "
        "`tfdeblur serve` starts one here.",
    ),
    "DATA_LOSS": (ModelUnusable, "Export the model again with `tfdeblur export`."),
    "UNAUTHENTICATED": (Unreachable, "Check the credentials."),
}
_OTHER = (ServerFailed, "Look into the log of the service.")
_TOO_LARGE = "message larger than max"
_TOO_MANY_PIXELS = "too many pixels"
_UNKNOWN_LABEL = "Unrecognized servable version label"
_LIMIT = re.compile(r"limit\W+(\d+)")


def failure(code: str, text: str, target: str, model: str) -> CallFailed:
    """The error to raise for a call that failed.

    Args:
        code: name of a gRPC status code.
        text: the message of the service.
        target: the address that was called.
        model: the model that was asked for, in words.
    """
    kind, advice = KINDS.get(code, _OTHER)
    if code == "RESOURCE_EXHAUSTED" and _TOO_LARGE in text:
        kind = MessageTooLarge
        advice = (
            "Send images in parts with `max_pixels` (--max-pixels), or raise the service's limit."
        )
    elif _refused_for_pixels(code, text):
        advice = (
            "Give `max_pixels` (--max-pixels), at most what the model was exported for: larger "
            "images are then sent in tiles."
        )
    elif _UNKNOWN_LABEL in text:
        advice = "The service's models.config sets labels; ask for a number or for none instead."
    elif "http1" in text.lower():
        advice = "That looks like a REST port; gRPC has its own, usually 8500."
    text = " ".join(text.split())
    error = kind(f"{target}, {model}: {code}: {text or 'no message'}. {advice}".replace("..", "."))
    error.code, error.text = code, text
    return error


def failure_of(error: grpc.RpcError, target: str, model: str) -> CallFailed:
    """The same, for what gRPC raised."""
    status: Any = error  # calls that fail are both errors and calls; the base class is not
    row = BY_NUMBER.get(status.code().value[0])
    return failure(row.name if row else "UNKNOWN", status.details() or "", target, model)


def may_pass(error: CallFailed) -> bool:
    """Whether the same call may well succeed in a moment; never where its message is too large."""
    return BY_NAME[error.code].retry and not isinstance(error, MessageTooLarge)


def pixel_limit(error: CallFailed) -> int | None:
    """How many pixels a model accepts, if it refused an image for having more; else None."""
    found = _LIMIT.search(error.text) if _refused_for_pixels(error.code, error.text) else None
    return int(found[1]) if found else None


def _refused_for_pixels(code: str, text: str) -> bool:
    """By the guard of exported models (`export.graph.guards`)."""
    return code == "INVALID_ARGUMENT" and _TOO_MANY_PIXELS in text
