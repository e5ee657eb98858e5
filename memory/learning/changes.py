"""What a step of learning changed, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

Act = Literal[
    "induced", "revived", "contested", "dormant", "split", "merged", "opened", "closed", "approved", "retired",
    "narrowed", "restored", "measured", "released", "ignored",
]  # fmt: skip

WHYS: Final = {
    "mixed": "its cases hold both labels and nothing tells them apart",
    "refuted": "its evidence says the opposite",
    "unmixed": "its evidence agrees again",
    "contradicted": "people contradicted it there, three running, after it had spoken",
    "local": "an exception carved out of a broader one",
    "implied": "a broader one says the same of the same calls",
    "joined": "two that differed in one attribute became one",
    "idle": "it has not fired for long",
    "policy-changed": "it was learned under another policy",
    "encoder-changed": "its reach was measured by another encoder",
    "too-many": "there are more than one tenant may have",
    "rolled-back": "it was not in the snapshot that is in force again",
    "uncovered": "failures that nothing covered have this in common",
    "proposed": "a proposal stood the checks",
    "person": "a person said so",
    "unknown": "there is no such abstraction",
    "stale": "it is about another version",
    "broader": "the new condition does not imply the old one",
    "exists": "there is one with this condition already",
    "not-quarantined": "it is not held back",
    "no-snapshot": "there is no such snapshot",
    "few-cases": "it has too little evidence to spend alpha on",
    "needs-approval": "its gate is open, and a person has to approve it",
}
"""What the codes mean; those of gates (memory.gates.read_gate) stand beside them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Every change by act, in the order of the passes: pairs of an abstraction's id and a stable code."""

    acts: dict[Act, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, act: Act, abstraction: str, why: str) -> None:
        self.acts.setdefault(act, []).append((abstraction, why))

    def extend(self, other: Changes) -> None:
        for act, rows in other.acts.items():
            self.acts.setdefault(act, []).extend(rows)

    def __bool__(self) -> bool:
        return bool(self.acts)

    def lines(self) -> tuple[str, ...]:
        """One line for each act and code, with the ids: a summary for people."""
        made: list[str] = []
        for act, rows in self.acts.items():
            for why in Counter(code for _, code in rows):
                ids = [one for one, code in rows if code == why]
                shown = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
                made.append(f"{act} {len(ids)}: {shown} ({WHYS.get(why, why)})")
        return tuple(made)
