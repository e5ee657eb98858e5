"""The shadow report: how often what a model proposed was not what the engine said, by model and by rule.

Input is JSON lines as in field.py, or bare Policy Decision Records. A call that a model proposed is taken as the
model's `allow`: one that follows its policy proposes nothing else. Where the line says what the model itself answered
(`model`), that is taken. Counted is every decision on a call, whatever policy was in force; `by_policy` tells them
apart, as a model is as good as what it was taught.

A share of proposed calls is none of all calls: what a model wrongly kept to itself leaves no Record, so a model that
proposes nothing disagrees never. `false-deny` is measured by training/measure, where the questions are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from policy_dsl import StrictJsonError, parse_json
from policy_dsl.knowledge import Share

from .example import DataError
from .field import FORMAT

_EFFECTS: Final = ("allow", "ask", "forbid")

Key = tuple[str, str, str]
"""Model, policy hash, and the deciding rule; where none decided, the reason in brackets."""


@dataclass(slots=True)
class Shadow:
    """Counts over decisions. `asked` are all on calls, `differing` those where model and engine said different things;
    `skipped` are Records that decide no call."""

    asked: Counter[Key] = field(default_factory=Counter)
    differing: Counter[Key] = field(default_factory=Counter)
    effects: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(what the model said, what the engine said) -> how often."""
    skipped: int = 0

    def share(self, model: str | None = None, policy: str | None = None, rule: str | None = None) -> Share | None:
        """Of the decisions that fit, how many differ; None where there is none. What is not given fits all."""
        wanted = (model, policy, rule)
        fitting = [key for key in self.asked if all(w is None or w == k for w, k in zip(wanted, key, strict=True))]
        of = sum(self.asked[key] for key in fitting)
        return Share.counted(sum(self.differing[key] for key in fitting), of) if of else None

    def tree(self) -> dict[str, Any]:
        """The report for programs: shares of all, by model, by policy and by rule, most differing first."""
        places = {"by_model": 0, "by_policy": 1, "by_rule": 2}
        names = ("model", "policy", "rule")
        tables = {}
        for table, place in places.items():
            values = sorted({key[place] for key in self.asked})
            rows = [(value, self.share(**{names[place]: value})) for value in values]
            rows.sort(key=lambda row: (-row[1].low if row[1] else 0.0, row[0]))
            tables[table] = {value: _told(share) for value, share in rows}
        effects = {f"{said} -> {decided}": times for (said, decided), times in sorted(self.effects.items())}
        return {"decisions": _told(self.share()), **tables, "effects": effects, "skipped": self.skipped}

    def markdown(self) -> str:
        """The same for people."""
        tree = self.tree()
        lines = [_sentence(tree["decisions"]), ""]
        for table, head in (("by_model", "model"), ("by_policy", "policy"), ("by_rule", "rule")):
            lines += [f"| {head} | differing | of | share (95 %) |", "| --- | ---: | ---: | --- |"]
            lines += [
                f"| {_cell(value)} | {told['times']} | {told['of']} | {_percent(told)} |"
                for value, told in tree[table].items()
            ]
            lines.append("")
        return "\n".join(lines)


def shadow(lines: Iterable[str], place: str = "records") -> Shadow:
    """The report over the lines. DataError where a line is neither of the two forms; `place` names the lines in it."""
    report = Shadow()
    for number, text in enumerate(lines, 1):
        if text.strip():
            _count(report, text, f"{place}:{number}")
    return report


def _count(report: Shadow, text: str, place: str) -> None:
    try:
        line = parse_json(text)
    except StrictJsonError as error:
        raise DataError(f"`{place}` is no strict JSON: {error}") from error
    record = line.get("record", line) if isinstance(line, dict) else None
    if not isinstance(line, dict) or not isinstance(record, dict) or record.get("format") != FORMAT:
        raise DataError(f"`{place}` holds no `{FORMAT}`")
    if record.get("kind") != "decision" or record.get("call") is None:
        report.skipped += 1
        return
    decision, model, by = (_mapping(record, name, place) for name in ("decision", "model", "decided_by"))
    said = line.get("model", "allow") if "record" in line else "allow"
    decided = decision.get("effect")
    if said not in _EFFECTS or decided not in _EFFECTS:
        raise DataError(f"`{place}` has an effect that is none")
    rule = decision.get("rule") or f"({decision.get('reason')})"
    key = (str(model.get("name") or "(none)"), str(by.get("policy_hash")), str(rule))
    report.asked[key] += 1
    report.effects[str(said), str(decided)] += 1
    if said != decided:
        report.differing[key] += 1


def _mapping(record: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
    found = record.get(name)
    if not isinstance(found, dict):
        raise DataError(f"the record in `{place}` lacks `{name}`")
    return found


def _told(share: Share | None) -> dict[str, Any]:
    if share is None:
        return {"times": 0, "of": 0, "low": None, "high": None}
    return {"times": share.times, "of": share.of, "low": round(share.low, 6), "high": round(share.high, 6)}


def _percent(told: Mapping[str, Any]) -> str:
    return f"{told['times'] / told['of']:.1%} [{told['low']:.1%}, {told['high']:.1%}]"


def _sentence(told: Mapping[str, Any]) -> str:
    if not told["of"]:
        return "There is no decision on a call."
    return f"In {told['times']} of {told['of']} decisions model and engine differ: {_percent(told)}."


def _cell(value: str) -> str:
    """A name in a table: no character of its own ends the cell or the line, or moves a terminal."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)
    return "`" + shown.replace("`", "'").replace("|", "\\|") + "`"
