"""The options of `tfdeblur request`, read once; those that mean nothing are refused here."""

import argparse
from dataclasses import dataclass

from tfdeblur.cli.common import read_settings
from tfdeblur.cli.files.options import refuse_contradictions, video_settings
from tfdeblur.cli.files.settings import FileSettings


@dataclass(frozen=True)
class RequestSettings:
    """What `tfdeblur request` is to do.

    Attributes:
        files: what is to be restored, and where to.
        target, model, model_version, label: the service, and the model there.
        tls, tls_ca, tls_certificate, tls_key: whether and how the connection is encrypted.
        payload: "auto", "uint8", "float" or "bytes".
        max_pixels: int, of a call; None: as the model accepts.
        concurrency: int, files and tiles under way at a time.
        timeout: seconds for a call.
        retries: int, of a call.
        wait: seconds to wait for the model to load; None: not at all.
        verbose: whether to log details.
    """

    files: FileSettings
    target: str
    model: str
    model_version: int | None
    label: str | None
    tls: bool
    tls_ca: str | None
    tls_certificate: str | None
    tls_key: str | None
    payload: str
    max_pixels: int | None
    concurrency: int
    timeout: float
    retries: int
    wait: float | None
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "RequestSettings":
        """Of the parsed options; ends with a usage error if one means nothing beside others."""
        video = video_settings(arguments, arguments.parser)
        files = read_settings(FileSettings, arguments, video=video)
        settings, error = read_settings(cls, arguments, files=files), arguments.parser.error
        refuse_contradictions(arguments, arguments.parser)
        if (files.flow or files.confidence) and settings.payload not in ("auto", "float"):
            error("argument --payload: flow and confidence come with floats only")
        if (settings.tls_certificate is None) != (settings.tls_key is None):
            error("arguments --tls-certificate and --tls-key belong together")
        return settings
