"""Errors that callers may want to catch; each knows its exit code and its gRPC code.

Exit codes of the command line: 0 done, 1 unexpected, 2 usage (argparse), 3 bad input,
4 data missing or corrupt, 5 not converged or degenerate, 6 service unreachable,
130 interrupted.
"""

EXIT_DONE = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class TfdeblurError(Exception):
    """Base of all errors that tfdeblur raises on purpose.

    Attributes:
        exit_code: int, what the command line returns for it.
        grpc_code: str, name of the gRPC status code a service answers with.
    """

    exit_code = EXIT_UNEXPECTED
    grpc_code = "INTERNAL"


class InvalidInput(TfdeblurError, ValueError):
    """An argument or an input file is not what it must be."""

    exit_code = 3
    grpc_code = "INVALID_ARGUMENT"


class DataError(TfdeblurError):
    """A data set, weights file or run folder is missing, incomplete or corrupt."""

    exit_code = 4
    grpc_code = "NOT_FOUND"


class NotInstalled(TfdeblurError, ModuleNotFoundError):
    """A part of tfdeblur was asked for that is not installed here."""

    exit_code = 3
    grpc_code = "UNIMPLEMENTED"


class NotConverged(TfdeblurError):
    """A result is degenerate or a solver stopped before it converged."""

    exit_code = 5
    grpc_code = "FAILED_PRECONDITION"


class ServiceUnreachable(TfdeblurError):
    """A deblurring service does not answer."""

    exit_code = 6
    grpc_code = "UNAVAILABLE"
