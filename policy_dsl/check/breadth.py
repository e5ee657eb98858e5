"""Rules that let through more than they seem to: patterns that fit everything, and forbids that ask for a shape."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import Effect, MailSet, Matches, Member, Quantified, Runs, Under, WebSet
from policy_dsl.findings import Finding

from .places import Leaf, each_test
from .survey import Site, Survey, finding, resolved

EVERYTHING = frozenset(
    {".*", ".+", "^.*$", "^.+$", "(.*)", "(?s).*", "(?s).+", "(?s:.*)", "(?s:.+)", r"[\s\S]*", r"[\s\S]+", r"(.|\n)*"}
)
"""Patterns that hold for every text, or for every text of one line. Others exist; these are the ones people write."""


def broad_pattern(survey: Survey) -> Iterator[Finding]:
    for site in survey.sites:
        if grants_everything(site):
            yield finding(
                site.file,
                "broad-pattern",
                site.rule.tools[0].span,
                "this grants every call of every tool",
                "name the tools, or a group of them, and their arguments",
            )
        for tested in each_test(site.condition):
            if isinstance(tested.node, Matches) and tested.node.pattern in EVERYTHING:
                yield finding(
                    site.file,
                    "broad-pattern",
                    tested.node.span,
                    f"`/{tested.node.pattern}/` matches every text",
                    "leave the test out if any text will do; `is text` asks for text and no more",
                )


def grants_everything(site: Site) -> bool:
    signature = site.rule.signature
    return (
        site.rule.effect is Effect.ALLOW
        and signature is not None
        and signature.open
        and not signature.arguments
        and site.condition is None
        and any(pattern.tool == "*" for pattern in site.patterns)
    )


def forbid_in_shape(survey: Survey) -> Iterator[Finding]:
    """What cannot be read as an address, a URL, a path or a command is in no set of them: the forbid misses it."""
    for site in survey.sites:
        if site.rule.effect not in (Effect.FORBID, Effect.REQUIRE_APPROVAL):
            continue
        for tested in each_test(site.condition):
            shape = _shape(tested.node, survey)
            if tested.positive and shape is not None:
                yield finding(
                    site.file,
                    "forbid-in-shape",
                    tested.node.span,
                    f"a text that is not {shape} slips past this rule",
                    "turn it round: say what is good, and forbid what is `not` that",
                )


def _shape(node: Leaf | Quantified, survey: Survey) -> str | None:
    match node:
        case Member(within=within):
            shape = resolved(within, survey.sets)
            if isinstance(shape, MailSet):
                return "one plain mail address"
            return "a plain https URL" if isinstance(shape, WebSet) else None
        case Under():
            return "a plain absolute path"
        case Runs():
            return "one simple command" if node.kind == "one of" else "a list of simple commands"
    return None
