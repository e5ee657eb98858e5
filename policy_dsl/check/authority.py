"""What the checks stand on: whether there is a tool list at all, and whether its schemas could be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy_dsl.ast import Learnable, PolicyFile, Rule, ScopeBlock, Span
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.types import Anything, ListOf, Type, Union

from .survey import Survey, finding


def untyped(survey: Survey) -> Iterator[Finding]:
    """Rules and no tool list: names and types go unchecked, and calls are judged without their schemas."""
    if len(survey.catalogue):
        return
    for file in survey.files:
        if any(isinstance(statement, Rule | Learnable | ScopeBlock) for statement in file.statements):
            yield finding(
                file,
                "untyped",
                _header(file),
                "no tool list is named, so names and types of arguments go unchecked",
                'name one below this line: `use tools "tools.json"`',
            )


def unreadable_schema(survey: Survey) -> Iterator[Finding]:
    """Arguments and whole tools whose schema was read as `anything`, told at the first rule that looks at the tool."""
    told = set()
    for site in survey.read:
        if site.rule.signature is None and site.condition is None:
            continue
        for tool in site.tools:
            if tool.identity in told:
                continue
            told.add(tool.identity)
            span = site.rule.tools[0].span
            if tool.not_understood is not None:
                yield finding(
                    site.file,
                    "unreadable-schema",
                    span,
                    f"the parameters of {quoted(tool.identity)} are typed loosely: {tool.not_understood}",
                    _HELP,
                )
            for name, member in tool.parameters.members.items():
                because = _because(member.type)
                if because is not None:
                    yield finding(
                        site.file,
                        "unreadable-schema",
                        span,
                        f"{quoted(name)} of {quoted(tool.identity)} counts as anything: {because}",
                        _HELP,
                    )


_HELP = "test it with `is text`, `is number` ... where a rule depends on it, or simplify the schema"


def _because(declared: Type) -> str | None:
    """Why a part of the type is not known, None where all of it is (or the schema itself allows everything)."""
    match declared:
        case Anything(because):
            return because
        case ListOf(item):
            return _because(item)
        case Union(options):
            return next(filter(None, map(_because, options)), None)
    return None


def _header(file: PolicyFile) -> Span:
    found = _LANGUAGE.search(file.source)
    if found is None:
        return Span(0, len(file.source.partition("\n")[0]), 1, 1)
    line = file.source.count("\n", 0, found.start("header")) + 1
    return Span(found.start("header"), found.end("header"), line, 1 + len(found["indent"]))


_LANGUAGE = re.compile(r"^(?P<indent>[ \t]*)(?P<header>language[ \t]+\d+)", re.MULTILINE)
