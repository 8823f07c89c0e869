"""What a local service may be told, with TensorFlow Serving's flag names where it has the flag."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

from tfdeblur import limits
from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.precision import chosen_precision


@dataclass(frozen=True)
class ServiceOptions:
    """Limits and habits of a `LocalService`.

    Args:
        host: address to listen on; "0.0.0.0" or "::" lets other machines in.
        model_name: str, name of the only model, where `root` is its own base folder.
        grpc_max_threads: int, callers that are served or wait at the same time; one more gets
            RESOURCE_EXHAUSTED. 0: four times the processors, as TensorFlow Serving.
        max_running: int, requests that are answered at the same time; the others wait, and their
            waiting counts against their deadline. Of one model, one is restored at a time. 0: one,
            or as many as there are GPUs.
        max_receive_message_bytes: int, largest request; -1: no limit, as TensorFlow Serving.
        max_image_pixels: int, N*H*W of a request, of arrays as of encoded pictures, counted as
            the model pads them; 0: only what the model itself refuses.
        memory: int, MB that the process may take, models and requests together: what would pass
            it waits or gets RESOURCE_EXHAUSTED, by what `tfdeblur export` noted of the model. 0:
            four fifths of the machine's or the container's. Without effect on a GPU.
        file_system_poll_wait_seconds: float, pause between looks for new versions; 0: never
            looks again.
        model_config_file_poll_wait_seconds: float, the same for `models.config`.
        max_num_load_retries: int, how often a version that does not load is tried again.
        load_retry_interval_micros: int, pause before that, in microseconds.
        enable_model_warmup: bool, runs the version's warm-up records before it is available.
        num_request_iterations_for_warmup: int, how often each record is run.
        allow_version_labels_for_unavailable_models: bool, labels may be given at start.
        enable_serialization_as_tensor_content: bool, answers hold raw bytes instead of typed
            fields.
        precision: str, arithmetic of the models: "float32", "bfloat16" or "auto", bfloat16 where
            the processor has it and the model is known to lose next to nothing by it, as `tfdeblur
            export` noted of its card.
        saved_model_tags: str, tags of the graph to load, with commas between.
        tensorflow_intra_op_parallelism: int, threads inside one operation; 0: TensorFlow chooses.
        tensorflow_inter_op_parallelism: int, operations at the same time; 0: TensorFlow chooses.
        open_port_early: bool, listens before the first version is there (TensorFlow Serving does
            not), so that one can watch it load.
        ssl_server_key: PEM file of the private key; with `ssl_server_cert`, TLS is on.
        ssl_server_cert: PEM file of the certificate chain.
        ssl_custom_ca: PEM file; with it, clients must show a certificate signed by it.
        drain_seconds: float, how long requests that run may go on when the service stops.
    """

    host: str = "127.0.0.1"
    model_name: str | None = None
    grpc_max_threads: int = 0
    max_running: int = 0
    max_receive_message_bytes: int = limits.DEFAULT_BYTES_OF_A_REQUEST
    max_image_pixels: int = 0
    memory: int = 0
    file_system_poll_wait_seconds: float = 1.0
    model_config_file_poll_wait_seconds: float = 0.0
    max_num_load_retries: int = 1
    load_retry_interval_micros: int = 1_000_000
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    allow_version_labels_for_unavailable_models: bool = False
    enable_serialization_as_tensor_content: bool = False
    precision: str = "auto"
    saved_model_tags: str = "serve"
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    open_port_early: bool = False
    ssl_server_key: str | Path | None = None
    ssl_server_cert: str | Path | None = None
    ssl_custom_ca: str | Path | None = None
    drain_seconds: float = 30.0

    def __post_init__(self) -> None:
        chosen_precision(self.precision)
        for field in fields(self):
            value = getattr(self, field.name)
            least = -1 if field.name == "max_receive_message_bytes" else 0
            if isinstance(field.default, int | float) and not value >= least:
                raise InvalidInput(f"`{field.name}` must be at least {least}. Received: {value}")
        if (self.ssl_server_key is None) != (self.ssl_server_cert is None):
            raise InvalidInput(
                "`ssl_server_key` and `ssl_server_cert` belong together: give both, or neither. "
                f"Received: ssl_server_key={self.ssl_server_key}, "
                f"ssl_server_cert={self.ssl_server_cert}"
            )
        if self.ssl_custom_ca is not None and self.ssl_server_key is None:
            raise InvalidInput(
                "`ssl_custom_ca` asks clients for certificates, which needs TLS: give "
                "`ssl_server_key` and `ssl_server_cert` as well."
            )

    @property
    def callers(self) -> int:
        """How many callers are served or wait at the same time, at most."""
        return self.grpc_max_threads or 4 * (os.cpu_count() or 1)

    @property
    def largest_tensor(self) -> int:
        """Bytes that a decoded tensor may take: what fits into one request when written out."""
        limit = self.max_receive_message_bytes
        return limits.LARGEST_MESSAGE if limit < 0 else min(limit, limits.LARGEST_MESSAGE)
