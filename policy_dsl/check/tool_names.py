"""Tool patterns against the catalogue: names nobody has, globs that fit nothing, names that two servers have."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import PolicyFile, ToolPattern
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding

from .suggestions import suggestion
from .survey import Survey, finding, fitting


def unknown_tool(survey: Survey) -> Iterator[Finding]:
    for file, pattern in _written(survey):
        if not _is_glob(pattern) and not _fits_any(pattern, survey):
            names = [tool.name if pattern.server is None else tool.identity for tool in survey.catalogue]
            help = suggestion(_name(pattern), names, "tools")
            yield finding(file, "unknown-tool", pattern.span, f"there is no tool {quoted(_name(pattern))}", help)


def empty_pattern(survey: Survey) -> Iterator[Finding]:
    for file, pattern in _written(survey):
        if _is_glob(pattern) and not _fits_any(pattern, survey):
            yield finding(
                file,
                "empty-pattern",
                pattern.span,
                f"{quoted(_name(pattern))} fits no tool",
                "`*` stands for any characters but `/`; the rest of the name must be exact",
            )


def bare_name_two_servers(survey: Survey) -> Iterator[Finding]:
    for file, pattern in _written(survey):
        if pattern.server is not None or _is_glob(pattern):
            continue
        identities = sorted(tool.identity for tool in survey.catalogue.named(pattern.tool) if tool.server is not None)
        if len(identities) > 1:
            yield finding(
                file,
                "bare-name-two-servers",
                pattern.span,
                f"{quoted(pattern.tool)} is a tool of {len(identities)} servers",
                f"say which: {' or '.join(quoted(identity) for identity in identities)}",
            )


def _written(survey: Survey) -> Iterator[tuple[PolicyFile, ToolPattern]]:
    """Every pattern that is written, wherever; none where there is no catalogue to compare with."""
    if len(survey.catalogue):
        for placed, pattern in survey.every(ToolPattern):
            if not survey.is_group(pattern):
                yield placed.file, pattern


def _is_glob(pattern: ToolPattern) -> bool:
    return "*" in pattern.tool or "*" in (pattern.server or "")


def _fits_any(pattern: ToolPattern, survey: Survey) -> bool:
    return bool(fitting(pattern, survey.catalogue))


def _name(pattern: ToolPattern) -> str:
    return pattern.tool if pattern.server is None else f"{pattern.server}/{pattern.tool}"
