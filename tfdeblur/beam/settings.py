"""How an archive is restored, as every worker is told it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfdeblur.errors import InvalidInput
from tfdeblur.files.plan import FORMATS
from tfdeblur.restorers.options import RestoringOptions


@dataclass(frozen=True)
class ArchiveSettings:
    """What `RestoreFiles` does with each file.

    Attributes:
        out: folder for the results, of any file system that Beam writes: "restored",
            "gs://bucket/restored".
        model: as for `Restorer.from_preset`; workers must find it. None: the default preset.
        options: how to restore.
        target: "host:port" of a TensorFlow Serving that restores in the place of a model of the
            workers' own: many workers that read and write, few that compute. None: none.
        served_model: str, what that server calls its model.
        suffix: text between a name and its ending.
        file_format: "keep", "png" or "jpeg".
        strip: whether results lose profile, EXIF and the like.
        white_level: "auto", "full" or a level, of 16-bit files; "auto" looks at each file by
            itself, where `tfdeblur deblur` looks at the whole folder.
        overwrite: whether results that exist are done again.
    """

    out: str
    model: str | None = None
    options: RestoringOptions = RestoringOptions()
    target: str | None = None
    served_model: str = "deblur"
    suffix: str = ""
    file_format: str = "keep"
    strip: bool = False
    white_level: str | int = "auto"
    overwrite: bool = False

    def __post_init__(self):
        if not self.out:
            raise InvalidInput("`out` must be a folder. Received: out=''")
        if self.file_format not in FORMATS:
            raise InvalidInput(
                f"`file_format` must be one of {FORMATS}. Received: {self.file_format!r}"
            )
        if self.target is not None and self.model is not None:
            raise InvalidInput(
                "`model` and `target` exclude each other: a server holds its own model. "
                f"Received: model={self.model!r}, target={self.target!r}"
            )

    def open(self) -> "Callable[..., Any]":
        """What restores images, for one worker: a restorer, or a client of the server.

        Raises:
            TfdeblurError: if the model cannot be opened, or the server is not to be reached.
        """
        if self.target is None:
            from tfdeblur.models.shipped import default_model
            from tfdeblur.restorers.open import open_restorer

            model = default_model() if self.model is None else self.model
            return open_restorer(model, self.options.given())
        return _Served(self.target, self.served_model)


class _Served:
    """Restores by a server."""

    def __init__(self, target: str, model: str):
        from export.client.client import DeblurClient
        from export.client.errors import ModelNotFound, ModelUnusable
        from tfdeblur.errors import ServiceUnreachable

        self._client = DeblurClient(target, model)
        self._lasting = (ServiceUnreachable, ModelNotFound, ModelUnusable)
        self._of_thread = threading.local()

    def take_lost(self) -> Exception | None:
        """What would fail every other file as well, once, in the thread that met it; or None."""
        lost, self._of_thread.lost = getattr(self._of_thread, "lost", None), None
        return lost

    def __call__(self, image, *, progress=None):
        """Restores an image, as `DeblurClient.deblur`."""
        try:
            return self._client.deblur(image, progress=progress)
        except self._lasting as error:
            self._of_thread.lost = error
            raise
