"""What can go wrong with a model server.

UpstreamError
    .code is one of CODES; .message is for the log and for the client, and never quotes bytes that the server sent
"""

from __future__ import annotations

from typing import Literal, get_args

Code = Literal[
    "connect-failed",  # no address, nothing listens, or the network said no
    "connect-timeout",  # no connection (TLS included) within the connect timeout
    "tls-failed",  # the certificate or the handshake was refused
    "pool-timeout",  # every connection stayed busy until the deadline
    "read-timeout",  # silence for longer than the read timeout
    "deadline",  # the answer was not complete at the deadline of the request
    "closed-early",  # the connection ended before the answer did
    "malformed-upstream",  # not plain HTTP/1.1, or framed in a way that two readers could read differently
    "redirect",  # the server asked to go elsewhere; the gate never does
    "too-large",  # the answer is larger than the limit it was read with
    "shutting-down",  # the gate itself is closing its connections
]
CODES: tuple[str, ...] = get_args(Code)


class UpstreamError(Exception):
    """A request got no usable answer. `code` is stable; whether the server acted on the request is unknown."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
