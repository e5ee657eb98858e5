"""One value of the model as one row and back, for every kind of value that a State holds but abstractions.

Texts that come from calls or from a model (attribute values, words, rationales) are kept as JSON: it writes the
characters that PostgreSQL's text cannot hold as escapes. Equal pairs of attribute and value are one object after
loading; without that, a hundred thousand contexts take 200 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ..model import Case, Context, Evidence, GateReading, Lineage, Report

Values = dict[str, Any]
"""The columns of one row, by name, without its tenant."""


_NONE: Final[Mapping[str, Case]] = {}


class Pool:
    """Gives back the first of equal pairs and tuples; lives as long as one loading.

    `cases` are those that are loaded: their ids are the first of equal decisions.
    """

    def __init__(self, cases: Mapping[str, Case] = _NONE) -> None:
        self._known: dict[Any, Any] = {}
        self._cases = cases

    def decision(self, id_: str) -> str:
        case = self._cases.get(id_)
        return id_ if case is None else case.id

    def sequence(self, number: int, decision: str) -> int:
        """That of a report is mostly its case's, whose first it is."""
        case = self._cases.get(decision)
        return case.sequence if case is not None and case.sequence == number else number

    def one(self, value: Any) -> Any:
        return self._known.setdefault(value, value)

    def attributes(self, text: str) -> tuple[tuple[str, str], ...]:
        found = tuple([self._known.setdefault(pair, pair) for pair in _pairs(text.encode())])
        return self._known.setdefault(found, found)  # type: ignore[no-any-return] # the first of equal ones

    def names(self, text: str) -> tuple[str, ...]:
        """A tuple of names of which few differ: reporters, units."""
        found: tuple[str, ...] | None = self._known.get(text)
        if found is None:
            found = self._known[text] = names_of(text)
        return found


_encode: Final = msgspec.json.Encoder().encode
_pairs: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_names: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_text: Final = msgspec.json.Decoder(str).decode


def json_of(value: Any) -> str:
    """JSON text. Of floats it must hold none: JSON has no infinity."""
    return _encode(value).decode()


def names_of(text: str) -> tuple[str, ...]:
    return _names(text.encode())


def text_of(text: str) -> str:
    return _text(text.encode())


def report_row(report: Report) -> Values:
    return {
        "at": report.at,
        "because": report.because,
        "decision": report.decision,
        "kind": report.kind,
        "label": report.label,
        "reporter": report.reporter,
        "standing": report.standing,
        "unit": report.unit,
        "weight": report.weight,
    }


def report_of(row: Any, pool: Pool) -> Report:
    return Report(
        pool.sequence(row.sequence, row.decision),
        row.at,
        pool.decision(row.decision),
        pool.one(row.reporter),
        pool.one(row.kind),
        pool.one(row.unit),
        pool.one(row.label),
        pool.one(row.weight),
        pool.one(row.standing),
        pool.one(row.because),
    )


def case_row(case: Case) -> Values:
    return {
        "at": case.at,
        "attributes": json_of(case.context.attributes),
        "audited": case.audited,
        "base": case.base,
        "effect": case.effect,
        "policy_hash": case.policy_hash,
        "sequence": case.sequence,
        "tool": case.context.tool,
        "words": json_of(case.context.words),
    }


def case_of(row: Any, pool: Pool) -> Case:
    return Case(
        row.id,
        row.sequence,
        row.at,
        Context(pool.one(row.tool), pool.attributes(row.attributes), text_of(row.words)),
        pool.one(row.base),
        pool.one(row.effect),
        pool.one(row.policy_hash),
        row.audited,
    )


def evidence_row(evidence: Evidence) -> Values:
    return {
        "at": evidence.at,
        "audit": evidence.audit,
        "reporters": json_of(evidence.reporters),
        "right": evidence.right,
        "sequence": evidence.sequence,
        "units": json_of(evidence.units),
        "weight": evidence.weight,
    }


def evidence_of(row: Any, pool: Pool) -> Evidence:
    return Evidence(
        pool.one(row.abstraction),
        pool.decision(row.decision),
        row.sequence,
        row.at,
        row.right,
        row.weight,
        pool.names(row.reporters),
        pool.names(row.units),
        row.audit,
    )


def lineage_row(lineage: Lineage) -> Values:
    return {
        "act": lineage.act,
        "at": lineage.at,
        "child": lineage.child,
        "evidence": lineage.evidence,
        "parents": json_of(lineage.parents),
    }


def lineage_of(row: Any, pool: Pool) -> Lineage:
    return Lineage(row.child, pool.names(row.parents), pool.one(row.act), row.at, row.evidence)


def trust_row(pair: tuple[float, float]) -> Values:
    return {"agreed": pair[0], "disagreed": pair[1]}


def audited_row(label: str) -> Values:
    return {"label": label}


_READING: Final = tuple(field for field in GateReading.__slots__)


def reading_row(reading: GateReading) -> Values:
    return {name: getattr(reading, name) for name in _READING}


def reading_of(row: Any) -> GateReading:
    return GateReading(**{name: getattr(row, name) for name in _READING})
