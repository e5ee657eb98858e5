"""The event that nearly every event of a stream is: an earlier text delta of the same block with another text.

Where two JSON texts differ in one string alone, they spell the same tree but for that string (text_chunk.py). So a
delta that was read strictly is kept as what stands before its text and what stands behind, and an event that has one
JSON string between the two is read by reading that string. What leaves is printed around the text that was read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from policy_dsl.strict_json import encode

from ..text_chunk import text_between
from . import events

_MARK: Final = secrets.token_hex(16)
"""Stands for the text while a delta is taken apart; random, so that no server can write it beside the text."""


class LikeDelta(NamedTuple):
    """`before` and `behind` stand around the text as it comes, `opening` and `closing` as it leaves."""

    before: bytes
    behind: bytes
    opening: bytes
    closing: bytes

    def text_in(self, data: bytes) -> str | None:
        """The text of an event that differs from the delta in nothing else; None for every other event."""
        return text_between(data, self.before, self.behind)

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
