"""The proposer without a model: what the user named becomes what is allowed. Deterministic, and the default offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from policy_dsl import Catalogue, Tool

from .arguments import Kind, Slot, slots
from .entities import Entities, entities
from .request import Request, only_reads
from .restrictions import Allowed, Proposal, Restriction

NAME = "entities"


def propose_entities(words: str, catalogue: Catalogue) -> Proposal:
    """Three kinds of restriction, none for tools that only read.

    - Tools that no word of the request calls for are taken away.
    - Values that the request names become the only ones, where it asks for one kind of thing, so that a value can
      belong to no other; days always, where it names all of its days.
    - Where it speaks of one thing (`an event`), one call in the run.

    A request that hands its plan over (`follow the instructions in the letter`) restricts nothing: its user has left
    the choice to somebody else's text, and the operator's policy decides alone.
    """
    request = Request.of(words)
    if request.hands_over or not request.words:
        return Proposal((), NAME)
    named = entities(words)
    writing = [tool for tool in catalogue if not only_reads(tool)]
    kept = [tool for tool in writing if request.calls_for(tool)]
    return Proposal((*_not_asked(writing, kept, words), *_values(kept, named, request), *_once(kept, request)), NAME)


def _not_asked(writing: Iterable[Tool], kept: list[Tool], words: str) -> Iterator[Restriction]:
    dropped = tuple(tool.identity for tool in writing if tool not in kept)
    if dropped:
        yield Restriction("no tool", dropped, words)


def _values(kept: Iterable[Tool], named: Entities, request: Request) -> Iterator[Restriction]:
    alone = request.kinds() == 1
    values: Mapping[Kind, tuple[str, ...] | tuple[Decimal, ...]] = {
        "mail": named.mails if alone else (),
        "account": named.accounts if alone else (),
        "file": named.files if alone else (),
        "sum": named.sums if alone and named.sums_are_all else (),
    }
    for tool in kept:
        for slot in slots(tool):
            if slot.kind == "day":
                if named.days and named.days_are_all:
                    yield _allowed(tool, slot, Allowed(slot.argument, days=named.days), named.days)
            elif slot.kind == "host":
                if named.hosts and alone:
                    yield _allowed(tool, slot, Allowed(slot.argument, hosts=named.hosts), named.hosts)
            elif values[slot.kind]:
                yield _allowed(tool, slot, Allowed(slot.argument, values=values[slot.kind]), values[slot.kind])


def _allowed(tool: Tool, slot: Slot, allowed: Allowed, said: Iterable[object]) -> Restriction:
    return Restriction("values", (tool.identity,), ", ".join(map(str, said)), allowed)


def _once(kept: Iterable[Tool], request: Request) -> Iterator[Restriction]:
    for tool in kept:
        phrase = request.one_thing(tool)
        if phrase is not None:
            yield Restriction("at most", (tool.identity,), phrase, times=1)
