"""Random worlds: small policies that use every word of the language, and calls that come close to what they ask.

Values and literals are drawn from the same few pools, so that tests hold, fail and err about equally often; the pools
are made of what engines confuse: true and 1 and 1.0 and "1", null and nothing, texts that fold together, numbers no
double holds, and things no strict parser gives (floats, NaN).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from policy_dsl import Outcome, Program, ast, compile_policy, parse, policy_set, reference
from policy_dsl.catalogue import EMPTY_CATALOGUE, Catalogue
from policy_dsl.facts import NOBODY, NOTHING, Facts
from policy_dsl.reference import askers, ceiling, decide, hides, rewrite, shadow

TEXTS = (
    "", "a", "ab", "abc", "AB", "\uff21\uff22", "stra\u00dfe", "STRASSE", "1", "true", "null", "\u0000", "line\nline",
    "ann@corp.example", "bob@eu.corp.example", "Ann <ann@corp.example>", "https://api.corp.example/x", "http://corp.example",
    "/srv/data", "/srv/data/q4.csv", "/srv/data/../x", "/srv/dataset", "ls -l", "ls && cat x", "sudo rm -rf /", "rm x",
    "invoice 4711", "12.50", "-3", "1e3", "05", "1e99999", "ab.c", "secret", "finance",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 5, 10, Decimal("1.0"), Decimal("0.1"), Decimal("5.00"), Decimal("1E+30"), 10**30, Decimal("-0"))
HUGE = (10**400, Decimal("1E+5000"), Decimal("1E-5000"), -(10**999))
NO_JSON = (1.0, float("nan"), Decimal("NaN"), Decimal("Infinity"), (1, 2), b"a")
NAMES = ("a", "b", "to", "items", "box", "not a word", "class")
MEMBERS = ("a", "x", "to", "deep")
PATTERNS = ("a", "ab.*", ".*c", "a|ab|1", "[a-z]+", "/srv/.*", "(?i)ab", "")
GLOBS = ("*", "a*", "*c", "*b*", "ab", "a?", "*/data*", "A*", "?", "", "a*c*", "**")
LEVELS = ("public", "internal", "secret")
LABELS = (*LEVELS, "untrusted", "apart")
COMPARTMENTS = (None, None, "hr", "it")
LAYERED = ("organisation", "team", "agent")
STRICTNESS = {"allow": 0, "ask": 1, "forbid": 2}
VIA: tuple[tuple[str, ...], ...] = ((), (), (), ("planner",), ("other", "nobody"))
SPRING = 1_774_746_000_000_000  # 2026-03-29T01:00Z, when clocks in Berlin go from 02:00 to 03:00
MOMENTS = (0, 1, SPRING - 1, SPRING, 1_792_890_000_000_000, 1_800_000_000_123_456, 10**18, -(10**15))
TOOLS = ("send", "send", "read_a", "read_b", "read_/x", "delete", "unknown")
WRITTEN_TOOLS = ("send", "send", "*", "*", "*", "read_a", "read_*", "*e*d*", "delete", "*_a")
WORDS = ((), ("please pay invoice 4711, 5.00 in all",), ("ab abc", "to ann@corp.example and /srv/data/q4.csv"))
PEOPLE = (
    NOBODY,
    Facts(agent="bot", key="bot"),
    Facts(tenant="t", agent="bot", user="u", roles=frozenset({"finance", "it"}), key="t/bot/u"),
    Facts(agent="other", user="u", roles=frozenset({"it"}), key="other/u"),
    Facts(agent="bot", key="bot via", via=("other", "planner"), claims={"mfa": True, "level": 2, "dept": "ab"}),
    Facts(user="a", key="a", claims={"mfa": None, "level": "x", "dept": ["a"], "odd\n": 1.5}),
)
SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}, {"type": ["string", "null"]},
    {}, {"type": "array", "items": {"type": "string"}}, {"type": "array"}, {"enum": ["a", "ab"]}, {"enum": [1, None]},
    {"type": "object", "properties": {"a": {"type": "string"}, "x": {}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {"type": "array", "items": {"type": "object", "properties": {"a": {}}, "additionalProperties": False}},
)  # fmt: skip


class Past:
    """A history that answers anything, and always the same: what a real one could say, and every fault."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        chance = random.Random(seed)
        self.labels = frozenset(
            (chance.choice(LABELS), chance.choice(COMPARTMENTS)) for _ in range(chance.randint(0, 2))
        )

    def _pick(self, question: object, answers: tuple[Any, ...]) -> Any:
        return random.Random(f"{self._seed}{question!r}").choice(answers)

    def seen(self, tracker: int, keys: tuple[Any, ...], now: int) -> Any:
        return self._pick(
            ("seen", tracker, keys, now), (True, True, False, False, "claimed", "forgotten", "wrong-type")
        )

    def tally(self, tracker: int, keys: tuple[Any, ...], now: int) -> Any:
        return self._pick(("tally", tracker, keys, now), (0, 1, 5, Decimal("5.00"), 10**999, "missing", "wrong-type"))

    def in_results(self, value: Any, source: int) -> Any:
        return self._pick(("in", value, source), (True, True, False, "forgotten"))

    def derived(self, value: Any, source: int) -> Any:
        return self._pick(("derived", value, source), (True, False, False, "forgotten"))


