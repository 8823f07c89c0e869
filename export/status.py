"""One table: gRPC status codes <-> errors of tfdeblur <-> exit codes of the command line.

The server's way (`code_of_error`) and the client's way (`client_errors.failure`) follow the same
rows. They are not each other's inverse: a client cannot tell why a server has no such signature,
and a code that no row of ours raises still needs an exit code.

Imports no framework and no gRPC, so that command lines can read the exit codes at once.
"""

from typing import NamedTuple

from tfdeblur.errors import DataError, InvalidInput, ServiceUnreachable, TfdeblurError

MESSAGE_LIMIT = 1024
_CUT = "...TRUNCATED"


class Row(NamedTuple):
    """What one gRPC status code means to a caller."""

    name: str  # of the code
    number: int  # on the wire
    error: type[TfdeblurError]  # what a client raises for it
    retry: bool  # the same request may well succeed later

    @property
    def exit_code(self) -> int:
        """What the command line returns for it."""
        return self.error.exit_code


TABLE = (
    Row("CANCELLED", 1, ServiceUnreachable, False),
    Row("UNKNOWN", 2, TfdeblurError, False),
    Row("INVALID_ARGUMENT", 3, InvalidInput, False),
    Row("DEADLINE_EXCEEDED", 4, ServiceUnreachable, False),
    Row("NOT_FOUND", 5, DataError, False),
    Row("ALREADY_EXISTS", 6, TfdeblurError, False),
    Row("PERMISSION_DENIED", 7, ServiceUnreachable, False),
    # Too many callers, unless the message says that it is the message that is too large.
    Row("RESOURCE_EXHAUSTED", 8, ServiceUnreachable, True),
    # No such signature, or a model that was exported wrongly: the model is at fault.
    Row("FAILED_PRECONDITION", 9, DataError, False),
    Row("ABORTED", 10, TfdeblurError, False),
    Row("OUT_OF_RANGE", 11, InvalidInput, False),
    Row("UNIMPLEMENTED", 12, TfdeblurError, False),
    Row("INTERNAL", 13, TfdeblurError, False),
    Row("UNAVAILABLE", 14, ServiceUnreachable, True),
    Row("DATA_LOSS", 15, DataError, False),
    Row("UNAUTHENTICATED", 16, ServiceUnreachable, False),
)
BY_NAME = {row.name: row for row in TABLE}
BY_NUMBER = {row.number: row for row in TABLE}


class Status(Exception):
    """A gRPC status on its way to the caller: raised by checks, sent by the handlers.

    Args:
        name: str, name of a code in `TABLE`.
        text: str, the message; cut as TensorFlow Serving cuts it.
    """

    def __init__(self, name: str, text: str):
        super().__init__(cut(text))
        self.row = BY_NAME[name]
        self.text = cut(text)


def cut(text: str) -> str:
    """The message as it is sent: its first 1024 characters, and a mark where it was longer.

    Source: TensorFlow Serving, grpc_status_util.cc (ToGRPCStatus).
    """
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + _CUT


def code_of_error(error: BaseException) -> Row:
    """The row that a service answers with when its own code raised `error`.

    Args:
        error: `Status` and the errors of tfdeblur know their code; anything else is INTERNAL.

    Returns:
        A row of `TABLE`.
    """
    if isinstance(error, Status):
        return error.row
    return BY_NAME[getattr(error, "grpc_code", "INTERNAL")]
