"""What `check` says about a policy: findings, each with a code, a place and a page of its own.

A finding is no exception: the policy parses, and every call gets a decision. An error means that a rule cannot mean
what it says, so `leastward check` exits 1 and the gate refuses to load the policy; a warning asks a person to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .ast import Span
from .errors import render

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One code: how bad it is, and what it says in a line."""

    severity: Severity
    summary: str


CODES: Mapping[str, Kind] = {
    "unknown-tool": Kind("error", "a rule names a tool that no tool list has"),
    "empty-pattern": Kind("warning", "a pattern with `*` fits no tool"),
    "bare-name-two-servers": Kind("error", "a name without a server fits tools of two servers"),
    "broad-pattern": Kind("warning", "a rule or a text pattern lets everything through"),
    "unknown-argument": Kind("error", "a rule names an argument or a member that the tool does not have"),
    "required-unnamed": Kind("error", "a signature leaves out an argument that every call must carry"),
    "tested-unnamed": Kind("error", "a rule tests an argument or a member that its own signature leaves out"),
    "missing-member-list": Kind("warning", "a named argument can hold an object whose members nobody listed"),
    "type-mismatch": Kind("error", "a test does not fit the type that the tool declares"),
    "unknown-value": Kind("error", "a test names a value that the tool's schema does not list"),
    "optional-untested": Kind("error", "an argument marked `?` is tested without saying what its absence means"),
    "optional-in-forbid": Kind("warning", "a forbid tests what a call may leave out, and then holds"),
    "unconstrained-text": Kind("warning", "a grant of a writing tool leaves a text argument to the agent"),
    "never-matches": Kind("error", "tests contradict each other, so they are never true together"),
    "shadowed": Kind("warning", "a rule can never decide anything"),
    "never-grants": Kind("warning", "a rule can never grant, because a forbid holds for all that it matches"),
    "learned-outside": Kind("error", "a learned allow fits no learnable, so it grants nothing"),
    "learnable-granted": Kind("warning", "a learnable opens nothing that an allow does not grant already"),
    "learnable-forbidden": Kind("warning", "a learnable stands under a forbid of all that it could open"),
    "overlap": Kind("warning", "a grant of higher priority lets through what a forbid holds for"),
    "rewrite-overlap": Kind("warning", "two rewrites write one place, and a call that both match is forbidden"),
    "event-never": Kind("warning", "a rule waits for an event that cannot happen"),
    "limit-without-grant": Kind("warning", "a limit, a clearance or a rewrite is on tools that nothing grants"),
    "untrusted-source": Kind("warning", "a grant takes values from results that nothing trusts"),
    "uncleared-sink": Kind("warning", "results are labelled, and a tool that writes looks at no label"),
    "derived-grant": Kind("error", "a grant rests on what a value was derived from"),
    "derived-guard": Kind("warning", "only likeness of content stands between results and a tool"),
    "hidden-grant": Kind("warning", "a tool is granted and hidden at once"),
    "costly-pattern": Kind("warning", "a pattern repeats so much that long values are slow to match"),
    "shadow-left": Kind("warning", "a rule is in shadow and decides nothing"),
    "expired": Kind("warning", "the validity of a rule is over"),
    "unused-counter": Kind("warning", "a counter is defined and never used"),
    "unused-macro": Kind("warning", "a condition is defined and never used"),
    "unused-label": Kind("warning", "results are labelled, and no rule asks for the label"),
    "unused-set": Kind("warning", "a set is defined and never used"),
    "unused-group": Kind("warning", "a group is defined and never used"),
    "forbid-in-shape": Kind("warning", "a forbid that an unreadable value slips past"),
    "untyped": Kind("warning", "there is no tool list, so nothing is checked against types"),
    "unreadable-schema": Kind("warning", "a tool's schema says less about an argument than it seems to"),
}
"""Every code `check` can give. docs/findings/<code>.md explains each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `check` found. `span` is the underlined place in the file `path`, whose text is `source`."""

    code: str
    message: str
    span: Span
    path: str
    help: str | None = None
    source: str = field(default="", compare=False, repr=False)

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def docs(self) -> str:
        return f"docs/findings/{self.code}.md"

    def render(self) -> str:
        """`path:line:column: severity[code]: message`, the line with carets under exactly the span, and the help."""
        head = f"{self.severity}[{self.code}]: {self.message}"
        return render(head, path=self.path, source=self.source, span=self.span, help=self.help)
