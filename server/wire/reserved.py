"""Names that only the gate may say to a model: broken wherever else they stand in a request.

A name is broken and not removed, as what stands around a removed one could close into another
(`<|pol<|policy:a|>icy:b|>`), and not refused, as a page that a tool fetched could then end a run. One space in it makes
it other tokens.
"""

from __future__ import annotations

import re
from typing import Any, Final

_UNREAD: Final = frozenset({"model"})
"""Members of a request that no chat template puts into a prompt."""
_PART: Final = "text"
"""The member of a message's part that holds its words."""


class Reserved:
    """Names that begin with `beginning`, all but `but`. The first character of `beginning` stands in it once, so that
    nothing broken can become whole again."""

    def __init__(self, beginning: str, but: str) -> None:
        self._beginning = beginning
        self._broken = f"{beginning[0]} {beginning[1:]}"
        # Arguments are JSON in a text, and templates print what they say: an escape in them hides nothing.
        letters = (f"(?:{re.escape(letter)}|\\\\u(?i:{ord(letter):04x}))" for letter in beginning)
        self._pattern = re.compile(f"{''.join(letters)}(?!{re.escape(but.removeprefix(beginning))})")
        self._halves = tuple(beginning[:size] for size in range(1, len(beginning)))

    def cleared(self, tree: dict[str, Any]) -> dict[str, Any]:
        """A request without them; `tree` itself where it has none."""
        kept = {name: value if name in _UNREAD else self._value(value, name) for name, value in tree.items()}
        return tree if all(kept[name] is value for name, value in tree.items()) else kept

    def _value(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self._text(value, name)
        if isinstance(value, list):
            items = [self._value(one, _PART) for one in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        if isinstance(value, dict):
            members = {self._text(key, ""): self._value(one, key) for key, one in value.items()}
            return value if all(members.get(key, self) is one for key, one in value.items()) else members
        return value

    def _text(self, text: str, name: str) -> str:
        if self._beginning in text or "\\u00" in text:
            text = self._pattern.sub(self._broken, text)
        # Some templates join the parts of a message with nothing between them.
        return f"{text} " if name == _PART and text.endswith(self._halves) else text
