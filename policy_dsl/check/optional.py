"""Arguments that may be absent: what a rule must say about their absence, and what a forbid does without saying it.

A test of a missing value is an error. In an allow an error is no match, so `name?` would be a promise that the rule
does not keep; in a forbid an error is a match, so the rule holds for calls that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import Argument, Effect
from policy_dsl.catalogue import Tool
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.types import Type, always_there, inside

from .arguments import place_fault
from .places import EACH, Place, Reading, as_written, readings, show
from .survey import Site, Survey, finding


def optional_untested(survey: Survey) -> Iterator[Finding]:
    for site in survey.sites:
        if site.rule.signature is None:
            continue
        optional = {named.name for named in site.rule.signature.arguments if named.optional}
        for reading in readings(site.condition):
            name = reading.place[0]
            # An element is there when its list is, and the reading of the list is judged by itself.
            if isinstance(reading.operand, Argument) and name in optional and not reading.guarded((name,)):
                yield finding(
                    site.file,
                    "optional-untested",
                    reading.operand.span,
                    f"{quoted(name)} may be missing, and then this test is an error, which grants nothing",
                    f"write `missing {name} or ...` around the test, or drop the `?`",
                )


def optional_in_forbid(survey: Survey) -> Iterator[Finding]:
    for site in survey.sites:
        if site.rule.effect not in (Effect.FORBID, Effect.REQUIRE_APPROVAL):
            continue
        told: set[Place] = set()
        for reading in readings(site.condition):
            found = _may_miss(site, reading)
            if found is None or found[1] in told:
                continue
            tool, place = found
            told.add(place)
            written = as_written(reading, len(place))
            yield finding(
                site.file,
                "optional-in-forbid",
                reading.operand.span,
                f"{quoted(show(place))} may be missing from a call of {quoted(tool.name)}, and then this rule holds",
                f"write `has {written} and ...` to let such calls pass it, `missing {written} or ...` if it is meant",
            )


def _may_miss(site: Site, reading: Reading) -> tuple[Tool, Place] | None:
    """The first tool and start of the place that a call may leave out, and no guard speaks of.

    None too where no tool has the place at all, which unknown-argument reports.
    """
    if all(place_fault(tool, reading.place) for tool in site.tools):
        return None
    for tool in site.tools:
        found: Type = tool.parameters
        for index, step in enumerate(reading.place):
            start = reading.place[: index + 1]
            if isinstance(step, str) and not always_there(found, step) and not reading.guarded(start):
                return tool, start
            found = inside(found, 0 if step is EACH else step)
    return None
