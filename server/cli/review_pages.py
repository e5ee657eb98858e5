"""What `review` and `refresh` print for people, one line at a time, from the same trees that `--json` prints.

What a reporter wrote is printed through `plain`: no markup, and no character that moves a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .output import plain, whole

if TYPE_CHECKING:
    from rich.table import Table

    Page = Callable[[dict[str, Any]], Iterator[str | Table]]


def summary(tree: dict[str, Any]) -> Iterator[str]:
    """What a refresh changed, and why."""
    name = tree["tenant"] or "(no tenant)"
    state = "would be published" if tree["dry_run"] else "is in force"
    yield f"{name}: snapshot {tree['snapshot']['version']} {state}"
    yield from (f"  {line}" for line in tree["summary"] or ["nothing changed"])


def _list(tree: dict[str, Any]) -> Iterator[str | Table]:
    from rich.table import Table

    if not tree["abstractions"]:
        yield "nothing is learned yet"
        return
    table = Table(whole("id"), "v", "says", "on", "phase", "for", "against", "reporters", "bound", "e-value", "gate")
    for one in tree["abstractions"]:
        gate = one["gate"]
        counts = ("", "", "", "", "", "not read yet") if gate is None else _gate_cells(gate)
        says = f"{one['label']}{' to forbid' if one['narrows_to'] == 'forbid' else ''}"
        cells = (one["id"], one["version"], says, one["tool"], one["phase"], *counts)
        table.add_row(*(plain(cell) for cell in cells))
    yield table
    yield f"snapshot {tree['snapshot']['version']} is in force; `review show ID` prints a rule with its evidence"


def _gate_cells(gate: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{gate['confirming']:.1f}",
        f"{gate['against']:.1f}",
        str(gate["reporters"]),
        f"{gate['bound']:.2f} of {gate['threshold']:.2f}",
        _e_value(gate["log_e"]),
        f"{'open' if gate['open'] else 'closed'} ({gate['why']})",
    )


def _e_value(log_e: float) -> str:
    from math import exp

    return f"{exp(log_e):.1f}" if log_e < 20 else "over 10^8"


def _show(tree: dict[str, Any]) -> Iterator[str | Table]:
    yield tree["text"].rstrip("\n")
    yield ""
    approved = (
        "nobody approved it" if tree["approved"] is None else f"{tree['approved_by']} approved v{tree['approved']}"
    )
    yield f"{tree['id']} version {tree['version']}, {tree['phase']}; {approved}"
    gate = tree["gate"]
    if gate is not None:
        yield (
            f"gate {gate['gate']}: {'open' if gate['open'] else 'closed'} ({gate['why']}); "
            f"{gate['confirming']:.1f} for, {gate['against']:.1f} against, {gate['reporters']} reporters, "
            f"{gate['audits']} audits; bound {gate['bound']:.2f}, threshold {gate['threshold']:.2f}, "
            f"e-value {_e_value(gate['log_e'])}"
        )
    if tree["rationale"]:
        yield f"because: {tree['rationale']}"
    yield from _evidence(tree["evidence"])
    for finding in tree["findings"]:
        yield f"check: {finding['severity']} {finding['code']}: {finding['message']}"
    yield from (f"diff: {line}" for line in tree["diff"]["lines"])
    yield from _changed(tree["would_change"])


def _evidence(evidence: list[dict[str, Any]]) -> Iterator[str | Table]:
    from rich.table import Table

    if not evidence:
        yield "no evidence yet: what a rule was made from never confirms it"
        return
    table = Table(whole("decision"), "at", "says", "weight", "by", title="evidence", title_justify="left")
    for one in evidence:
        by = ", ".join(one["reporters"]) + (" (audit)" if one["audit"] else "")
        says = "right" if one["right"] else "wrong"
        table.add_row(*(plain(cell) for cell in (one["decision"], one["at"][:19], says, f"{one['weight']:.2f}", by)))
    yield table


def _changed(found: dict[str, Any]) -> Iterator[str | Table]:
    from rich.table import Table

    count = len(found["decisions"])
    yield f"if it spoke, {count} of the last {found['looked_at']} decisions would have come out otherwise"
    if count:
        table = Table(whole("decision"), "at", "tool", "was", "would be")
        for one in found["decisions"]:
            table.add_row(*(plain(one[name]) for name in ("decision", "at", "tool", "was", "becomes")))
        yield table


def _audits(tree: dict[str, Any]) -> Iterator[str | Table]:
    from rich.table import Table

    if not tree["audits"]:
        yield "no decision waits for an audit"
        return
    table = Table(whole("decision"), "at", "tool", "what is known", "decided")
    for one in tree["audits"]:
        known = ", ".join(f"{name}: {value}" for name, value in one["context"].items())
        table.add_row(*(plain(cell) for cell in (one["decision"], one["at"][:19], one["tool"], known, one["effect"])))
    yield table


def _quarantined(tree: dict[str, Any]) -> Iterator[str | Table]:
    from rich.table import Table

    if not tree["reports"]:
        yield "no report is held back"
        return
    table = Table(whole("decision"), "at", whole("reporter"), "said it should", "because")
    for one in tree["reports"]:
        by = f"{one['reporter']} ({one['kind']})"
        cells = (one["decision"], one["at"][:19], by, one["should"], one["because"])
        table.add_row(*(plain(cell) for cell in cells))
    yield table


def _done(said: Callable[[dict[str, Any]], str]) -> Page:
    def page(tree: dict[str, Any]) -> Iterator[str | Table]:
        yield said(tree)
        yield from (f"  {line}" for line in tree.get("summary", ()))

    return page


PAGES: Mapping[str, Page] = {
    "list": _list,
    "show": _show,
    "approve": _done(lambda tree: f"{tree['id']} version {tree['version']} is approved; it is {tree['phase']}"),
    "reject": _done(lambda tree: f"{tree['id']} is taken away for good"),
    "edit": _done(lambda tree: f"it is narrowed; as {tree['id']} it gathers its evidence anew"),
    "quarantined": _quarantined,
    "release": _done(lambda tree: f"what {tree['reporter']} said of {tree['decision']} counts from now on"),
    "rollback": _done(lambda tree: f"snapshot {tree['snapshot']['version']} is in force"),
    "retract": _done(lambda tree: f"what {tree['reporter']} said is taken out of history"),
    "audits": _audits,
    "audit": _done(lambda tree: f"{tree['decision']} should have been {tree['should']}"),
}
