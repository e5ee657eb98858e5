"""One JSON-RPC message, read strictly and once, and what is written back.

Anything that two readers could take differently is refused whole: a name twice, `Method` beside `method`, a batch, an
id that is a number with a fraction. A message with a member that JSON-RPC 2.0 does not know is not a message.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from mcp_types.jsonrpc import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    PARSE_ERROR,
    UNSUPPORTED_PROTOCOL_VERSION,
)

from policy_dsl import StrictJsonError, strict_json

__all__ = [
    "HEADER_MISMATCH",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "MISSING_REQUIRED_CLIENT_CAPABILITY",
    "PARSE_ERROR",
    "REFUSED",
    "UNSUPPORTED_PROTOCOL_VERSION",
    "Message",
    "Notification",
    "Reply",
    "Request",
    "RpcError",
    "RpcId",
    "error_bytes",
    "notification_bytes",
    "read_message",
    "request_bytes",
    "result_bytes",
]

REFUSED: Final = -32010
"""The gate does not allow it. From the band that MCP leaves to implementations (-32000 to -32019)."""

MOST_ID: Final = 256
MOST_METHOD: Final = 128

RpcId = int | str

_OF_REQUEST: Final = frozenset({"jsonrpc", "id", "method", "params"})
_OF_REPLY: Final = frozenset({"jsonrpc", "id", "result", "error"})


class RpcError(Exception):
    """Answered as a JSON-RPC error. `status` is what HTTP says beside it; `data` is a JSON object or None."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status


class Request(NamedTuple):
    id: RpcId
    method: str
    params: dict[str, Any]


class Notification(NamedTuple):
    method: str
    params: dict[str, Any]


class Reply(NamedTuple):
    """`error` is the error object where there is one, and then `result` is empty."""

    id: RpcId | None
    result: dict[str, Any]
    error: dict[str, Any] | None


Message = Request | Notification | Reply


def read_message(body: bytes, numbers: Literal["exact", "kept"] = "exact") -> Message:
    """The message that `body` spells. Raises RpcError, which repeats nothing of it."""
    try:
        tree = strict_json.parse(body, numbers=numbers)
    except StrictJsonError as error:
        raise RpcError(PARSE_ERROR, f"not strict JSON: {error.message}", {"code": error.code}, status=400) from error
    if not isinstance(tree, dict):
        raise _malformed("a message is one object; batches are not taken")
    if tree.get("jsonrpc") != "2.0":
        raise _malformed("`jsonrpc` is `2.0`")
    return _asking(tree) if "method" in tree else _replying(tree)


def _asking(tree: dict[str, Any]) -> Message:
    if not tree.keys() <= _OF_REQUEST:
        raise _malformed("a request holds `jsonrpc`, `id`, `method` and `params`, and nothing else")
    method, params = tree["method"], tree.get("params", {})
    if not isinstance(method, str) or not 0 < len(method) <= MOST_METHOD:
        raise _malformed("`method` is a name")
    if not isinstance(params, dict):
        raise _malformed("`params` is an object")
    return Request(_id(tree["id"]), method, params) if "id" in tree else Notification(method, params)


def _replying(tree: dict[str, Any]) -> Reply:
    if not tree.keys() <= _OF_REPLY or ("result" in tree) == ("error" in tree):
        raise _malformed("neither a request nor a response")
    result, error, name = tree.get("result", {}), tree.get("error"), tree.get("id")
    if not isinstance(result, dict) or not isinstance(error, dict | None):
        raise _malformed("`result` or `error` is an object")
    if "error" in tree and (error is None or type(error.get("code")) is not int):
        raise _malformed("an error has a `code`")
    if name is None and error is not None:
        return Reply(None, {}, error)  # JSON-RPC 2.0 section 5: the id of the request could not be read
    return Reply(_id(name), result, error)


def _id(name: Any) -> RpcId:
    if type(name) is int or (isinstance(name, str) and len(name) <= MOST_ID):
        return name
    raise _malformed(f"`id` is a whole number or a text of at most {MOST_ID} characters")


def _malformed(message: str) -> RpcError:
    return RpcError(INVALID_REQUEST, message, status=400)


def request_bytes(name: RpcId, method: str, params: dict[str, Any]) -> bytes:
    return strict_json.encode({"jsonrpc": "2.0", "id": name, "method": method, "params": params})


def notification_bytes(method: str, params: dict[str, Any]) -> bytes:
    return strict_json.encode({"jsonrpc": "2.0", "method": method, "params": params})


def result_bytes(name: RpcId, result: dict[str, Any]) -> bytes:
    return strict_json.encode({"jsonrpc": "2.0", "id": name, "result": result})


def error_bytes(name: RpcId | None, error: RpcError) -> bytes:
    said: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        said["data"] = error.data
    return strict_json.encode({"jsonrpc": "2.0", "id": name, "error": said})
