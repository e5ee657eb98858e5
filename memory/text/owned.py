"""A learned rule as a person's own, to be put into a policy file and to stand there without memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Final

from policy_dsl import Learnable, Metadata, Or, PolicySet, Rule, ScopeBlock
from policy_dsl.ast import Statement
from policy_dsl.compile import fits

from ..context import OutsideVocabulary, Vocabulary, target_of
from ..model import Abstraction, Snapshot
from .learned import format_plain, statement_text
from .rules import joined, rule_of

_BY: Final = 64
"""Characters of who approved it."""


class NotOwned(Exception):
    """An abstraction that no rule of a person can stand for. `help` says what to do."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def owned_text(one: Abstraction, snapshot: Snapshot, policy: PolicySet) -> str:
    """The rule, or for an allow one rule for each learnable that fits its tool: the learnable's own signature, scope,
    validity and condition, and the learned condition too. So it grants exactly what memory could have opened.

    Raises NotOwned where the policy's words cannot say it, or where no learnable is about the tool.
    """
    try:
        rule = rule_of(one, snapshot, Vocabulary(policy))
    except OutsideVocabulary as error:
        raise NotOwned(error.message, error.help) from error
    rule = replace(rule, name=one.id, metadata=Metadata(because=_because(one)))
    if one.label == "forbid":
        return statement_text(rule) + "\n"
    ceilings = list(_ceilings(one, policy))
    if not ceilings:
        raise NotOwned(f"no learnable is about `{one.condition.tool}`", "write one, or the rule itself")
    texts = [_under(ceiling, rule, number, len(ceilings)) for number, ceiling in enumerate(ceilings, 1)]
    return "\n\n".join(map(statement_text, texts)) + "\n"


def _because(one: Abstraction) -> str:
    reading = one.reading
    said = f"learned as {one.id}, version {one.version}, from {len(one.support)} cases"
    if reading is not None:
        said += f"; {_count(reading.confirming)} for, {_count(reading.against)} against, {reading.reporters} reporters"
    return f"{said}; approved by {one.approved_by[:_BY]}" if one.approved_by else said


def _count(count: float) -> str:
    return format_plain(Decimal(repr(float(count))).quantize(Decimal("0.01"), ROUND_DOWN))


def _ceilings(one: Abstraction, policy: PolicySet) -> Iterator[tuple[Rule, ScopeBlock | None]]:
    """The learnables that fit the tool, as they are written, with the scope that they are written in."""
    target = target_of(one.condition.tool)
    fitting = {id for id, rule in policy.learnable.items() if fits(rule.tools, target.server, target.tool)}
    found = set()
    for file in policy.files:
        for block in file.statements:
            inside = block.rules if isinstance(block, ScopeBlock) else (block,)
            for node in inside:
                if not isinstance(node, Learnable):
                    continue
                id = node.rule.name or f"{Path(file.path).stem}:{node.span.line}"
                if id in fitting:
                    found.add(id)
                    yield node.rule, block if isinstance(block, ScopeBlock) else None
    if found != fitting:
        missing = min(fitting - found)
        raise NotOwned(f"the learnable `{missing}` is written on an intent", "write the rule on that intent by hand")


def _under(ceiling: tuple[Rule, ScopeBlock | None], learned: Rule, number: int, of: int) -> Statement:
    rule, block = ceiling
    unless = tuple(part for part in (rule.unless, learned.unless) if part is not None)
    parts = tuple(item for part in unless for item in (part.items if isinstance(part, Or) else (part,)))
    owned = replace(
        learned,
        signature=rule.signature,
        when=joined(rule.when, learned.when),
        unless=None if not parts else parts[0] if len(parts) == 1 else Or(parts),
        validity=rule.validity,
        name=learned.name if of == 1 else f"{learned.name}-{number}",
    )
    return owned if block is None else ScopeBlock(block.scope, (owned,))
