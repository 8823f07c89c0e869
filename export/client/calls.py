"""Calls to one model of a service: addresses, deadlines, retries, and errors in words."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np

from export.client.errors import failure, failure_of, may_pass
from export.client.tensors import MalformedTensor, read_tensor, tensor_of
from export.messages import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
)
from export.wire import CONTENT_WANTED, join_request, split_answer
from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput

# Images are larger than gRPC's default limit of 4 MiB. After a refused connection a channel
# fails calls for a while without trying; its default, a second and more, is longer than ours.
_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.use_local_subchannel_pool", 1),
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds between attempts, doubled each time
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:")


class Answer(NamedTuple):
    """What Predict returned.

    Attributes:
        outputs: name -> array (not to be written to), or list of bytes.
        version: int, of the model that ran.
    """

    outputs: dict[str, Any]
    version: int


class ModelService:
    """Calls one model of a service; may be used by several threads at once.

    Args:
        target, model, version, label, timeout, retries, wait_for_ready, credentials: as for
            `export.client.client.DeblurClient`.
    """

    def __init__(
        self,
        target: str,
        model: str,
        *,
        version: int | None,
        label: str | None,
        timeout: float,
        retries: int,
        wait_for_ready: bool,
        credentials: grpc.ChannelCredentials | None,
    ):
        _check(target, model, version, label)
        if not timeout > 0 or retries < 0:
            raise InvalidInput(
                "`timeout` must be above 0 seconds, and `retries` at least 0. "
                f"Received: timeout={timeout}, retries={retries}"
            )
        self.target, self.model, self.version, self.label = target, model, version, label
        self.timeout, self.retries, self.wait_for_ready = timeout, retries, wait_for_ready
        self.first_pause = _FIRST_PAUSE
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)
        self._predict = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=bytes,
            response_deserializer=split_answer,
        )
        self._get_metadata = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/GetModelMetadata",
            request_serializer=GetModelMetadataRequest.SerializeToString,
            response_deserializer=GetModelMetadataResponse.FromString,
        )
        self._get_status = self._channel.unary_unary(
            "/tensorflow.serving.ModelService/GetModelStatus",
            request_serializer=GetModelStatusRequest.SerializeToString,
            response_deserializer=GetModelStatusResponse.FromString,
        )

    def close(self) -> None:
        """Ends calls that are under way, and the connection."""
        self._channel.close()

    @property
    def name(self) -> str:
        """The model in words."""
        which = f" version {self.version}" if self.version is not None else ""
        return f"model {self.model!r}{which or (f' label {self.label!r}' if self.label else '')}"

    def predict(
        self,
        inputs: Mapping[str, np.ndarray | Sequence[bytes]],
        signature: str,
        output_filter: Sequence[str] = (),
        *,
        timeout: float | None = None,
        most: int | None = None,
    ) -> Answer:
        """Runs one signature.

        Args:
            inputs: name -> array, or byte strings.
            signature: its key.
            output_filter: names of the outputs that are wanted; none: all.
            timeout: seconds, in the place of the client's own.
            most: int, values of each output that are accepted; None: any number.

        Raises:
            CallFailed: see `export.client.errors`.
            InvalidInput: if the request is larger than a message can be.
        """
        tensors = {name: tensor_of(value) for name, value in inputs.items()}
        request = join_request(self._spec(signature), tensors, output_filter)
        if len(request) > limits.LARGEST_MESSAGE:
            raise InvalidInput(
                "`inputs` must fit into one message of 2 GiB; send fewer images at once, or tiles "
                f"with `max_pixels` (--max-pixels). Received: {len(request)} bytes"
            )
        predict = partial(self._predict, metadata=(CONTENT_WANTED,))
        answer = self.call(predict, request, timeout)
        options = {} if most is None else {"most": most}
        try:
            outputs = {k: read_tensor(v, **options) for k, v in answer.outputs.items()}
        except MalformedTensor as error:
            raise failure("INTERNAL", str(error), self.target, self.name) from error
        return Answer(outputs, answer.model_spec.version.value)

    def metadata(self, timeout: float | None = None) -> Any:
        """Returns the message that describes the model's signatures."""
        request = GetModelMetadataRequest(model_spec=self._spec(), metadata_field=["signature_def"])
        return self.call(self._get_metadata, request, timeout)

    def status(self, timeout: float | None = None) -> Any:
        """Returns the message that lists the model's versions."""
        request = GetModelStatusRequest(model_spec=self._spec())
        return self.call(self._get_status, request, timeout)

    def call(self, method: Callable[..., Any], request: Any, timeout: float | None) -> Any:
        """Calls, again after a pause where nothing answers or all places are taken.

        All of it ends within the time allowed. The pauses are random and grow: clients that one
        restart threw off must not all be back at the same moment, and a busy service needs rest.
        """
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        attempt, pause = 0, self.first_pause
        while True:
            left = max(0.001, end - time.monotonic())
            try:
                return method(request, timeout=left, wait_for_ready=self.wait_for_ready)
            except grpc.RpcError as error:
                failed = failure_of(error, self.target, self.name)
                wait = pause * random.uniform(0.5, 1.0)
                again = may_pass(failed) and attempt < self.retries
                if not again or time.monotonic() + wait >= end:
                    raise failed from error
            except ValueError as error:  # gRPC's way to say that the channel was closed
                raise InvalidInput(f"The client is closed: {error}") from error
            time.sleep(wait)
            attempt, pause = attempt + 1, min(2 * pause, _LONGEST_PAUSE)

    def _spec(self, signature: str = "") -> Any:
        spec = ModelSpec(name=self.model, signature_name=signature)
        if self.version is not None:
            spec.version.value = self.version
        elif self.label is not None:
            spec.version_label = self.label
        return spec


def _check(target: Any, model: Any, version: int | None, label: str | None) -> None:
    text = target if isinstance(target, str) else ""
    port = text.rpartition(":")[2]
    if "//" in text.partition("dns:")[0] or not (port.isdigit() or text.startswith(_SCHEMES)):
        raise InvalidInput(
            "`target` must be HOST:PORT, of the gRPC port (usually 8500), or unix:PATH. "
            f"Received: target={target!r}"
        )
    if not isinstance(model, str) or not model:
        raise InvalidInput(f"`model` must be the name of a model. Received: model={model!r}")
    if version is not None and label is not None:
        raise InvalidInput(
            "`version` and `label` exclude each other. "
            f"Received: version={version}, label={label!r}"
        )
    if version is not None and not 0 <= version < 2**63:
        raise InvalidInput(f"`version` must be at least 0. Received: version={version}")


def tls_credentials(
    certificate_authority: str | Path | None = None,
    certificate: str | Path | None = None,
    key: str | Path | None = None,
) -> grpc.ChannelCredentials:
    """Credentials for a service behind TLS, from PEM files.

    Args:
        certificate_authority: who signed the service's certificate; None: whom gRPC trusts.
        certificate, key: of this client, where the service asks for them; both or none.

    Raises:
        InvalidInput: if one of the two is missing.
        DataError: if a file cannot be read.
    """
    if (certificate is None) != (key is None):
        raise InvalidInput(
            "`certificate` and `key` belong together. "
            f"Received: certificate={certificate}, key={key}"
        )
    files = (certificate_authority, key, certificate)
    return grpc.ssl_channel_credentials(*(None if f is None else _read(f) for f in files))


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
