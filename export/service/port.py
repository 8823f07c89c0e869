"""Address and port of a service."""

import socket

from tfdeblur.errors import InvalidInput

_EVERYWHERE = ("0.0.0.0", "::", "")


def check_free(host: str, port: int) -> None:
    """Refuses a port that something else listens on.

    Args:
        host: address to listen on.
        port: TCP port; 0 is always free.

    Raises:
        InvalidInput: if the host is not of this machine, or the port is taken or not one.
    """
    if not 0 <= port < 2**16:
        raise InvalidInput(f"`port` must be from 0 to 65535. Received: port={port}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gRPC does: a port that was left a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise not_bound(host, port, str(error)) from error


def not_bound(host: str, port: int, why: str) -> InvalidInput:
    """The error for an address that cannot be listened on."""
    return InvalidInput(
        f"`port` must be free on `host`, and `host` an address of this machine. Received: "
        f"host={host}, port={port}: {why}. Take another port, or 0 for any free one."
    )


def address_of(host: str, port: int) -> str:
    """What gRPC listens on: "host:port", with brackets around IPv6."""
    host = host or "0.0.0.0"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def target_of(host: str, port: int) -> str:
    """What a client on this machine connects to."""
    return address_of("localhost" if host in _EVERYWHERE else host, port)
