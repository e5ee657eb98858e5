"""The members of the judge: what each must offer, and the one that has the detectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from guardrail import Objection, Question, stricter

from .commands import addresses, commands
from .hidden import hidden
from .leaves import Leaf, leaves, readings
from .markers import markers
from .personal import personal
from .secrets import secrets

Effect = Literal["allow", "ask", "forbid"]
Narrowed = Literal["ask", "forbid"]

MOST_OBJECTIONS: Final = 16
"""Objections of one member that are kept; the effect counts them all."""

DETECTORS: Final[Mapping[str, Callable[[str], Iterable[str]]]] = {
    "secrets": secrets,
    "personal": personal,
    "commands": commands,
    "addresses": addresses,
    "hidden": hidden,
    "markers": markers,
}
"""By name, in the order they are asked: the codes that a text meets."""

AS_WRITTEN: Final = frozenset({"hidden"})
"""Detectors that look at the text as it is, and not as it reads."""


class Said(NamedTuple):
    """What one member has to say."""

    effect: Effect
    objections: tuple[Objection, ...] = ()


class Member(Protocol):
    """One judge of the gate. `most` is the most cautious that it may be, which is what its failures count as; `seconds`
    how long it has, None for one that only computes."""

    @property
    def name(self) -> str: ...

    @property
    def most(self) -> Narrowed: ...

    @property
    def seconds(self) -> float | None: ...

    async def ask(self, question: Question) -> Said:
        """What speaks against the call. Raises Nonsense for an answer outside its form; any error counts as one."""
        ...


class Nonsense(Exception):
    """A member's answer is outside its form. The message never quotes it."""


@dataclass(frozen=True, slots=True)
class DetectorJudge:
    """Detectors by name, and what each makes of a call in which it finds something. `labels` are session labels that
    speak against a call by themselves: what ResultScan found in earlier results."""

    detectors: Mapping[str, Narrowed]
    labels: Mapping[str, Narrowed]
    name: str = "detectors"
    most: Narrowed = "forbid"
    seconds: float | None = None

    async def ask(self, question: Question) -> Said:
        return self.look(question)

    def look(self, question: Question) -> Said:
        effect: Effect = "allow"
        found: dict[Objection, None] = {}
        for label in question.labels:
            if (narrowed := self.labels.get(label)) is not None:
                effect = stricter(effect, narrowed)
                found[Objection("session-label", self.name)] = None
        for leaf in leaves(question.arguments):
            for name, narrowed in self.detectors.items():
                for code in _codes(name, leaf):
                    effect = stricter(effect, narrowed)
                    found[Objection(code, name, leaf.place)] = None
        return Said(effect, tuple(found)[:MOST_OBJECTIONS])


def _codes(name: str, leaf: Leaf) -> Iterable[str]:
    find = DETECTORS[name]
    if name in AS_WRITTEN:
        return find(leaf.text)
    return dict.fromkeys(code for text in readings(leaf.text) for code in find(text))
