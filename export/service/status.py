"""`tensorflow.serving.ModelService`: states of versions, and a new set of models."""

from pathlib import Path
from typing import Any

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
)

from export.service.calls import require_spec
from export.service.config import sources_of
from export.service.versions import Versions
from export.status import Status


class ModelServicer:
    """GetModelStatus and HandleReloadConfigRequest.

    Args:
        versions: what is served.
        path_map: start of a base path in a new config -> folder in its place.
    """

    def __init__(self, versions: Versions, path_map: dict[str, Path]):
        self._versions, self._path_map = versions, path_map

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """State of each version, highest first; a label in the request is not looked at."""
        spec = require_spec(request)
        versions = self._versions.states(spec.name)
        if spec.WhichOneof("version_choice") == "version":
            versions = [v for v in versions if v.number == spec.version.value]
            if not versions:
                raise Status(
                    "NOT_FOUND",
                    f"Could not find version {spec.version.value} of model {spec.name}",
                )
        if not versions:
            raise Status("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in versions:
            entry = response.model_version_status.add(version=version.number, state=version.state)
            entry.status.error_code = version.error.row.number if version.error else 0
            entry.status.error_message = version.error.text if version.error else ""
        return response

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: Any, context: grpc.ServicerContext
    ) -> Any:
        """Replaces the set of models and waits for the new ones.

        There are no metrics here, so none of `metric_names` is answered.
        """
        self._versions.configure(sources_of(request.config, self._path_map))
        return model_management_pb2.ReloadConfigResponse()
