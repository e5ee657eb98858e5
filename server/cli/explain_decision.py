"""`leastward explain DECISION-ID`: why memory spoke in a recorded decision, or did not, and what became of it since."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from math import exp
from typing import Any

from .memory_access import open_desk, tenant_of
from .output import console, plain, write_json

_LARGE = 20.0
"""A natural logarithm above which an e-value is only said to be large."""


def explain_decision(options: argparse.Namespace) -> int:
    with open_desk(options, f"; `leastward audit show {options.tool}` prints what was recorded") as desk:
        tree = desk.explain(tenant_of(desk, options, options.tool), options.tool)
    if options.json:
        write_json(tree)
        return 0
    out = console()
    for line in _lines(tree):
        out.print(plain(line))
    return 0


def _lines(tree: dict[str, Any]) -> Iterator[str]:
    by = f" by {tree['rule']}" if tree["rule"] else ""
    yield f"{tree['decision']}: {tree['effect']}{by} ({tree['reason']}), with snapshot {tree['memory_version']}"
    said = tree["memory"]
    if said is None:
        yield "memory changed nothing: this is what the policy alone says"
    else:
        yield from _said(said)
    if tree["drawn"] is not None:
        yield f"it was drawn for audit, with probability {tree['drawn']:g}"
    for one in tree["reports"]:
        because = f": {one['because']}" if one["because"] else ""
        yield (
            f"{one['reporter']} ({one['kind']}) said at {one['at'][:19]} that it should have been {one['should']}"
            f" [{one['standing']}, weight {one['weight']:.2f}]{because}"
        )
    for one in tree["grounds"]:
        yield f"it stands behind {one['id']} version {one['version']}, {one['label']} on {one['tool']}, {one['phase']}"


def _said(said: dict[str, Any]) -> Iterator[str]:
    base = f" by {said['base_rule']}" if said["base_rule"] else ""
    yield f"the policy alone says {said['base']}{base} ({said['base_reason']})"
    yield f"{said['abstraction']} version {said['version']} spoke, through the gate `{said['gate']}`"
    e_value = f"{exp(said['log_e']):.1f}" if said["log_e"] < _LARGE else "over 10^8"
    yield (
        f"evidence: {said['confirming']:.1f} for, {said['against']:.1f} against, from {said['reporters']} reporters; "
        f"bound {said['bound']:.2f}, threshold {said['threshold']:.2f}, e-value {e_value}"
    )
    others = [name for name in said["fired"] if name != said["abstraction"]]
    if others:
        yield f"it also fits {', '.join(others)}"
