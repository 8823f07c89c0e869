"""The gRPC server: services, limits, TLS, health, reflection, drain."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from tensorflow_serving.apis import (
    model_service_pb2,
    prediction_service_pb2,
)

from export.service.calls import handlers
from export.service.gate import Gate
from export.service.options import ServiceOptions
from export.service.port import address_of, not_bound
from export.service.predict import PredictionServicer
from export.service.slow import SlowCallers
from export.service.status import ModelServicer
from export.service.versions import Versions
from tfdeblur import limits
from tfdeblur.errors import DataError

try:  # both are optional: serving restores without them
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection
except ImportError:  # pragma: no cover
    health = reflection = None

logger = logging.getLogger("tfdeblur.serve")

HEALTH_NAMES = ("", "ModelService", "PredictionService")  # TensorFlow Serving's, without package
_CONNECTIONS = (
    ("grpc.so_reuseport", 0),  # else a second service would share the port in silence
    # Connections that say nothing, or whose other end is gone, are closed. Those of clients that
    # are only quiet too: gRPC opens them again at the next call.
    ("grpc.server_handshake_timeout_ms", 1000 * limits.SECONDS_OF_A_HANDSHAKE),
    ("grpc.keepalive_time_ms", 1000 * limits.SECONDS_UNTIL_ASKED),
    ("grpc.keepalive_timeout_ms", 1000 * limits.SECONDS_TO_ANSWER),
    ("grpc.max_connection_idle_ms", 1000 * limits.SECONDS_IDLE),
)
_SPARE_THREADS = 8  # for status, metadata and refusals while all callers wait


class Server:
    """Services of one process on one port.

    Args:
        versions: what is served.
        gate: how many run at a time.
        options: address, limits, TLS.
        path_map: for base paths in a new config.
    """

    def __init__(
        self,
        versions: Versions,
        gate: Gate,
        options: ServiceOptions,
        path_map: dict[str, Path],
    ):
        self._options = options
        slow = max(
            limits.MOST_SLOW_CALLS, options.callers
        )  # all who are let in may well come at the same moment
        self._threads = ThreadPoolExecutor(
            options.callers + slow + limits.MOST_STREAMS + _SPARE_THREADS,
            thread_name_prefix="tfdeblur-rpc",
        )
        self.slow = SlowCallers(slow)
        self._server = grpc.server(
            self._threads,
            interceptors=[self.slow],
            options=[
                ("grpc.max_receive_message_length", options.max_receive_message_bytes),
                ("grpc.max_send_message_length", -1),
                *_CONNECTIONS,
            ],
        )
        self._health = _add_services(self._server, versions, gate, options, path_map)
        self.set_healthy(False)
        self.port = 0

    def open(self, port: int) -> None:
        """Listens and answers; `port` then tells where.

        Raises:
            InvalidInput: if the port is taken.
            DataError: if a file of the TLS options is missing.
        """
        address = address_of(self._options.host, port)
        credentials = _credentials(self._options)
        try:
            if credentials is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise not_bound(self._options.host, port, str(error)) from error
        if not self.port:
            raise not_bound(self._options.host, port, "gRPC could not bind")
        self._server.start()

    def set_healthy(self, healthy: bool) -> None:
        """What the health service answers from now on."""
        if self._health is None:
            return
        states = health_pb2.HealthCheckResponse
        for name in HEALTH_NAMES:
            self._health.set(name, states.SERVING if healthy else states.NOT_SERVING)

    def close(self, drain_seconds: float) -> None:
        """Refuses new calls at once, waits for running ones, then cancels those left."""
        self.set_healthy(False)
        self._server.stop(drain_seconds).wait()
        # A run that outlives the drain cannot be stopped: nobody waits for it.
        self._threads.shutdown(wait=False, cancel_futures=True)


def _add_services(
    server: grpc.Server,
    versions: Versions,
    gate: Gate,
    options: ServiceOptions,
    path_map: dict[str, Path],
) -> Any:
    prediction, models = (
        next(iter(file.DESCRIPTOR.services_by_name.values()))
        for file in (prediction_service_pb2, model_service_pb2)
    )
    server.add_generic_rpc_handlers(
        [
            handlers(prediction, PredictionServicer(versions, gate, options), gate),
            handlers(models, ModelServicer(versions, path_map), gate),
        ]
    )
    if health is None:
        logger.info(
            "no health service and no reflection: install grpcio-health-checking and "
            "grpcio-reflection for them"
        )
        return None
    # Each watch has a thread: `SlowCallers` must see its end.
    servicer = health.HealthServicer(experimental_non_blocking=False)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    names = [
        prediction.full_name,
        models.full_name,
        health.SERVICE_NAME,
        reflection.SERVICE_NAME,
    ]
    reflection.enable_server_reflection(names, server)
    return servicer


def _credentials(options: ServiceOptions) -> grpc.ServerCredentials | None:
    if options.ssl_server_key is None or options.ssl_server_cert is None:
        return None
    key = _pem("ssl_server_key", options.ssl_server_key)
    certificates = _pem("ssl_server_cert", options.ssl_server_cert)
    ca = options.ssl_custom_ca
    return grpc.ssl_server_credentials(
        [(key, certificates)],
        root_certificates=None if ca is None else _pem("ssl_custom_ca", ca),
        require_client_auth=ca is not None,
    )


def _pem(name: str, path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"`{name}` must be a PEM file. Received: {path}: {error}") from error
