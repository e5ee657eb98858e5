"""The events of a streamed message, as they leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policy_dsl.strict_json import encode

from .blocks import CALL, PROVIDED_CALL, SPOKEN

DELTAS: Final[Mapping[str, str]] = {"text": "text_delta", "thinking": "thinking_delta"}
"""The delta that carries the words of a spoken block; the words stand in the member that SPOKEN names."""

PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def printed(kind: str, **members: Any) -> bytes:
    """One event. Its name stands twice, in the event field and as the type of its data, and clients read either."""
    return b"event: " + kind.encode() + b"\ndata: " + encode({"type": kind, **members}) + b"\n\n"


def begun(index: int, tree: Mapping[str, Any]) -> bytes:
    """The event that begins a block, which holds nothing yet of what deltas add to it."""
    empty = {SPOKEN.get(tree["type"], ""): "", "signature": "", "input": {}}
    block = {member: value if value is None else empty.get(member, value) for member, value in tree.items()}
    if block.get("citations"):
        block["citations"] = []
    return printed("content_block_start", index=index, content_block=block)


def words(index: int, kind: str, text: str) -> bytes:
    return _delta(index, DELTAS[kind], SPOKEN[kind], text)


def opaque(index: int, tree: Mapping[str, Any]) -> Iterator[bytes]:
    """What belongs to a block beside its words."""
    for citation in tree.get("citations") or ():
        yield _delta(index, "citations_delta", "citation", citation)
    if tree.get("signature"):
        yield _delta(index, "signature_delta", "signature", tree["signature"])


def ended(index: int) -> bytes:
    return printed("content_block_stop", index=index)


def whole_block(index: int, tree: Mapping[str, Any]) -> bytes:
    """All events of a block that leaves at once. A call's arguments are one fragment: its reader needs them all."""
    out = [begun(index, tree)]
    kind = tree["type"]
    if kind in (CALL, PROVIDED_CALL):
        out.append(_delta(index, "input_json_delta", "partial_json", encode(tree.get("input") or {}).decode()))
    elif kind in DELTAS and tree[SPOKEN[kind]]:
        out.append(words(index, kind, tree[SPOKEN[kind]]))
    return b"".join((*out, *opaque(index, tree), ended(index)))


def _delta(index: int, kind: str, member: str, value: Any) -> bytes:
    return printed("content_block_delta", index=index, delta={"type": kind, member: value})
