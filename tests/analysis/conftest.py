"""Random pairs of policies, and random calls and sessions that come close to what they ask."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from policy_dsl import EMPTY_CATALOGUE, Catalogue, PolicySet, ast
from policy_dsl.facts import Facts
from policy_dsl.resolve.learned import opened

TEXTS = ("", "a", "ab", "abc", "AB", "\uff21\uff22", "stra\u00dfe", "1", "12.5", "line\nline", "\\u{41}", "\U000e0041",
         "ann@corp.example", "ann@CORP.example", "bob@eu.corp.example", "https://api.corp.example/x", "/srv/data",
         "/srv/data/q4.csv", "/srv/../x", "ls -l", "ls && cat x", "pay invoice 4711")  # fmt: skip
NUMBERS = (0, 1, -1, 2, 5, 10, Decimal("0.5"), Decimal("5.00"), Decimal("2.25"))
NAMES = ("a", "b", "items", "box")
MEMBERS = ("a", "deep")
PATTERNS = ("a", "ab?.*", ".*c", "a|ab|1", "[a-z]+", "[^a]*", "(?i)ab", "\\d+", "/srv/.*", "a{1,3}b")
LABELS = ("secret", "public", "own")
HOLDS = ("starts with", "ends with", "contains")
KNOWN = (ast.Claim("dept"), ast.PrincipalPart("agent"))
DOMAINS = ("corp.example", "eu.corp.example", "api.corp.example")
SCHEMA = {
    "a": {"type": "string"},
    "b": {"type": "number"},
    "items": {"type": "array", "items": {"type": "string"}},
    "box": {"type": "object", "properties": {"a": {"type": "string"}, "deep": {}}, "additionalProperties": False},
}
TRACKERS = tuple(
    ast.Tracker(f"t{place}", measure, (), (), "session", None) for place, measure in enumerate(("count", "sum", "last"))
)
SOURCES = (ast.Source(untrusted=True),)
EVIDENCE = ast.LearnedFrom(
    Decimal(9), Decimal(0), 3, Decimal("0.7"), Decimal("0.6"), "eprocess", Decimal("0.05"), Decimal(20), Decimal("0.3"),
    "active",
)  # fmt: skip


@dataclass
class Remembered:
    """A session that answers at random, and the same question the same way."""

    chance: random.Random
    labels: frozenset[tuple[str, str | None]]

    def __post_init__(self) -> None:
        self._said: dict[str, Any] = {}

    def _answer(self, question: object, answers: tuple[Any, ...]) -> Any:
        return self._said.setdefault(repr(question), self.chance.choice(answers))

    def seen(self, tracker: int, keys: tuple[Any, ...], now: int) -> Any:
        return self._answer((tracker, keys), (True, False, "claimed"))

    def tally(self, tracker: int, keys: tuple[Any, ...], now: int) -> Any:
        return self._answer((tracker, keys), (0, 1, 2, 5, 9, "forgotten"))

    def in_results(self, value: Any, source: int) -> Any:
        return self._answer((value, source), (True, False, "claimed"))

    def derived(self, value: Any, source: int) -> Any:
        return self._answer(("derived", value, source), (True, False, "claimed"))


@dataclass
class Pair:
    old: PolicySet
    new: PolicySet


class Maker:
    """Draws pairs and calls from one stream of chance."""

    def __init__(self, seed: int | str, *, learns: bool = False) -> None:
        """With `learns`, policies have learnables and what was learned inside them."""
        self.chance = random.Random(seed)
        self.learns = learns

    def pair(self) -> Pair:
        chance = self.chance
        rules = [self.rule() for _ in range(chance.randint(1, 4))]
        changed = list(rules)
        for _ in range(chance.randint(1, 2)):
            self.change(changed)
        catalogue = EMPTY_CATALOGUE
        if chance.random() < 0.4:
            schema = {"type": "object", "properties": SCHEMA, "required": ["a"], "additionalProperties": False}
            catalogue = Catalogue.from_tools([{"name": "send", "inputSchema": schema}])
        lower = chance.random() < 0.2
        if not self.learns:
            return Pair(self.policy(rules, catalogue, lower), self.policy(changed, catalogue, lower))
        below, learned = self.ceilings(), self.lessons()
        also_below, also_learned = list(below), list(learned)
        self.change(also_below)
        self.change(also_learned)
        old = self.policy(rules, catalogue, lower, below, learned)
        also_below = [self.ceiling(rule) for rule in also_below]
        also_learned = [self.lesson(rule) for rule in also_learned]
        # What is written is the same on both sides half of the time: then all that differs is what may be learned.
        written = chance.choice((rules, changed))
        return Pair(old, self.policy(written, catalogue, lower, also_below, also_learned))

    # --- what is learned, and how far -------------------------------------------------------------------------------

    def ceilings(self) -> list[ast.Rule]:
        return [self.ceiling(self.rule()) for _ in range(self.chance.randint(1, 2))]

    def ceiling(self, rule: ast.Rule) -> ast.Rule:
        signature = rule.signature or self.signature()
        return replace(rule, effect=ast.Effect.ALLOW, signature=signature, priority=0, origin="learnable")

    def lessons(self) -> list[ast.Rule]:
        return [self.lesson(self.rule()) for _ in range(self.chance.randint(1, 3))]

    def lesson(self, rule: ast.Rule) -> ast.Rule:
        """An active learned rule. Inside its learnable an allow takes that one's signature (resolve.opened)."""
        effect = rule.effect if rule.effect in (ast.Effect.ALLOW, ast.Effect.FORBID) else ast.Effect.ALLOW
        return replace(rule, effect=effect, signature=None, priority=0, origin="learned", learned=EVIDENCE)

    def policy(
        self,
        rules: list[ast.Rule],
        catalogue: Catalogue,
        lower: bool,
        below: Sequence[ast.Rule] = (),
        learned: Sequence[ast.Rule] = (),
    ) -> PolicySet:
        if lower:
            rules = [replace(rule, layer="team") if place % 2 else rule for place, rule in enumerate(rules)]
        learnable = {f"m{place}": rule for place, rule in enumerate(below)}
        narrowings, openings = dict[str, ast.Rule](), dict[str, ast.Rule]()
        for place, rule in enumerate(learned):
            if rule.effect is ast.Effect.FORBID:
                narrowings[f"L-{place}"] = rule
            else:
                openings.update(opened(f"L-{place}", rule, learnable))
        return PolicySet(
            files=(), rules={f"r{place}": rule for place, rule in enumerate(rules)} | narrowings | openings,
            sets={"texts": ast.SetLiteral(TEXTS[:4])}, otherwise={}, tests=(), hash="sha256:test",
            catalogue=catalogue, trackers=TRACKERS, sources=SOURCES,
            levels=("public", "secret"), learnable=learnable,
        )  # fmt: skip

    def change(self, rules: list[ast.Rule]) -> None:
        chance = self.chance
        place = chance.randrange(len(rules))
        rule = rules[place]
        kind = chance.randrange(6)
        if kind == 0:
            rules.append(self.rule())
        elif kind == 1 and len(rules) > 1:
            del rules[place]
        elif kind == 2:
            both = (rule.when or ast.Constant(True), self.condition(1))
            rules[place] = replace(rule, when=(ast.And if chance.random() < 0.6 else ast.Or)(both))
        elif kind == 3:
            rules[place] = replace(rule, when=self.condition(2))
        elif kind == 4:
            rules[place] = replace(rule, unless=self.condition(1))
        else:
            rules[place] = replace(rule, priority=chance.choice((-1, 0, 1)), scope=self.scope())

    # --- rules ------------------------------------------------------------------------------------------------------

    def rule(self) -> ast.Rule:
        chance = self.chance
        effect = chance.choice((*ast.Effect, *[ast.Effect.ALLOW] * 4))
        closed = effect in (ast.Effect.ALLOW, ast.Effect.ASK)
        tool = chance.choice(("send", "send", "send", "s*", "*"))
        return ast.Rule(
            effect, (ast.ToolPattern(None, tool),), self.signature() if closed else None,
            self.condition(2) if chance.random() < 0.85 else None,
            self.condition(0) if chance.random() < 0.15 else None,
            priority=chance.choice((0, 0, 0, 1)), scope=self.scope(),
        )  # fmt: skip

    def scope(self) -> ast.Scope:
        some = self.chance.choice
        if some((True, True, True, True, False)):
            return ast.EVERYONE
        return ast.Scope(
            agents=some(((), ("bot",), ("bot", "other"))), roles=some(((), ("it",))), via=some(((), ("up",)))
        )

    def signature(self) -> ast.Signature:
        chance = self.chance
        members = ast.Signature((ast.NamedArgument("a", True),), False)
        named = [
            ast.NamedArgument(name, chance.random() < 0.4, members if name == "box" and chance.random() < 0.5 else None)
            for name in NAMES
            if chance.random() < 0.8
        ]
        return ast.Signature(tuple(named), chance.random() < 0.6)

    def condition(self, depth: int, elements: tuple[str, ...] = ()) -> Any:
        chance = self.chance
        if depth and chance.random() < 0.6:
            kind = chance.choice((ast.And, ast.Or, ast.Not, ast.Quantified, ast.IfThen))
            if kind is ast.Not:
                return ast.Not(self.condition(depth - 1, elements))
            if kind is ast.IfThen:
                return ast.IfThen(*(self.condition(depth - 1, elements) for _ in range(chance.choice((2, 3)))))
            if kind is ast.Quantified:
                body = self.condition(depth - 1, (*elements, "it"))
                return ast.Quantified(chance.choice(("each", "any")), ast.Argument(("items",)), "it", body)
            return kind(tuple(self.condition(depth - 1, elements) for _ in range(2)))
        return chance.choice(self.leaves)(elements)

    def place(self, elements: tuple[str, ...]) -> Any:
        if elements and self.chance.random() < 0.6:
            return ast.Element("it")
        return ast.Argument(
            self.chance.choice((("a",), ("a",), ("b",), ("b",), ("box", "a"), ("items", 0), ("items",)))
        )

    def number(self, elements: tuple[str, ...]) -> Any:
        chance = self.chance
        return chance.choice((
            lambda: ast.Argument(("b",)), lambda: ast.Argument(("b",)), lambda: ast.Literal(chance.choice(NUMBERS)),
            lambda: ast.LengthOf(self.place(elements)), lambda: ast.NumberOf(ast.Argument(("a",))),
            lambda: ast.Arithmetic(chance.choice("+-*"), ast.Argument(("b",)), ast.Literal(chance.choice(NUMBERS))),
            lambda: ast.Tally(chance.randrange(2), chance.choice(((), (ast.Argument(("a",)),)))),
        ))()  # fmt: skip

    @property
    def leaves(self) -> tuple[Any, ...]:
        pick, place, number = self.chance.choice, self.place, self.number
        literal = lambda: ast.Literal(pick((*TEXTS, *NUMBERS, True, None)))  # noqa: E731 - a word in a table
        options = lambda: ast.TextOptions(pick((False, False, True)), pick((False, False, True)))  # noqa: E731 - as above
        some = lambda: ast.SetLiteral(tuple(self.chance.sample(TEXTS[:12], 3)))  # noqa: E731 - as above
        return (
            lambda e: ast.Compare(pick(("==", "!=")), place(e), literal(), options()),
            lambda e: ast.Compare(pick(("==", "!=")), place(e), place(e)),
            lambda e: ast.Compare(pick(("<", "<=", ">", ">=")), number(e), number(e)),
            lambda e: ast.Compare(pick(("<", "<=", ">", ">=")), ast.Argument(("b",)), ast.Literal(pick(NUMBERS))),
            lambda e: ast.Member(place(e), pick((some(), ast.SetName("texts"))), options()),
            lambda e: ast.Member(ast.Argument(("b",)), ast.RangeSet(pick(NUMBERS[:3]), pick(NUMBERS[3:]))),
            lambda e: ast.Member(place(e), ast.MailSet(ast.SetLiteral((pick(DOMAINS),)), pick((True, False)))),
            lambda e: ast.Member(place(e), ast.WebSet(ast.SetLiteral((pick(DOMAINS),)), pick((True, False)))),
            lambda e: ast.Matches(place(e), pick(PATTERNS), pick((True, False))),
            lambda e: ast.Like(place(e), pick(("a*", "*b", "?b", "*", "a*c", "AB")), options()),
            lambda e: ast.Holds(pick(HOLDS), place(e), ast.Literal(pick(TEXTS)), options()),
            lambda e: ast.Holds("contains", ast.Argument(("items",)), ast.Literal(pick(TEXTS))),
            lambda e: ast.Under(place(e), ast.SetLiteral((pick(("/srv/data", "/srv", "/")),))),
            lambda e: ast.Runs(pick(("one of", "none of")), place(e), ast.SetLiteral((pick(("ls", "cat")),))),
            lambda e: ast.IsType(place(e), pick(tuple(ast.JsonType))),
            lambda e: ast.MultipleOf(ast.Argument(("b",)), pick((1, 2, Decimal("0.25")))),
            lambda e: ast.Presence(pick(("has", "missing", "absent")), place(e)),
            lambda e: ast.FromUser(place(e)),
            lambda e: ast.FromSource(place(e), 0, pick((True, False))),
            lambda e: ast.Seen(2, pick(((), (ast.Argument(("a",)),)))),
            lambda e: ast.HasRole(pick(("it", "finance"))),
            lambda e: ast.SessionHas(pick((ast.Label("untrusted"), ast.Label(pick(LABELS), pick((None, "hr")))))),
            lambda e: ast.SessionExceeds((ast.Label(pick(("secret", "public")), pick((None, "hr"))),)),
            lambda e: ast.TimeBetween(pick((None, 60)), 600, pick(((), (0, 1))), "UTC"),
            lambda e: ast.TimeWithin(pick((None, 10**15)), pick((None, 2 * 10**15))),
            lambda e: ast.Compare("==", pick(KNOWN), ast.Literal(pick(("bot", "hr")))),
        )  # fmt: skip

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(self) -> tuple[str, dict[str, Any], Facts]:
        chance = self.chance
        arguments: dict[str, Any] = {}
        for name in (*NAMES, "more"):
            if chance.random() < (0.85 if name in ("a", "b") else 0.4):
                arguments[name] = self.value(name)
        return chance.choice(("send", "send", "send", "seek", "other")), arguments, self.facts()

    def value(self, name: str) -> Any:
        chance = self.chance
        if chance.random() < 0.15:
            return chance.choice((None, True, "ab", 1, [], {}, ["a", {"a": "b"}]))
        match name:
            case "a" | "more":
                return chance.choice(TEXTS)
            case "b":
                return chance.choice(NUMBERS)
            case "items":
                some = (*TEXTS, 1, None) if chance.random() < 0.4 else TEXTS[:5]
                return [chance.choice(some) for _ in range(chance.randint(0, 3))]
        return {member: chance.choice((*TEXTS, 1)) for member in MEMBERS if chance.random() < 0.6}

    def facts(self) -> Facts:
        chance = self.chance
        labels = chance.sample(
            [("secret", "hr"), ("secret", None), ("public", None), ("own", None), ("untrusted", None)],
            chance.randint(0, 2),
        )
        agent, roles = (
            chance.choice((None, "bot", "other")),
            frozenset(chance.sample(("it", "finance"), chance.randint(0, 2))),
        )
        via = chance.choice(((), ("up",)))
        return Facts(
            agent=agent, roles=roles, via=via, key=repr((agent, sorted(roles), via)),
            user_words=chance.choice(((), ("please pay invoice 4711, 5.00 in all, to ann@corp.example",))),
            claims=chance.choice(({}, {"dept": "hr"}, {"dept": 1})),
            now=chance.choice((0, 10**15 - 5, 1_500_000_000_000_000, 1_767_605_400_000_000)),
            history=Remembered(chance, frozenset(labels)),
        )  # fmt: skip


@pytest.fixture
def maker() -> type[Maker]:
    return Maker
