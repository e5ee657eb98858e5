"""Labels that nothing looks at: what was put on a result for a rule that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import Clearance, DerivedFrom, Label, LabelResults, Levels, SessionExceeds, SessionHas
from policy_dsl.findings import Finding

from .survey import Survey, finding


def unused_label(survey: Survey) -> Iterator[Finding]:
    """A label beside others that rules ask for. A clearance looks at all of them, so where there is one none is unused;
    where no rule asks for any label, `uncleared-sink` says what that lets through."""
    if any(survey.written.get(kind) for kind in (Clearance, SessionExceeds)):
        return
    asked = [node.label for _, node in survey.every(SessionHas)]
    asked += [node.source for _, node in survey.every(DerivedFrom) if isinstance(node.source, Label)]
    levels = [name for _, node in survey.every(Levels) for name in node.names]
    for placed, labelled in survey.every(LabelResults):
        label = labelled.label
        if asked and not any(_asks_for(wanted, label, levels) for wanted in asked):
            named = label.name if label.compartment is None else f"{label.name}({label.compartment})"
            message = f"no rule asks for the label `{named}`"
            help = f"give tools that write a clearance, ask `session has {named}`, or remove the label"
            yield finding(placed.file, "unused-label", label.span, message, help)


def _asks_for(wanted: Label, label: Label, levels: list[str]) -> bool:
    """Whether a session that carries `label` answers a test of `wanted`: it does for a lower level too."""
    if wanted.compartment not in (None, label.compartment):
        return False
    if wanted.name == label.name:
        return True
    known = wanted.name in levels and label.name in levels
    return known and levels.index(wanted.name) < levels.index(label.name)
