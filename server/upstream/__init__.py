"""The gate's own HTTP/1.1 client towards model servers (docs/adr/0004-own-upstream-client.md says why it is our own).

An Upstream is one configured model server. A Pool holds its connections; a Connection carries one exchange at a time
and turns bytes into an UpstreamReply through httptools' parser; the reply hands the body on, whole or in parts.

Flow: Upstream.post -> Pool.take -> Connection.exchange -> UpstreamReply -> back into the Pool once complete.
Whatever is not plain, complete HTTP/1.1 is an UpstreamError; nothing is guessed, no redirect is followed.
"""

from .client import Upstream
from .connection import Connection
from .errors import UpstreamError
from .pool import Timeouts
from .reply import UpstreamReply

__all__ = ["Connection", "Timeouts", "Upstream", "UpstreamError", "UpstreamReply"]
