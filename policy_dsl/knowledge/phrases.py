"""The rows as templates: compiled once, filled in by `tell`, walked backwards by reading.py.

- Slot    a hole of a template: a token of some kind, a term of some sort, or several with words between them
- Phrase  one way to say a row, as tokens and slots
- Row     what the language says, and its phrases
- Term    a row with its slots filled: what a node of a policy is told by
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from . import rows_conditions as c
from . import rows_operands as o
from . import rows_statements as s

Sort = str
TOKENS: Final = ("code", "text", "number", "scalar", "word")
"""Sorts that are one token each."""

TABLES: Final[dict[Sort, dict[str, c.Says]]] = {
    "condition": c.CONDITIONS,
    "operand": o.OPERANDS,
    "set": o.SETS,
    "names": o.NAMES,
    "item": o.ITEMS,
    "options": o.OPTIONS,
    "event": c.EVENTS,
    "until": c.UNTIL,
    "within": c.WITHIN,
    "days": c.DAYS,
    "tools": s.TOOLS,
    "tool": s.TOOL,
    "signature": s.SIGNATURES,
    "argument": s.ARGUMENTS,
    "standing": s.STANDINGS,
    "clause": s.CLAUSES,
    "keys": s.KEYS,
    "window": s.WINDOWS,
    "since": s.SINCE,
    "change": s.CHANGES,
    "party": s.PARTIES,
    "scope": s.SCOPES,
    "field": s.FIELDS,
    "step": s.STEPS,
    "setting": s.SETTINGS,
    "statement": s.STATEMENTS,
}

TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|`(?:[^`]|``)*`|-?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9])|[A-Za-z][A-Za-z0-9]*(?:\'s)?|[^\s]'
)
"""Texts, code, numbers, words, and signs one by one."""

_SLOT: Final = re.compile(r"\{(\w+)(?::([\w-]+)(\*?))?(?:\|([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Slot:
    """`between` is None for a single one, else what stands between two."""

    name: str
    sort: Sort
    between: str | None


@dataclass(frozen=True, slots=True)
class Phrase:
    """The text with its slots, and the same as tokens."""

    parts: tuple[str | Slot, ...]
    tokens: tuple[str | Slot, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`written` is None for what no text of the language says."""

    sort: Sort
    name: str
    written: tuple[str | Slot, ...] | None
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A token slot holds its text in the language."""

    row: Row
    slots: Mapping[str, str | Term | Sequence[str | Term]] = field(default_factory=dict)


def _parts(template: str, sorts: Mapping[str, Slot]) -> tuple[str | Slot, ...]:
    found: list[str | Slot] = []
    at = 0
    for slot in _SLOT.finditer(template):
        if slot.start() > at:
            found.append(template[at : slot.start()])
        name, sort, many, between = slot.groups()
        known = sorts.get(name)
        if sort is None and known is not None:
            sort = known.sort
        found.append(Slot(name, sort or "code", between if between is not None else " " if many else None))
        at = slot.end()
    if at < len(template):
        found.append(template[at:])
    return tuple(found)


def _row(sort: Sort, name: str, written: str | None, says: Sequence[str]) -> Row:
    text = None if written is None else _parts(written, {})
    sorts = {part.name: part for part in text or () if isinstance(part, Slot)}
    phrases = []
    for one in says:
        parts = _parts(one, sorts)
        tokens = [part if isinstance(part, Slot) else TOKEN.findall(part) for part in parts]
        flat = [item for part in tokens for item in ([part] if isinstance(part, Slot) else part)]
        phrases.append(Phrase(parts, tuple(flat)))
    return Row(sort, name, text, tuple(phrases))


ROWS: Final[dict[Sort, dict[str, Row]]] = {
    sort: {name: _row(sort, name, *says) for name, says in table.items()} for sort, table in TABLES.items()
}


def tell(term: Term, rng: random.Random) -> str:
    """The term in words; which of its phrases, and which of those in its slots, `rng` chooses."""
    phrase = rng.choice(term.row.phrases)
    return "".join(part if isinstance(part, str) else _told(term, part, rng) for part in phrase.parts)


def write(term: Term) -> str:
    """The term in the language itself; ValueError where the language has no text for it."""
    if term.row.written is None:
        raise ValueError(f"the language has no text for `{term.row.sort} {term.row.name}`")
    return "".join(part if isinstance(part, str) else _written(term, part) for part in term.row.written)


def shown(token: str, sort: Sort) -> str:
    """A token as a reader sees it: code in backticks, numbers without grouping."""
    if sort == "code":
        return f"`{token.replace('`', '``')}`"
    return token.replace("_", "") if sort in ("number", "scalar") and not token.startswith('"') else token


def _told(term: Term, slot: Slot, rng: random.Random) -> str:
    value = term.slots[slot.name]
    items = value if slot.between is not None and not isinstance(value, str | Term) else [value]
    told = [tell(item, rng) if isinstance(item, Term) else shown(str(item), slot.sort) for item in items]
    return (slot.between or "").join(told)


def _written(term: Term, slot: Slot) -> str:
    value = term.slots[slot.name]
    items = value if slot.between is not None and not isinstance(value, str | Term) else [value]
    return (slot.between or "").join(write(item) if isinstance(item, Term) else str(item) for item in items)
