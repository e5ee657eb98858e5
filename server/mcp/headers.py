"""What HTTP says about a message, and that it says the same as the body.

A proxy that routes or authorises on `Mcp-Method` and a server that reads the body are two readers: where they would
differ the request is refused (2026-07-28, Transports: HeaderMismatch, -32020).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from mcp.shared.inbound import (
    MCP_PARAM_HEADER_PREFIX,
    MCP_PROTOCOL_VERSION_HEADER,
    InboundLadderRejection,
    classify_inbound_request,
    validate_mcp_param_headers,
)

from ..edge import EdgeError
from .eras import HANDSHAKE_PROTOCOL_VERSIONS, PROTOCOL_VERSION_META_KEY
from .messages import HEADER_MISMATCH, METHOD_NOT_FOUND, Request, RpcError

SESSION_HEADER: Final = "mcp-session-id"
_OF_MCP: Final = "mcp-"


class Headers:
    """The headers of one request that say something about MCP. Names are in lower case."""

    __slots__ = ("_values",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        """Raises RpcError where one of MCP's own stands twice: the first and the last reader would differ."""
        self._values: dict[str, str] = {}
        for raw_name, raw_value in raw:
            # White space around a value is none of it (RFC 9110 section 5.5), and not every parser takes it away.
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip(" \t")
            if name in self._values:
                if name.startswith(_OF_MCP) or name == "origin":
                    raise RpcError(HEADER_MISMATCH, f"`{_shown(name)}` stands twice", status=400)
                value = f"{self._values[name]}, {value}"
            self._values[name] = value

    @property
    def version(self) -> str | None:
        return self._values.get(MCP_PROTOCOL_VERSION_HEADER)

    @property
    def session(self) -> str | None:
        return self._values.get(SESSION_HEADER)

    def check_origin(self, allowed: frozenset[str]) -> None:
        """A browser names the page that asks. Raises EdgeError 403 for one that nobody allowed (DNS rebinding)."""
        origin = self._values.get("origin")
        if origin is None or origin in allowed:
            return
        raise EdgeError(403, "foreign-origin", "requests of this web page's origin are not taken")

    def check_accept(self) -> None:
        """Clients take both kinds of answer (Streamable HTTP). Raises EdgeError 406."""
        kinds = [part.split(";")[0].strip().lower() for part in self._values.get("accept", "").split(",")]
        if "*/*" in kinds:
            return
        json = "application/json" in kinds or "application/*" in kinds
        if not json or not ("text/event-stream" in kinds or "text/*" in kinds):
            message = "an MCP client accepts `application/json` and `text/event-stream`"
            raise EdgeError(406, "not-acceptable", message)

    def is_modern(self, params: Mapping[str, Any]) -> bool:
        """Whether the request stands alone: its header or its body names a version without a handshake."""
        meta = params.get("_meta")
        if isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta:
            return True
        return self.version is not None and self.version not in HANDSHAKE_PROTOCOL_VERSIONS

    def agreed(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        """Version and capabilities of a client of 2026-07-28. Raises RpcError by the rules of the specification."""
        body = {"method": request.method, "params": request.params}
        route = classify_inbound_request(body, headers=self._values)
        if isinstance(route, InboundLadderRejection):
            raise _rejected(route)
        claimed = route.client_capabilities
        return route.protocol_version, claimed if isinstance(claimed, dict) else {}

    def check_mirrored(
        self, schema: Mapping[str, Any], mirrored: Mapping[tuple[str, ...], str], arguments: Mapping[str, Any]
    ) -> None:
        """Arguments that a schema has mirrored into `Mcp-Param-*` are the same there. Raises RpcError."""
        claims = any(name.startswith(MCP_PARAM_HEADER_PREFIX.lower()) for name in self._values)
        if not claims and not mirrored:
            return
        rejection = validate_mcp_param_headers(schema, plain_numbers(arguments), self._values)
        if rejection is not None:
            raise _rejected(rejection)


def plain_numbers(value: Any) -> Any:
    """Decimals as floats, for the SDK's rules about headers; nothing that leaves is written from the result."""
    if isinstance(value, dict):
        return {name: plain_numbers(item) for name, item in value.items()}
    return float(value) if isinstance(value, Decimal) else value


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of an address, as browsers write it in `Origin`. Raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"`{url}` is not an origin such as `https://example.com`")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _rejected(rejection: InboundLadderRejection) -> RpcError:
    status = 404 if rejection.code == METHOD_NOT_FOUND else 400
    return RpcError(rejection.code, rejection.message, rejection.data, status=status)


def _shown(name: str) -> str:
    return name if name.isascii() and name.isprintable() and len(name) <= 64 else "a header"
