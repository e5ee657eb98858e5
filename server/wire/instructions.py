"""A text beside a client's instructions, in the forms that the APIs give these: a text, a list of parts, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .reserved import Reserved


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a model is told in front of what its client tells it. `renamed` are names in the client's own instructions
    that stand for something else now: left alone, they would speak against `text`. `reserved` are names that no
    text of the request may say."""

    text: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    reserved: Reserved | None = None

    def put(self, tree: dict[str, Any], member: str) -> dict[str, Any]:
        """`tree` with the instructions in `member` changed; `tree` itself where nothing is."""
        given = tree.get(member)
        said = self.beside(given)
        return tree if said is given else {**tree, member: said}

    def beside(self, given: Any) -> Any:
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


@dataclass(frozen=True, slots=True)
class Naming(Instructions):
    """One line behind the client's instructions that says `name`; none where these say it themselves, or where `text`
    is empty. Behind them is where a model that was taught a policy read its name (training/prompting.py)."""

    name: str = ""

    def beside(self, given: Any) -> Any:
        if not self.text or (given and self.name in _said(given)):
            return given
        if not given:
            return self.text
        if isinstance(given, list):
            return [*given, {"type": "text", "text": f"\n{self.text}"}]
        return f"{given}\n{self.text}"


def _said(given: Any) -> str:
    if not isinstance(given, list):
        return str(given)
    return "\n".join(str(part.get("text")) for part in given if isinstance(part, dict))
