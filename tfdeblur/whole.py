"""What the client alone (`tfdeblur-client`) does not bring, and how that is said."""

from collections.abc import Iterator
from contextlib import contextmanager

from tfdeblur.errors import NotInstalled

INSTALL = (
    "Install it in the client's place, from a checkout: pip uninstall tfdeblur-client, then "
    "pip install ."
)


@contextmanager
def of_the_whole(name: str) -> Iterator[None]:
    """Around imports of parts that tfdeblur has and its client has not.

    Args:
        name: what the user asked for.

    Raises:
        NotInstalled: if such a part is missing. Other packages that are missing are the
            installation's own fault, and stay what they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("tfdeblur", "export"):
            raise
        raise NotInstalled(
            f"{name} belongs to the whole of tfdeblur; installed is its client alone. {INSTALL}",
            name=error.name,
        ) from error
