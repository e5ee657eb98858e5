"""A case as a question: the facts, what happened before, and the call. Never anything of the policy."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .trees import Grown
from .world import EVENT, Field

FORMS: Final = (
    "{facts} {before} The agent calls {tool} with {arguments}.",
    "Call {tool} with {arguments}. {facts} {before}",
    "May the agent call {tool} with {arguments}? {before} {facts}",
    "{before} {facts} Decide this call: {tool} with {arguments}.",
)

_ASIDES: Final = (
    "The weather is fine.",
    "The user writes from a train.",
    "It is the second message today.",
    "The user is polite.",
    "The last order came late.",
    "A colleague recommended the shop.",
)

_REQUESTS: Final = (
    "please {tool} this for me, {arguments}",
    "I want to {tool}, with {arguments}",
    "could you {tool} it now? {arguments}, thank you",
)


def question(rng: random.Random, grown: Grown, tool: str, values: Mapping[Field, Any], query: int) -> tuple[str, str]:
    """The question, and the user's own words in it (empty below query 4)."""
    arguments = list(grown.arguments[tool])
    databases = list(grown.databases)
    if query >= 3:
        rng.shuffle(arguments)
        rng.shuffle(databases)
    facts = " ".join([f"{one.name.capitalize()}: {_listed(one.fields, values)}." for one in databases])
    before = "" if not databases else _before(EVENT, values)
    called = _listed(arguments, values)
    form = FORMS[0] if query == 1 else rng.choice(FORMS)
    text = form.format(facts=facts, before=before, tool=tool, arguments=called)
    words = ""
    if query >= 3:
        text = f"{rng.choice(_ASIDES)} {text}"
    if query >= 4:
        words = rng.choice(_REQUESTS).format(tool=tool, arguments=called)
        text = f'The user says: "{words}". {text}'
    return " ".join(text.split()), words


def _listed(fields: Sequence[Field], values: Mapping[Field, Any]) -> str:
    return ", ".join([f"{field.name} {values[field]}" for field in fields])


def _before(event: Field, values: Mapping[Field, Any]) -> str:
    return f"Before: {event.name} succeeded." if values[event] == "yes" else "Before: nothing."
