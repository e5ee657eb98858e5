"""The chunk that nearly every event of a stream is: an earlier chunk with another text.

Where two JSON texts differ in one string alone, they spell the same tree but for that string. So a chunk that was read
strictly becomes a TextChunk, what stands before its text and what stands behind; an event that begins and ends with
these and has one JSON string in between is read by reading that string. What leaves is printed around the text that was
read, never copied. Reading such an event takes 3 us instead of 13.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from policy_dsl.strict_json import encode

from .members import TOKEN_MEMBERS
from .sse import sse_event

_MARK: Final = secrets.token_hex(16)
"""Stands for the text while a chunk is taken apart; random, so that no server can write it beside the text."""

_read_text: Final = msgspec.json.Decoder(str).decode


def text_between(data: bytes, before: bytes, behind: bytes) -> str | None:
    """The text that `data` spells as one JSON string between the two; None for everything else."""
    begin, end = len(before), len(data) - len(behind)
    if begin >= end or not data.startswith(before) or not data.endswith(behind):
        return None
    token = data[begin:end]
    if token.find(b"\\u") >= 0:
        return None  # half a surrogate pair is for the strict parser to find
    try:
        return _read_text(token)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class TextChunk:
    """`tree` is the chunk, with one choice whose delta is `content` alone. `before` and `behind` stand around the text
    as it comes, `opening` and `closing` as it leaves."""

    tree: Mapping[str, Any]
    index: int
    before: bytes
    behind: bytes
    opening: bytes
    closing: bytes

    def text_in(self, data: bytes) -> str | None:
        """The text of an event that differs from the chunk in nothing else; None for every other event."""
        return text_between(data, self.before, self.behind)

    def printed(self, text: str) -> bytes:
        """The event that leaves with this text."""
        return self.opening + encode(text) + self.closing

    def changed(self, text: str) -> dict[str, Any]:
        """The chunk that leaves where its text is not the one that came: without the members that spell it again."""
        entry = {member: value for member, value in self.tree["choices"][0].items() if member not in TOKEN_MEMBERS}
        return {**self.tree, "choices": [{**entry, "delta": {"content": text}}]}


def text_chunk(data: bytes, tree: Mapping[str, Any], head: Mapping[str, Any]) -> TextChunk | None:
    """The TextChunk of an event `data` that spells `tree`, whose members leave as they stand in `head`.

    None where the event holds more than a text or is not printed as it would be printed here.
    """
    entries = tree["choices"]
    if len(entries) != 1 or tree.get("usage") is not None:
        return None
    delta = entries[0]["delta"]
    if delta.keys() != {"content"} or not isinstance(delta["content"], str) or not delta["content"]:
        return None
    if any(value is not None for member, value in entries[0].items() if member not in ("index", "delta")):
        return None
    marked: dict[str, Any] = {**tree, "choices": [{**entries[0], "delta": {"content": _MARK}}]}
    around = _around(encode(marked))
    if around is None or around[0] + encode(delta["content"]) + around[1] != data:
        return None
    leaving = _around(sse_event(encode({**marked, **head})))
    if leaving is None:
        return None
    return TextChunk(tree, entries[0]["index"], *around, *leaving)


def _around(printed: bytes) -> tuple[bytes, bytes] | None:
    before, *rest = printed.split(b'"' + _MARK.encode() + b'"')
    return (before, rest[0]) if len(rest) == 1 else None
