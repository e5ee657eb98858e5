"""Rules that let through more than they seem to: patterns that fit everything, and forbids that ask for a shape."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import (
    Effect,
    Holds,
    Like,
    Literal,
    MailSet,
    Matches,
    Member,
    Quantified,
    Runs,
    Under,
    WebSet,
)
from policy_dsl.findings import Finding

from .places import Leaf, each_test
from .survey import Site, Survey, finding, resolved

EVERYTHING = frozenset(
    {".*", ".+", "^.*$", "^.+$", "(.*)", "(?s).*", "(?s).+", "(?s:.*)", "(?s:.+)", r"[\s\S]*", r"[\s\S]+", r"(.|\n)*"}
)
"""Patterns that hold for every text, or for every text of one line. Others exist; these are the ones people write."""


def broad_pattern(survey: Survey) -> Iterator[Finding]:
    for site in survey.read:
        if grants_everything(site):
            yield finding(
                site.file,
                "broad-pattern",
                site.rule.tools[0].span,
                "memory may open every call of every tool"
                if site.rule.origin == "learnable"
                else "this grants every call of every tool",
                "name the tools, or a group of them, and their arguments",
            )
        for tested in each_test(site.condition):
            every = _every_text(tested.node)
            if every is not None:
                yield finding(
                    site.file,
                    "broad-pattern",
                    tested.node.span,
                    f"{every} every text",
                    "leave the test out if any text will do; `is text` asks for text and no more",
                )


def _every_text(node: Leaf | Quantified) -> str | None:
    """What a message says of a test that holds for every text, None for any other test."""
    match node:
        case Matches(_, pattern, search) if pattern in EVERYTHING or (search and pattern in ("", ".*")):
            return f"`/{pattern}/` matches"
        case Like(_, glob) if glob and set(glob) == {"*"}:
            return f"`{glob}` fits"
        case Holds(kind, _, Literal("")):
            return f"`{kind}` the empty text holds for"
    return None


def grants_everything(site: Site) -> bool:
    signature = site.rule.signature
    return (
        site.rule.effect is Effect.ALLOW
        and not site.opens
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
