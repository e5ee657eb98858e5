"""The event that nearly every event of a stream is: an earlier text delta of the same block with another text.

Where two JSON texts differ in one string alone, they spell the same tree but for that string (text_chunk.py). So a
delta that was read strictly is kept as what stands before its text and what stands behind, and an event that has one
JSON string between the two is read by reading that string. What leaves is printed around the text that was read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from policy_dsl.strict_json import encode

from . import events

_MARK: Final = secrets.token_hex(16)
"""Stands for the text while a delta is taken apart; random, so that no server can write it beside the text."""

_read_text: Final = msgspec.json.Decoder(str).decode


class LikeDelta(NamedTuple):
    """`before` and `behind` stand around the text as it comes, `opening` and `closing` as it leaves."""

    before: bytes
    behind: bytes
    opening: bytes
    closing: bytes

    def text_in(self, data: bytes) -> str | None:
        """The text of an event that differs from the delta in nothing else; None for every other event."""
        begin, end = len(self.before), len(data) - len(self.behind)
        if begin >= end or not data.startswith(self.before) or not data.endswith(self.behind):
            return None
        token = data[begin:end]
        if b"\\" in token and b"\\u" in token:
            return None  # half a surrogate pair is for the strict parser to find
        try:
            return _read_text(token)
        except ValueError:
            return None

    def printed(self, text: str) -> bytes:
        """The event that leaves with this text."""
        return self.opening + encode(text) + self.closing


def like_delta(data: bytes, tree: Mapping[str, Any], out: int) -> LikeDelta | None:
    """The LikeDelta of an event `data` that spells `tree`, where the block's place among those that leave is `out`.
    None where it is no delta of text, holds more than that, or is not printed as it would be printed here."""
    delta = tree["delta"]
    if tree.keys() != {"type", "index", "delta"} or delta.keys() != {"type", "text"} or delta["type"] != "text_delta":
        return None
    if encode(dict(tree)) != data:
        return None
    mark = encode(_MARK)
    before, behind = encode({**tree, "delta": {**delta, "text": _MARK}}).split(mark)
    opening, closing = events.words(out, "text", _MARK).split(mark)
    return LikeDelta(before, behind, opening, closing)