@dataclass(frozen=True)
class World:
    """A policy with its tools, and calls to put to it: (tool, arguments, facts, server)."""

    policy: ast.PolicySet
    catalogue: Catalogue
    calls: tuple[tuple[str, dict[str, Any], Facts, str | None], ...]

    def expected(self) -> list[Outcome]:
        return [reference.decide(self.policy, self.catalogue, *call) for call in self.calls]

    def check(self) -> None:
        """Both engines say the same of every call; the bare decision is the full one without its errors; what can be
        granted may be granted, and no ceiling is below the decision."""
        program = compile_policy(self.policy, self.catalogue)
        for tool, arguments, facts, server in self.calls:
            call = (tool, arguments, facts, server)
            expected: tuple[Any, ...] = tuple(f(self.policy, self.catalogue, *call) for f in (decide, shadow, ceiling))
            got: tuple[Any, ...] = (program.decide(*call), program.shadow and program.shadow(*call))
            got += (program.ceiling and program.ceiling(*call),)
            if got[2] is not None:
                opened = got[2].effect != "forbid" and got[0].effect == "forbid"
                expected += (True, True)
                got += (STRICTNESS[got[2].effect] <= STRICTNESS[got[0].effect],)
                got += (not opened or program.may_learn(tool, facts, server),)
            expected += (replace(expected[0], errors=()),)
            got += (program.decide_bare(*call),)
            if self.policy.rewrites:
                expected += (repr(rewrite(self.policy, *call)),)
                got += (repr(program.rewrite(*call)),)
            expected += (hides(self.policy, tool, facts, server), True)
            got += (
                program.hides(tool, facts, server),
                got[0].effect == "forbid" or program.may_grant(tool, facts, server),
            )
            if got[0].effect == "ask":
                asking = askers(self.policy, self.catalogue, *call)
                expected += (asking, True)
                got += (program.askers(*call), got[0].rule in asking)
            if got != expected:
                source = program.source(tool, facts, server)
                raise AssertionError(f"{call}\n{expected}\n{got}\n{self.policy}\n{source}")


