"""Callers that are slow to send a request, to take an answer, or to end a stream.

gRPC for Python keeps a thread for each call whose request has not arrived, and the memory of each
answer that is not taken; neither has an end where the caller has set no deadline. So only so many
calls may wait for their callers. One more, and the one that has waited longest is cancelled: who
is quick never notices.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from tfdeblur.limits import MOST_STREAMS

UNDECODABLE = "Exception deserializing request!"  # so are these
_ONE_REQUEST = '"{}" requires exactly one request message.'  # gRPC's own words


class Waiting:
    """Calls that wait for their callers, the oldest first.

    Args:
        most: int, how many may.
    """

    def __init__(self, most: int):
        self._most = most
        self._calls: dict[grpc.ServicerContext, None] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._calls)

    def enter(self, context: grpc.ServicerContext) -> None:
        """Counts a call; cancels the oldest one if they are too many now."""
        with self._lock:
            oldest = None
            if len(self._calls) >= self._most:
                oldest = next(iter(self._calls))
                del self._calls[oldest]
            self._calls[context] = None
        if oldest is not None:
            oldest.cancel()  # type: ignore[attr-defined]  # grpc.RpcContext has it

    def leave(self, context: grpc.ServicerContext) -> None:
        """The call no longer waits, or was cancelled."""
        with self._lock:
            self._calls.pop(context, None)


class SlowCallers(grpc.ServerInterceptor):
    """Sees to it that slow callers do not take the threads and the memory of the others.

    Args:
        most: int, calls that may arrive at a time, and as many whose answer may not be taken yet.

    Attributes:
        arriving: calls whose request is not here yet.
        leaving: calls whose answer is not taken yet.
        streams: calls that go on for as long as the caller likes.
    """

    def __init__(self, most: int) -> None:
        self.arriving, self.leaving = Waiting(most), Waiting(most)
        self.streams = Waiting(MOST_STREAMS)

    def intercept_service(self, continuation: Callable, details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = continuation(details)
        if handler is None:
            return None
        # Requests are taken as bytes and decoded here: gRPC keeps 19 KB of memory for each that
        # is no message, and writes a traceback to the log.
        decode, coders = handler.request_deserializer, (None, handler.response_serializer)
        if handler.unary_unary:
            # To the caller it is the same; here, it starts before the request has arrived.
            call = self._one(_decoding(handler.unary_unary, decode), details.method)
            return grpc.stream_unary_rpc_method_handler(call, *coders)
        if handler.unary_stream:
            stream = self._stream(_first(handler.unary_stream), decode)
        else:
            stream = self._stream(handler.stream_stream, decode)
        return grpc.stream_stream_rpc_method_handler(stream, *coders)

    def _one(self, answer: Callable, method: str) -> Callable:
        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            self.arriving.enter(context)
            try:
                request = next(requests, None)
            finally:
                self.arriving.leave(context)
            if request is None:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, _ONE_REQUEST.format(method))
            answered = answer(request, context)
            self.leaving.enter(context)
            if not context.add_callback(lambda: self.leaving.leave(context)):  # it has ended
                self.leaving.leave(context)
            return answered

        return call

    def _stream(self, answers: Callable, decode: Callable | None) -> Callable:
        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            self.streams.enter(context)
            try:
                yield from answers((_decoded(one, decode, context) for one in requests), context)
            finally:
                self.streams.leave(context)

        return call


def _decoding(answer: Callable, decode: Callable | None) -> Callable:
    """A handler of a message as one of its bytes."""
    return lambda data, context: answer(_decoded(data, decode, context), context)


def _decoded(data: bytes, decode: Callable | None, context: grpc.ServicerContext) -> Any:
    try:
        return decode(data) if decode else data
    except DecodeError:
        context.abort(grpc.StatusCode.INTERNAL, UNDECODABLE)


def _first(answers: Callable) -> Callable:
    """A handler of one request as one of a stream of them."""

    def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        request = next(requests, None)
        if request is not None:
            yield from answers(request, context)

    return call
