"""Cases of one's own policies: calls on both sides of every test, labelled by the engine.

For each rule in turn its condition is wished true, or one of its tests is turned round; what that comes to is what the
Guard says. Cases are then chosen so that effects are equally many, and within an effect the rules that decided.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from policy_dsl import Catalogue, Compare, Facts, Literal, Member, RangeSet, Rule, ast, parse_json, strict_json
from policy_dsl.compile import fits

from ..corpus import corpus
from ..example import Data, DataError, Example
from ..knowledge import document, identifier, sentences
from .asking import Engine, Labelled
from .sampling import HELD_OUT
from .satisfying import World
from .tracing import Tracer, leaves

LANGUAGE: Final = 1
_TURNED: Final = 0.5
"""Share of proposals in which one test of a rule is turned round."""

_ROUNDS: Final = 60
"""Proposals for each case wanted before what was found is held to be all."""


@dataclass(frozen=True, slots=True)
class _Found:
    call: dict[str, Any]
    context: dict[str, Any]
    label: Labelled
    facts: Facts
    is_held_out: bool

    @property
    def path(self) -> str:
        return f"{self.call['tool']}:{self.label.rule or self.label.reason}"


def of_policies(
    paths: Sequence[str], tools: Catalogue | None = None, *, seed: int = 7, train: int = 4000, test: int = 1000
) -> Data:
    """The data of one policy set. As many cases as were found where there are fewer than asked for; the manifest says
    how many, and which tests of which rules were seen on one side only. Raises DataError where the policy does not
    check or no call was found at all."""
    engine = Engine.of_files(list(paths), tools)
    policy, tracer = engine.policy, Tracer(engine)
    rng = random.Random(strict_json.encode([seed, policy.hash]))  # noqa: S311  # data, no secret
    name = identifier(policy, Path(paths[0]).stem)
    proposals = _proposals(rng, engine, train + test)
    if not proposals:
        raise DataError(f"no call was found that `{paths[0]}` says anything about; give its tools")
    data = Data(
        documents={name: document(policy, seed)},
        rules={name: sentences(policy, seed)},
        train=[],
        test=[],
        corpus=[],
        manifest={
            "seed": seed,
            "policies": {name: policy.hash},
            "language": LANGUAGE,
            "one-sided": _one_sided(tracer, proposals),
        },
        policies={name: "".join(f"# file: {file.path}\n{file.source}\n" for file in policy.files)},
        tools={name: [_tool(tool) for tool in policy.catalogue]},
    )
    for split, wanted in (("train", train), ("test", test)):
        kept = _balanced([one for one in proposals if one.is_held_out is (split == "test")], wanted)
        setattr(data, split, [_example(tracer, name, one, split, f"{split}-{seed}-{n}") for n, one in enumerate(kept)])
    data.corpus = corpus({name: policy}, data.train, data.test, seed)
    return data


# --- proposals --------------------------------------------------------------------------------------------------------


def _proposals(rng: random.Random, engine: Engine, wanted: int) -> list[_Found]:
    targets = [
        (rule, tool.name, tool.server)
        for rule in engine.policy.rules.values()
        for tool in _tools(engine, rule)
        if not rule.shadow
    ]
    found: dict[bytes, _Found] = {}
    turn = cycle(targets)
    for _ in range(min(wanted * 4, _ROUNDS * len(targets) + wanted) if targets else 0):
        rule, tool, server = next(turn)
        world = World(engine.policy, rng, arguments=_base(rng, engine, tool, server, rule))
        _bind(world, rule)
        _aim(rng, world, rule)
        call: dict[str, Any] = {"tool": tool, "args": world.arguments}
        if server is not None:
            call["server"] = server
        context = world.context()
        key = strict_json.encode([call, context])
        if key not in found:
            label, facts = engine.label_with_facts(call, context)
            found[key] = _Found(call, context, label, facts, _is_held_out(call, seed=0))
    return list(found.values())


def _aim(rng: random.Random, world: World, rule: Rule) -> None:
    """The rule's condition true, or one of its tests turned round after that."""
    if rule.when is not None:
        world.wish(rule.when, True)
    if rule.unless is not None:
        world.wish(rule.unless, False)
    tests = leaves(rule)
    if tests and rng.random() < _TURNED:
        world.wish(rng.choice(tests), rng.random() < 0.5)


def _bind(world: World, rule: Rule) -> None:
    """Somebody at some time, as a counter has an owner and a window; whoever the rule is for."""
    scope = rule.scope
    world.facts |= {"tenant": "acme", "agent": "assistant", "user": "ann"}
    world.at = "2026-03-04T12:00:00Z"
    for part, names in (("tenant", scope.tenants), ("agent", scope.agents), ("user", scope.users)):
        if names:
            world.facts[part] = names[0]
    if scope.roles:
        world.facts["roles"] = list(scope.roles)
    if scope.via:
        world.facts["via"] = list(scope.via)


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    server: str | None


def _tools(engine: Engine, rule: Rule) -> Iterator[_Named]:
    """The tools that a rule is about: those of the catalogue that fit, else those that it names."""
    listed = [tool for tool in engine.policy.catalogue if fits(rule.tools, tool.server, tool.name)]
    if listed:
        yield from (_Named(tool.name, tool.server) for tool in listed)
        return
    for pattern in rule.tools:
        if isinstance(pattern, ast.ToolPattern) and "*" not in pattern.tool:
            yield _Named(pattern.tool, pattern.server)