class Maker:
    """Draws worlds from one stream of chance."""

    def __init__(self, seed: int | str) -> None:
        self.chance = random.Random(seed)

    def world(self, calls: int) -> World:
        chance = self.chance
        many = chance.random() < 0.2
        rules = [self.rule() for _ in range(chance.randint(13, 45) if many else chance.randint(0, 9))]
        if many:
            quiet = chance.random() < 0.7
            rules = [self.grant(rule) if quiet else rule for rule in rules]
            rules = [self.keyed(rule) if chance.random() < 0.85 else rule for rule in rules]
        if chance.random() < 0.4:
            rules = [replace(rule, layer=chance.choice(LAYERED)) for rule in rules]
        if chance.random() < 0.3:
            rules = [replace(rule, shadow=chance.random() < 0.3) for rule in rules]
        learnable: list[ast.Rule] = []
        if chance.random() < 0.3:
            drawn = [replace(self.rule(), priority=0, origin="learnable") for _ in range(chance.randint(1, 4))]
            learnable = [
                replace(rule, effect=ast.Effect.ALLOW, message=None, subject=None) for rule in drawn if rule.signature
            ]
            layers = {rule.layer for rule in rules} or {ast.LAYERS[0]}
            learnable = [replace(rule, layer=chance.choice((*sorted(layers), *LAYERED))) for rule in learnable]
            # There is no learned ask: the language refuses it.
            rules = [
                replace(rule, origin="learned", subject=None)
                if rule.effect is not ast.Effect.ASK and chance.random() < 0.2
                else rule
                for rule in rules
            ]
        policy = ast.PolicySet(
            files=(),
            rules={f"r{number:02}": rule for number, rule in enumerate(rules)},
            sets={"texts": self.literal_set(), "numbers": ast.RangeSet(1, Decimal("5.0"))},
            otherwise={layer: chance.choice((None, f"not {layer}")) for layer in LAYERED if chance.random() < 0.3},
            tests=(),
            hash="sha256:test",
            catalogue=EMPTY_CATALOGUE,
            levels=LEVELS,
            rewrites={f"w{n}": self.rewrite() for n in range(chance.randint(1, 5))} if chance.random() < 0.3 else {},
            hidden=tuple(ast.Hide(self.tools(), self.scope()) for _ in range(chance.randint(0, 2))),
            learnable={f"l{number}": rule for number, rule in enumerate(learnable)},
        )
        catalogue = self.catalogue() if chance.random() < 0.2 else EMPTY_CATALOGUE
        return World(policy, catalogue, tuple(self.call(many, [*rules, *learnable]) for _ in range(calls)))

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(self, usual: bool, rules: list[ast.Rule]) -> tuple[str, dict[str, Any], Facts, str | None]:
        chance = self.chance
        past = Past(chance.randrange(50)) if chance.random() < 0.7 else NOTHING
        facts = replace(
            chance.choice(PEOPLE), user_words=chance.choice(WORDS), now=chance.choice(MOMENTS), history=past
        )
        names = set(chance.sample(NAMES, chance.randint(0, len(NAMES))))
        closed = [rule.signature for rule in rules if rule.signature]
        if closed and chance.random() < 0.6:
            aimed_at = chance.choice(closed)
            named = {argument.name for argument in aimed_at.arguments if not argument.optional or chance.random() < 0.5}
            names = named | names if aimed_at.open else named
        if usual:
            names |= set(NAMES[:3])
        keyed = {name for name in names if usual and chance.random() < 0.85}
        arguments = {name: self.keyed_value(name) if name in keyed else self.usual(name) for name in sorted(names)}
        return chance.choice(TOOLS), arguments, facts, chance.choice((None, None, "srv", "other"))

    def usual(self, name: str) -> Any:
        """Most `items` are lists and most boxes objects, so that conditions come past their first step."""
        chance = self.chance
        if name == "items" and chance.random() < 0.7:
            return [self.value(1) for _ in range(chance.randint(0, 3))]
        if name == "box" and chance.random() < 0.7:
            return {member: self.value(1) for member in chance.sample(MEMBERS, chance.randint(0, 4))}
        return self.value(2)

    def value(self, depth: int) -> Any:
        chance = self.chance
        kind = chance.random()
        if depth and kind < 0.2:
            return [self.value(depth - 1) for _ in range(chance.randint(0, 3))]
        if depth and kind < 0.35:
            return {name: self.value(depth - 1) for name in chance.sample(MEMBERS, chance.randint(0, 3))}
        if kind < 0.39:
            return chance.choice((*NO_JSON, *HUGE))
        return self.scalar()

    def scalar(self) -> Any:
        text, number = self.chance.choice(TEXTS), self.chance.choice(NUMBERS)
        return self.chance.choice((text, number, True, False, None, "a", 1, "ab"))

    def catalogue(self) -> Catalogue:
        chance = self.chance
        tools = []
        for name in chance.sample(("send", "read_a", "read_b", "delete"), chance.randint(2, 4)):
            members = chance.sample(NAMES, chance.randint(0, 7))
            schema = {
                "type": "object",
                "properties": {member: chance.choice(SCHEMAS) for member in members},
                "required": [member for member in members if chance.random() < 0.5],
                **chance.choice(({}, {"additionalProperties": False}, {"additionalProperties": {"type": "string"}})),
            }
            tools.append({"name": name, "inputSchema": schema})
        return Catalogue.from_tools(tools, chance.choice((None, None, "srv")))

    # --- rules ------------------------------------------------------------------------------------------------------

    def rule(self) -> ast.Rule:
        chance = self.chance
        effect = chance.choice((*ast.Effect, *[ast.Effect.ALLOW] * 6, *[ast.Effect.ASK] * 2))
        closed = effect in (ast.Effect.ALLOW, ast.Effect.ASK)
        return ast.Rule(
            effect=effect,
            tools=self.tools(),
            signature=self.signature(2) if closed else None,
            when=self.condition(chance.choice((0, 1, 3))) if chance.random() < 0.85 else None,
            unless=self.condition(1) if chance.random() < 0.2 else None,
            priority=chance.choice((0, 0, 0, 5, -3)),
            message=chance.choice((None, "because")),
            scope=self.scope() if chance.random() < 0.15 else ast.EVERYONE,
            origin="written" if closed else chance.choice(("written", "written", "limit", "clearance", "counter")),
            subject=chance.choice((None, None, None, "judge", "judge, learnable")) if closed else None,
        )

    def tools(self) -> tuple[ast.ToolPattern, ...]:
        return tuple(
            ast.ToolPattern("srv" if self.chance.random() < 0.1 else None, tool)
            for tool in self.chance.sample(WRITTEN_TOOLS, self.chance.randint(1, 3))
        )

    def rewrite(self) -> ast.Rewrite:
        chance = self.chance
        return ast.Rewrite(
            tools=self.tools(),
            changes=tuple(self.change() for _ in range(chance.randint(1, 3))),
            when=self.condition(1) if chance.random() < 0.4 else None,
            unless=self.condition(0) if chance.random() < 0.1 else None,
            shadow=chance.random() < 0.1,
            scope=self.scope() if chance.random() < 0.1 else ast.EVERYONE,
        )

    def change(self) -> ast.Change:
        chance = self.chance
        path: tuple[str | int, ...] = (chance.choice(("a", "b", "items", "box")),)
        while chance.random() < 0.4:
            path += (chance.choice(("a", "x", 0, 1)),)
        kind = chance.random()
        if kind < 0.4:
            return ast.SetArgument(path, self.operand((), 1))
        if kind < 0.6:
            return ast.RemoveArgument(path)
        return ast.RedactArgument(
            path, chance.choice(("a+", "b", "[a-c]", "x*", "4711", "é|a")), chance.choice(("*", ""))
        )

    def keyed_value(self, name: str) -> Any:
        """In a world of many rules `a` is mostly text and `b` mostly a number, so that their keys can be asked."""
        return {"a": self.chance.choice(TEXTS), "b": self.chance.choice(NUMBERS)}.get(name) or self.scalar()

    def grant(self, rule: ast.Rule) -> ast.Rule:
        """Most forbids made grants: among many forbids one is always an error, and hides what the others say."""
        if rule.signature is not None or self.chance.random() < 0.2:
            return rule
        return replace(rule, effect=ast.Effect.ALLOW, signature=ast.Signature((), open=True))

    def keyed(self, rule: ast.Rule) -> ast.Rule:
        """The rule with one more conjunct of a kind that tables can use."""
        chance = self.chance
        argument = ast.Argument((chance.choice(NAMES[:3]),))
        low = chance.choice(NUMBERS)
        about_text: tuple[ast.Condition, ...] = (
            ast.Compare("==", argument, ast.Literal(chance.choice(TEXTS))),
            ast.Member(argument, ast.SetLiteral(tuple(chance.sample(TEXTS, 3)))),
            ast.Holds("starts with", argument, ast.Literal(chance.choice(TEXTS)), self.text_options()),
            ast.Under(argument, ast.SetLiteral(("/srv/data", chance.choice(("/srv", "/", "/srv/data/"))))),
            ast.Matches(argument, chance.choice(PATTERNS)),
        )
        about_numbers: tuple[ast.Condition, ...] = (
            ast.Compare("==", ast.Literal(low), argument),
            ast.Member(argument, ast.SetLiteral(tuple(chance.sample(NUMBERS, 3)))),
            ast.Member(argument, ast.RangeSet(low, low + chance.randint(0, 2))),
            ast.Member(argument, ast.RangeSet(low, low + chance.randint(0, 2))),
        )
        mixed = (ast.Member(argument, self.literal_set(), self.text_options()),)
        kinds = {"a": (about_text, about_text, mixed), "b": (about_numbers, about_numbers, mixed)}
        conjunct = chance.choice(chance.choice(kinds.get(str(argument.path[0]), (about_text, about_numbers, mixed))))
        bounds = (ast.Compare(">=", argument, ast.Literal(low)), ast.Compare("<", argument, ast.Literal(low + 2)))
        added = bounds if chance.random() < 0.1 else (conjunct,)
        rest = (rule.when,) if rule.when is not None and chance.random() < 0.2 else ()
        names = (*(rule.signature.arguments if rule.signature else ()), ast.NamedArgument(str(argument.path[0])))
        once = tuple({one.name: one for one in names}.values())
        signature = rule.signature and ast.Signature(once, chance.random() < 0.8)
        tools = (ast.ToolPattern(None, chance.choice(("*", "send", "read_*"))),)
        return replace(rule, when=ast.And((*added, *rest)), signature=signature, tools=tools)

    def scope(self) -> ast.Scope:
        def some(*names: str) -> tuple[str, ...]:
            return tuple(self.chance.sample(names, self.chance.randint(0, len(names))))

        return ast.Scope(some("t"), some("bot", "other"), some("u"), some("finance", "it"), self.chance.choice(VIA))

    def signature(self, depth: int) -> ast.Signature:
        chance = self.chance
        names = chance.sample(NAMES if depth == 2 else MEMBERS, chance.randint(0, 4))
        arguments = tuple(
            ast.NamedArgument(
                name, chance.random() < 0.5, self.signature(depth - 1) if depth and chance.random() < 0.25 else None
            )
            for name in names
        )
        return ast.Signature(arguments, chance.random() < 0.6)

    # --- conditions -------------------------------------------------------------------------------------------------

    def condition(self, depth: int, elements: tuple[str, ...] = ()) -> ast.Condition:
        chance = self.chance
        if depth and chance.random() < 0.55:
            kind = chance.choice((ast.And, ast.Or, ast.Not, ast.Quantified, ast.Quantified, ast.IfThen))
            if kind is ast.IfThen:
                test, then, last = (self.condition(depth - 1, elements) for _ in range(3))
                return ast.IfThen(test, then, chance.choice((last, None)))
            if kind is ast.Not:
                return ast.Not(self.condition(depth - 1, elements))
            if kind is ast.Quantified:
                name = chance.choice(("it", "one"))
                body = self.condition(depth - 1, (*elements, name))
                source = ast.Argument(("items",)) if chance.random() < 0.5 else self.argument(elements)
                return ast.Quantified(chance.choice(("each", "any")), source, name, body)
            return kind(tuple(self.condition(depth - 1, elements) for _ in range(chance.randint(1, 3))))
        return chance.choice(self.leaves if chance.random() < 0.6 else self.circumstances)(elements)

    @property
    def leaves(self) -> tuple[Callable[[tuple[str, ...]], ast.Condition], ...]:
        pick, operand, text = self.chance.choice, self.operand, self.text_options
        return (
            lambda e: ast.Compare(pick(("==", "!=")), operand(e), operand(e), text()),
            lambda e: ast.Compare(pick(("==", "!=")), self.argument(e), ast.Literal(self.scalar()), text()),
            lambda e: ast.Compare(pick(("<", "<=", ">", ">=")), operand(e), operand(e)),
            lambda e: ast.Member(operand(e), self.value_set(), text()),
            lambda e: ast.Member(self.argument(e), self.literal_set(), text()),
            lambda e: ast.Matches(operand(e), pick(PATTERNS)),
            lambda e: ast.Holds(pick(("starts with", "ends with", "contains")), operand(e), operand(e), text()),
            lambda e: ast.Under(operand(e), self.texts("/srv/data", "/srv", "/", "/srv/data/")),
            lambda e: ast.Runs(pick(("one of", "none of")), operand(e), self.texts("ls", "rm", "cat", "sudo")),
            lambda e: ast.IsType(operand(e), pick(tuple(ast.JsonType))),
            lambda e: ast.Presence(pick(("has", "missing", "absent")), self.argument(e)),
            lambda e: ast.FromUser(operand(e)),
            lambda e: ast.Constant(pick((True, False))),
            lambda e: ast.Matches(operand(e), pick(PATTERNS), search=True),
            lambda e: ast.Like(operand(e), pick(GLOBS), text()),
            lambda e: ast.MultipleOf(operand(e), pick((1, 2, Decimal("0.05"), Decimal("1E-7"), Decimal("30")))),
        )

    @property
    def circumstances(self) -> tuple[Callable[[tuple[str, ...]], ast.Condition], ...]:
        pick = self.chance.choice
        minutes, zones = (None, 0, 60, 1_320, 1_439), ("UTC", "Europe/Berlin")
        return (
            lambda e: ast.HasRole(pick(("finance", "it", "none"))),
            lambda e: ast.TimeBetween(pick(minutes), pick(minutes), pick(((), (5, 6), (0,))), pick(zones)),
            lambda e: ast.TimeWithin(pick((None, *MOMENTS)), pick((None, *MOMENTS))),
            lambda e: ast.Seen(pick((0, 1)), self.keys(e)),
            lambda e: ast.SessionHas(self.label()),
            lambda e: ast.SessionExceeds(tuple(self.label() for _ in range(pick((0, 1, 2))))),
            lambda e: ast.FromSource(self.operand(e), pick((0, 1)), pick((True, False))),
            lambda e: ast.Compare(pick(("<=", ">", "==")), ast.Tally(pick((0, 1)), self.keys(e)), self.operand(e)),
            lambda e: ast.Compare(pick(("==", "!=")), self.who(), pick((ast.Literal(self.scalar()), self.argument(e)))),
            lambda e: ast.Compare(pick(("<", "==")), ast.NumberOf(self.operand(e)), ast.Literal(pick(NUMBERS))),
        )

    def label(self) -> ast.Label:
        return ast.Label(self.chance.choice(LABELS), self.chance.choice(COMPARTMENTS))

    def keys(self, elements: tuple[str, ...]) -> tuple[ast.Operand, ...]:
        return tuple(self.operand(elements, 1) for _ in range(self.chance.choice((0, 0, 1, 2))))

    def who(self) -> ast.Operand:
        claim = ast.Claim(self.chance.choice(("mfa", "level", "dept", "odd\n", "none")))
        return self.chance.choice((claim, claim, ast.PrincipalPart(self.chance.choice(("tenant", "agent", "user")))))

    def argument(self, elements: tuple[str, ...]) -> ast.Argument | ast.Element:
        chance = self.chance
        steps: tuple[str | int, ...] = ()
        while chance.random() < 0.25:
            steps += (chance.choice((*MEMBERS, 0, 1)),)
        if elements and chance.random() < 0.7:
            return ast.Element(chance.choice(elements), steps)
        return ast.Argument((chance.choice(NAMES), *steps))

    def operand(self, elements: tuple[str, ...], depth: int = 2) -> ast.Operand:
        chance = self.chance
        kind = chance.random()
        if depth and kind < 0.1:
            return ast.LengthOf(self.operand(elements, depth - 1))
        if depth and kind < 0.2:
            left, right = self.operand(elements, depth - 1), self.operand(elements, depth - 1)
            right = ast.Literal(chance.choice((*NUMBERS, *HUGE))) if chance.random() < 0.5 else right
            return ast.Arithmetic(chance.choice(("+", "-", "*")), left, right)
        if depth and kind < 0.24:
            return ast.NumberOf(self.operand(elements, depth - 1))
        if depth and kind < 0.27:
            return ast.Tally(self.chance.choice((0, 1)), self.keys(elements))
        if kind < 0.3:
            return self.who()
        if kind < 0.35:
            return ast.Literal(self.scalar())
        if kind < 0.38:
            return ast.ListLiteral(tuple(ast.Literal(self.scalar()) for _ in range(chance.randint(0, 2))))
        return self.argument(elements)

    def text_options(self) -> ast.TextOptions:
        return ast.TextOptions(self.chance.random() < 0.2, self.chance.random() < 0.2)

    def literal_set(self) -> ast.SetLiteral:
        return ast.SetLiteral(tuple(self.scalar() for _ in range(self.chance.randint(0, 4))))

    def texts(self, *names: str) -> ast.SetLiteral:
        return ast.SetLiteral(tuple(self.chance.sample(names, self.chance.randint(1, len(names)))))

    def value_set(self) -> ast.ValueSet:
        chance = self.chance
        domains = self.texts("corp.example", "Corp.Example", "api.corp.example", "no domain")
        return chance.choice(
            (
                self.literal_set(),
                ast.SetName(chance.choice(("texts", "numbers"))),
                ast.RangeSet(0, chance.choice(NUMBERS)),
                ast.MailSet(domains, chance.random() < 0.5),
                ast.WebSet(domains, chance.random() < 0.5),
            )
        )


@pytest.fixture(scope="session")
def worlds() -> Callable[..., Iterator[World]]:
    """Endless worlds from a seed."""

    def from_seed(seed: int | str, calls: int = 20) -> Iterator[World]:
        maker = Maker(seed)
        while True:
            yield maker.world(calls)

    return from_seed


@pytest.fixture
def compiled() -> Callable[..., tuple[Program, ast.PolicySet]]:
    """The program of one policy's text (without its first line), and the policy."""

    def from_text(text: str, tools: list[dict[str, Any]] | None = None) -> tuple[Program, ast.PolicySet]:
        catalogue = EMPTY_CATALOGUE if tools is None else Catalogue.from_tools(tools)
        policy = policy_set([parse(f"language 1\n{text}", "policy.lw")], catalogue)
        return compile_policy(policy), policy

    return from_text
