"""The event that nearly every event of a stream is: an earlier delta with another text, number and padding.

Where two JSON texts differ in some strings and one number alone, they spell the same tree but for these. So a delta
that was read strictly becomes a pattern with holes; an event that matches it as a whole is read by reading what stands
in the hole for the text. What leaves is printed around the text that was read, never copied.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from policy_dsl.strict_json import encode

from .events import printed, text_event
from .streamed_item import StreamedItem, StreamedText

MOST_LEARNT: Final = 64
"""How often a stream's deltas are made into a pattern; a server that writes every one anew gains nothing from it."""

_MARKS: Final = tuple(secrets.token_hex(16) for _ in range(3))
"""Stand for the holes while an event is taken apart; random, so that no server can write them beside the text."""

_HOLES: Final = (
    # A text without \\u escapes: half a surrogate pair is for the strict parser to find.
    rb'("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*+")',
    rb"(?:0|[1-9][0-9]{0,8})",
    rb'"[A-Za-z0-9]*+"',
)
_HOLE_MEMBERS: Final = ("delta", "sequence_number", "obfuscation")
_MEMBERS: Final = frozenset({"type", "item_id", "output_index", "content_index", "summary_index", "logprobs"})

_read_text: Final = msgspec.json.Decoder(str).decode


class LikeDelta:
    """`data` is an event that spells `tree`, a delta of `text` in `item`."""

    def __init__(self, item: StreamedItem, text: StreamedText, pattern: re.Pattern[bytes]) -> None:
        self.item = item
        self.text = text
        self._pattern = pattern
        delta, number = f'"{_MARKS[0]}"'.encode(), f'"{_MARKS[1]}"'.encode()
        event = text_event("delta", text.kind, item.id, item.place or 0, text.at, {"delta": _MARKS[0]})
        self._before, behind = printed({**event, "sequence_number": _MARKS[1]}).split(delta)
        self._between, self._after = behind.split(number)

    def text_in(self, data: bytes) -> str | None:
        """The text of an event that differs from the first one in nothing that is read; None for every other event."""
        if self.item.done is not None or self.text.finished:
            return None
        found = self._pattern.fullmatch(data)
        if found is None:
            return None
        try:
            return _read_text(found[1])
        except ValueError:
            return None

    def printed(self, text: str, number: int) -> bytes:
        """The event that leaves with this text."""
        return b"%b%b%b%d%b" % (self._before, encode(text), self._between, number, self._after)


def like_delta(data: bytes, tree: Mapping[str, Any], item: StreamedItem, text: StreamedText) -> LikeDelta | None:
    """None where the event holds more than a text or is not printed as it would be printed here."""
    if not tree.keys() <= _MEMBERS | {*_HOLE_MEMBERS} or tree.get("logprobs") or encode(dict(tree)) != data:
        return None
    marked = {**tree, **{name: mark for name, mark in zip(_HOLE_MEMBERS, _MARKS, strict=True) if name in tree}}
    pattern = re.escape(encode(marked))
    for mark, hole in zip(_MARKS, _HOLES, strict=True):
        pattern = pattern.replace(f'"{mark}"'.encode(), hole)
    return LikeDelta(item, text, re.compile(pattern))