def _base(rng: random.Random, engine: Engine, tool: str, server: str | None, rule: Rule) -> dict[str, Any]:
    """Arguments that fit the tool's schema, where there is one; else one for each name of the signature."""
    known = engine.policy.catalogue.get(server, tool)
    if known is None:
        named = rule.signature.arguments if rule.signature is not None else ()
        return {one.name: _anything(rng, "string") for one in named if not one.optional}
    schema: Any = parse_json(known.interface, numbers="kept")
    value = _value(rng, schema if isinstance(schema, dict) else {})
    return value if isinstance(value, dict) else {}


_WORDS: Final = ("word", "note", "green", "seven", "paper", "lamp", "river", "monday", "stone", "cloud")


def _anything(rng: random.Random, kind: str) -> Any:
    """A value of a JSON type that no rule is about."""
    made: Mapping[str, Any] = {
        "integer": rng.randint(1, 999),
        "number": rng.randint(1, 999),
        "boolean": rng.random() < 0.5,
        "array": [],
        "null": None,
    }
    return made.get(kind, f"{rng.choice(_WORDS)} {rng.randint(10, 99)}")


def _value(rng: random.Random, schema: Mapping[str, Any]) -> Any:
    if options := schema.get("enum"):
        return rng.choice(options)
    if "const" in schema:
        return schema["const"]
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            return _value(rng, schema[word][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        needed = schema.get("required", ())
        return {name: _value(rng, inner) for name, inner in schema.get("properties", {}).items() if name in needed}
    if kind in ("integer", "number") and "minimum" in schema:
        return rng.randint(int(schema["minimum"]), int(schema.get("maximum", schema["minimum"] + 99)))
    return _anything(rng, str(kind))


# --- choosing ---------------------------------------------------------------------------------------------------------


def _balanced(found: Sequence[_Found], wanted: int) -> list[_Found]:
    """At most `wanted`, the effects in turn, and within an effect the paths in turn."""
    queues: dict[str, dict[str, list[_Found]]] = {}
    for one in found:
        queues.setdefault(one.label.effect, {}).setdefault(one.path, []).append(one)
    share = min((sum(map(len, paths.values())) for paths in queues.values()), default=0)
    kept = [list(_in_turn(paths, min(share, wanted // len(queues)))) for paths in queues.values()]
    return [one for several in zip(*kept, strict=False) for one in several]


def _in_turn(paths: Mapping[str, list[_Found]], wanted: int) -> Iterator[_Found]:
    left = [list(listed) for listed in paths.values()]
    while wanted > 0 and left:
        for listed in left[:wanted]:
            yield listed.pop()
        wanted -= len(left)
        left = [listed for listed in left if listed]


def _is_held_out(call: Mapping[str, Any], seed: int) -> bool:
    """By the hash of the region: texts as they are, numbers to two digits."""
    cells = sorted((name, _cell(value)) for name, value in call["args"].items())
    return zlib.crc32(repr((seed, call["tool"], cells)).encode()) % HELD_OUT == 0


def _cell(value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:.1e}"
    return repr(value)


def _one_sided(tracer: Tracer, found: Sequence[_Found]) -> dict[str, list[str]]:
    """Tests by rule that no case saw on both sides."""
    seen: dict[tuple[str, str], set[str]] = {}
    for one in found:
        for rule, told, answer in tracer.tests(one.call, one.facts):
            seen.setdefault((rule, told), set()).add(answer)
    left: dict[str, list[str]] = {}
    for (rule, told), answers in seen.items():
        if not {"yes", "no"} <= answers:
            left.setdefault(rule, []).append(told)
    return left


# --- examples ---------------------------------------------------------------------------------------------------------


def _example(tracer: Tracer, policy: str, one: _Found, split: Any, id: str) -> Example:
    rule = tracer.rule(one.label.rule)
    depth = 0 if rule is None else len(leaves(rule))
    return Example(
        id=id,
        policy=policy,
        question=_question(one),
        thought=tracer.thought(one.call, one.facts, one.label),
        answer=one.label.answer(),
        effect=one.label.effect,
        rule=one.label.rule,
        level=f"L{min(4, max(1, depth))}",
        depth=depth,
        path=one.path,
        boundary=rule is not None and _at_boundary(rule, one.call["args"]),
        split=split,
        call=one.call,
        context=one.context,
    )


def _question(one: _Found) -> str:
    context = one.context
    parts: list[str] = []
    facts = context.get("facts", {})
    told = ("tenant", "agent", "user", "roles", "via", "claims")
    parts += [f"{name} {_json(facts[name])}" for name in told if name in facts]
    if context.get("at"):
        parts.append(f"at {context['at']}")
    parts += [f"label {name}{f'({inner})' if inner else ''}" for name, inner in context.get("labels", ())]
    parts += [f"the user said {_json(words)}" for words in context.get("user", ())]
    for step in context.get("given", ()):
        answered = f" answered {_json(step['result'])}" if "result" in step else ""
        parts.append(f"before, {step['tool']} {_json(step['args'])} {step['kind']}{answered}")
    around = f"{'; '.join(parts)}. " if parts else ""
    return f"{around}The agent calls {one.call['tool']} with {_json(one.call['args'])}."


def _json(value: Any) -> str:
    return strict_json.encode(value).decode()


def _at_boundary(rule: Rule, arguments: Mapping[str, Any]) -> bool:
    numbers = [value for value in arguments.values() if isinstance(value, int | Decimal) and value is not True]
    bounds: list[Any] = []
    for leaf in leaves(rule):
        match leaf:
            case Compare(right=Literal(value=value)) if isinstance(value, int | Decimal):
                bounds.append(value)
            case Member(within=RangeSet(low=low, high=high)):
                bounds += [low, high]
    return any(abs(value - bound) <= 1 for value in numbers for bound in bounds)


def _tool(tool: Any) -> dict[str, Any]:
    parameters = parse_json(tool.interface, numbers="kept")
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }
