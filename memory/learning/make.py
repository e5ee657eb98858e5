"""Making and changing abstractions: identity, alpha, support, version, lineage. Every pass makes them here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ..encoders import Encoder
from ..model import Abstraction, Condition, Label, Lineage, Refreshed, State, Terms
from ..support import radius_of
from .changes import Changes
from .cover import Columns
from .index import put

MOST_SUPPORT: Final = 256
"""Cases that an abstraction keeps as its support: enough to say how its calls vary."""
_MOST_MEASURED: Final = 48
"""Distinct contexts that a radius is computed from."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a pass is given besides the State: the refresh it is part of, the terms, the encoder, where to note.

    No report comes in during a refresh, so what one round found out of reports alone the next one need not find again:
    `columns` by tool and label, and which abstractions, with which evidence, were `tried` for a split in vain.
    """

    terms: Terms
    encoder: Encoder
    event: Refreshed
    changes: Changes
    columns: dict[tuple[str, Label], Columns] = field(default_factory=dict)
    tried: set[tuple[str, int, int]] = field(default_factory=set)


def name_of(label: Label, condition: Condition) -> str:
    """`L-` and 10 characters, the same for the same label and condition in every history and tenant."""
    text = json.dumps([label, condition.tool, condition.tests], ensure_ascii=True, separators=(",", ":"))
    return "L-" + hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def condition_of(tool: str, tests: Iterable[tuple[str, Iterable[str]]]) -> Condition:
    """With attributes and values sorted."""
    return Condition(tool, tuple(sorted((attribute, tuple(sorted(set(values)))) for attribute, values in tests)))


def made(
    terms: Terms, encoder: Encoder, state: State, at: int, label: Label, condition: Condition, support: Sequence[str]
) -> Abstraction:
    """A new abstraction in the shadow; the caller puts it into the State. Its alpha is 0 until gate.py spends some."""
    kept = bounded(state, support)
    return Abstraction(
        id=name_of(label, condition),
        version=1,
        label=label,
        condition=condition,
        made=state.sequence,
        made_at=at,
        policy_hash=state.policy_hash,
        support=kept,
        radius=radius(terms, encoder, state, kept),
        encoder=encoder.id,
        alpha=0.0,
        narrows_to=terms.narrows_to,
        fired_at=max((state.cases[one].at for one in support), default=at),
    )


def bounded(state: State, support: Iterable[str]) -> tuple[str, ...]:
    """At most MOST_SUPPORT cases: the newest, sorted by id."""
    newest = sorted(set(support), key=lambda one: (-state.cases[one].at, one))[:MOST_SUPPORT]
    return tuple(sorted(newest))


def radius(terms: Terms, encoder: Encoder, state: State, support: Sequence[str]) -> float:
    # One of each kind: among many that differ in words alone, the nearest are those, and any other kind would be far.
    kinds = {state.cases[one].context.attributes: state.cases[one].context for one in support}
    contexts = list(kinds.values())
    return radius_of(contexts[:_MOST_MEASURED], encoder, terms.support_quantile)


def supported(work: Work, state: State, abstraction: Abstraction, support: Iterable[str]) -> Abstraction:
    """The same with this support, and the radius that follows from it."""
    kept = bounded(state, support)
    if kept == abstraction.support:
        return abstraction
    return replace(
        abstraction, support=kept, radius=radius(work.terms, work.encoder, state, kept), encoder=work.encoder.id
    )


def changed(terms: Terms, abstraction: Abstraction) -> Abstraction:
    """The next version, which nobody has approved."""
    return replace(
        abstraction,
        version=abstraction.version + 1,
        approved=None,
        approved_by=None,
        narrows_to=terms.narrows_to,
        phase="shadow" if abstraction.phase in ("pending", "active") else abstraction.phase,
        reading=abstraction.reading if abstraction.label == "forbid" else None,
    )


def slept(terms: Terms, state: State, abstraction: Abstraction, anew: bool) -> Abstraction:
    """Dormant: it speaks again after a person approves it, or when later failures have it induced again.

    With `anew` its evidence is gone and begins at this moment; without it stays, to be looked at by who approves.
    """
    if anew:
        state.evidence[abstraction.id] = {}
    return replace(changed(terms, abstraction), phase="dormant", made=state.sequence, reading=None)


def traced(
    state: State,
    child: str,
    parents: Sequence[str],
    act: Literal["induce", "split", "merge", "narrow", "broaden"],
    at: int,
    cases: Iterable[str],
) -> None:
    digest = hashlib.sha256("\n".join(sorted(cases)).encode()).hexdigest()
    state.lineage.append(Lineage(child, tuple(parents), act, at, digest))


def keep(state: State, abstraction: Abstraction) -> None:
    """Put a new or revived abstraction into the State, without evidence."""
    put(state, abstraction)
    state.evidence[abstraction.id] = {}
