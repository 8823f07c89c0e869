"""Archives of any size: photographs restored by Apache Beam (extra `beam`)."""

try:
    import apache_beam as _  # noqa: F401
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "apache_beam":
        raise
    raise ModuleNotFoundError(
        "tfdeblur.beam needs Apache Beam: pip install 'tfdeblur[beam]', in an environment of its "
        "own, as it moves protobuf.",
        name=error.name,
    ) from error

from tfdeblur.beam.settings import ArchiveSettings
from tfdeblur.beam.transform import DONE, FAILED, FileDone, RestoreFiles

__all__ = ["DONE", "FAILED", "ArchiveSettings", "FileDone", "RestoreFiles"]
