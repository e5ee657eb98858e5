"""The judge: a fixed base guardrail behind a port, asked only about grants that a rule makes `subject to judge`.

Question    what a judge is asked about one call, and what he may know of it
Judgement   what he answers: the strictest effect that he allows the call, and his objections, in closed words
Judged      what stands of it in the Decision and in its Record

The Guard never asks anybody itself. A Decision that needs the judge is a refusal that says so; whoever can ask puts the
Question to a Judge and decides again with the Judgement. That may only narrow: allow to ask to forbid. It is bound to
the call it is about, so that no judgement of one call ever serves another, nor the same call once a rewrite changed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import msgspec

from policy_dsl import strict_json

from .advised import Effect

JUDGED: Final = "judge"
"""The reason of a Decision that the judge narrowed (docs/reasons.md)."""

NEEDS_JUDGE: Final = "needs-judge"
"""The reason of a Decision that waits for the judge: a refusal until it is decided again with his answer."""

SAID: Final[Mapping[Effect, str | None]] = {
    "allow": None,
    "ask": "This call needs a person's approval.",
    "forbid": "This call was judged unsafe and is not allowed.",
}
"""What the model is told. The same for every objection: a model must not learn by trying what is looked for."""

STRICTNESS: Final[Mapping[Effect, int]] = {"allow": 0, "ask": 1, "forbid": 2}

_DOMAIN: Final = b"leastward judged call v1\x00"
_MOST_OBJECTIONS: Final = 32


class Objection(msgspec.Struct, frozen=True, gc=False):
    """One thing that speaks against a call: a stable `code`, the judge that raised it, and the argument it is about
    (its name and positions, as `items[2]`; empty where it is about the whole call). Never a value from the call."""

    code: str
    judge: str
    place: str = ""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a Judge answers to one Question, whose `about` it repeats.

    `effect` is the most that he allows: `allow` where he has no objection. `failed` says why there is no real answer,
    None where there is one; the effect is then the most cautious that the judge may give. `judges` are those that were
    asked, by name.
    """

    about: str
    effect: Effect
    failed: Literal["timeout", "nonsense", "error", "none"] | None = None
    judges: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A Judgement as the Record keeps it: `base` is what the policy alone grants. Members in the order of their names,
    as the chain has them; nothing in it can hold a secret of the call."""

    base: Effect
    effect: Effect
    failed: str | None = None
    judges: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One call as it would be released, for a Judge. `arguments` are those that are judged: the call's own, or what a
    rewrite made of them. `user_words` is what the user is known to have said; `labels` what the session carries.
    `precedents` is what memory has of similar calls, as JSON data (memory.precedents.as_data), None without memory.
    """

    about: str
    tool: str
    server: str | None
    arguments: Mapping[str, Any]
    base: Effect = "allow"
    tenant: str | None = None
    user_words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    precedents: Mapping[str, Any] | None = None


class Judge(Protocol):
    """Answers Questions. One object serves many calls at a time."""

    async def judge(self, question: Question) -> Judgement:
        """What speaks against the call. Never raises: what goes wrong inside is the most cautious answer."""
        ...


class Misjudged(Exception):
    """A Judgement that is none. The Guard makes a refusal of it."""


def about(server: str | None, tool: str, arguments: Mapping[str, Any]) -> str:
    """Equal for two calls exactly when they are the same tool with arguments that print alike. A digest without salt:
    it binds a Judgement to its call and is kept nowhere."""
    text = strict_json.encode([server, tool, dict(arguments)])
    return hashlib.sha256(_DOMAIN + text).hexdigest()


def no_objection(question: Question) -> Judgement:
    """The answer of a judge who lets everything pass: what tests of a policy reckon with."""
    return Judgement(about=question.about, effect="allow")


def stricter(one: Effect, other: Effect) -> Effect:
    return one if STRICTNESS[one] >= STRICTNESS[other] else other


def admitted(judgement: object) -> Judgement:
    """`judgement` where it is one. Raises Misjudged, or what msgspec raises for a member of a wrong type: structs are
    not checked where they are made."""
    if type(judgement) is not Judgement:
        raise Misjudged("an answer that is none")
    checked = msgspec.convert(msgspec.to_builtins(judgement), Judgement)
    if len(checked.objections) > _MOST_OBJECTIONS:
        raise Misjudged("more objections than anybody reads")
    if checked.failed is not None and checked.effect == "allow":
        raise Misjudged("no answer, but a release")
    return checked
