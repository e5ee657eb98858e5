"""A text in front of instructions, in the forms that the APIs give these: a text, a list of text parts, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Instructions(NamedTuple):
    """What a model is told besides what its client tells it. `renamed` are names in the client's own instructions that
    stand for something else now: left alone, they would speak against `text`."""

    text: str
    renamed: Mapping[str, str] = {}

    def before(self, given: Any) -> Any:
        """The client's instructions with `text` in front, in the form they came in; `text` alone where there were none.
        Parts keep their other members, so that a mark on one of them (Anthropic's `cache_control`) still stands."""
        if not given:
            return self.text
        if isinstance(given, list):
            return [{"type": "text", "text": self.text}, *map(self._part, given)]
        return f"{self.text}\n\n{self._words(given)}"

    def _part(self, part: Any) -> Any:
        told = part.get("text") if isinstance(part, dict) else None
        return {**part, "text": self._words(told)} if isinstance(told, str) else part

    def _words(self, told: str) -> str:
        for old, new in self.renamed.items():
            told = told.replace(old, new)
        return told
