"""Circumstances in which a condition comes out as wished, built from the condition itself.

For each test there is a value on either side of it, and for a number the last value on either side. What is built is a
proposal: the engine labels it, and whoever asks sees by its own trace what every test came to. What cannot be built
(a text for an arbitrary pattern, a counter at a bound) is left as it is, and the coverage in the manifest says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from policy_dsl import PolicySet, ast

_FILLER: Final = "word"
_NUMBER: Final = 7


@dataclass(slots=True)
class World:
    """One call and what is around it, while it is being built. `result` is an earlier call's answer."""

    policy: PolicySet
    rng: random.Random
    arguments: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    user: list[str] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    labels: list[tuple[str, str | None]] = field(default_factory=list)
    at: str = ""
    elements: dict[str, Any] = field(default_factory=dict)
    result: Any = None

    def context(self) -> dict[str, Any]:
        """The world as an Example's context."""
        facts = {**self.facts, **({"claims": self.claims} if self.claims else {})}
        found = {"facts": facts, "user": self.user, "given": self.given, "labels": self.labels, "at": self.at}
        return {name: value for name, value in found.items() if value}

    def wish(self, node: ast.Condition, truth: bool) -> None:
        """Make it come out so, as far as it is known how."""
        _WISHES.get(type(node), _nothing)(self, node, truth)

    # --- values -----------------------------------------------------------------------------------------------------

    def put(self, operand: ast.Operand, value: Any) -> None:
        """Let an operand have this value."""
        match operand:
            case ast.Argument(path=path):
                _set(self.arguments, path, value)
            case ast.Element(name=name, path=path):
                if path:
                    cell = self.elements.get(name)
                    self.elements[name] = cell = cell if isinstance(cell, dict) else {}
                    _set(cell, path, value)
                else:
                    self.elements[name] = value
            case ast.Claim(name=name):
                self.claims[name] = value
            case ast.PrincipalPart(part=part):
                self.facts[part] = value
            case ast.NumberOf(operand=inner):
                self.put(inner, f"{value:f}" if isinstance(value, Decimal) else str(value))
            case ast.LengthOf(operand=inner) if isinstance(value, int):
                self.put(inner, "x" * max(0, value))
            case ast.ResultValue(path=path):
                if path:
                    self.result = self.result if isinstance(self.result, dict) else {}
                    _set(self.result, path, value)
                else:
                    self.result = value
            case ast.Arithmetic(op="*", left=left, right=ast.Literal(value=int() | Decimal() as factor)) if factor:
                self.put(left, _plain(_number(value) / Decimal(factor)))
            case ast.Arithmetic(op="+", left=left, right=right):
                self.put(left, _plain(_number(value) - _number(self.get(right, 0))))

    def get(self, operand: ast.Operand, default: Any) -> Any:
        """The value of an operand, which is given `default` where it has none yet."""
        match operand:
            case ast.Literal(value=value):
                return value
            case ast.Argument(path=path):
                found = _get(self.arguments, path)
            case ast.Element(name=name, path=path):
                found = _get({"it": self.elements.get(name)}, ("it", *path))
            case ast.Claim(name=name):
                found = self.claims.get(name)
            case ast.PrincipalPart(part=part):
                found = self.facts.get(part)
            case ast.LengthOf(operand=inner):
                return len(text) if isinstance(text := self.get(inner, _FILLER), str | list) else 0
            case _:
                return default
        if found is None:
            self.put(operand, default)
            return default
        return found

    def values(self, within: ast.ValueSet | ast.SetLiteral | ast.SetName) -> list[Any]:
        """Members of a set."""
        match within:
            case ast.SetLiteral(items=items, names=names):
                return [*items, *(value for name in names for value in self.values(ast.SetName(name)))]
            case ast.SetName(name=name):
                return self.values(self.policy.sets[name]) if name in self.policy.sets else []
            case ast.RangeSet(low=low, high=high):
                return [low, high]
            case ast.MailSet(domains=domains):
                return [f"ann@{domain}" for domain in self.values(domains)]
            case ast.WebSet(hosts=hosts):
                return [f"https://{host}/page" for host in self.values(hosts)]


Wish = Callable[[World, Any, bool], None]


def _nothing(world: World, node: Any, truth: bool) -> None:
    """A test that nobody knows how to bring about."""


def _and(world: World, node: ast.And | ast.Or, truth: bool) -> None:
    """All parts of an `and` that holds, of an `or` that does not; else one part decides and the others vary."""
    decides = truth is isinstance(node, ast.And)
    chosen = world.rng.randrange(len(node.items))
    for place, item in enumerate(node.items):
        world.wish(item, truth if decides or place == chosen else world.rng.random() < 0.5 or not truth)


def _if(world: World, node: ast.IfThen, truth: bool) -> None:
    first = world.rng.random() < 0.5
    if node.otherwise is None and not first and not truth:
        first = True
    world.wish(node.test, first)
    branch = node.then if first else node.otherwise
    if branch is not None:
        world.wish(branch, truth)


_FLIPPED: Final[Mapping[str, str]] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: Final[Mapping[str, str]] = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _compare(world: World, node: ast.Compare, truth: bool) -> None:
    sign = node.op if truth else _FLIPPED[node.op]
    left, right = node.left, node.right
    if isinstance(left, ast.Literal):
        left, right, sign = right, left, _MIRRORED[sign]
    bound = world.get(right, _NUMBER if sign not in ("==", "!=") else _FILLER)
    if isinstance(left, ast.LengthOf) and _stands(sign, world.get(left, 0), bound):
        return  # a text that is there for another reason is kept where it will do
    world.put(left, _beside(world.rng, sign, bound))


def _stands(sign: str, value: Any, bound: Any) -> bool:
    if not isinstance(value, int) or not isinstance(bound, int | Decimal):
        return False
    found = {"==": value == bound, "!=": value != bound, "<": value < bound, "<=": value <= bound}
    return {**found, ">": value > bound, ">=": value >= bound}[sign]


def _beside(rng: random.Random, sign: str, bound: Any) -> Any:
    """A value that stands so to the bound; for numbers often the last one that does."""
    if isinstance(bound, bool):
        return bound if sign == "==" else not bound
    if not isinstance(bound, int | Decimal):
        return bound if sign in ("==", "<=", ">=") else f"{bound}x" if isinstance(bound, str) else _FILLER
    whole = Decimal(bound) == Decimal(bound).to_integral_value()
    step = Decimal(1) if whole else Decimal(1).scaleb(Decimal(bound).as_tuple().exponent)  # type: ignore[arg-type]  # finite
    off = step if rng.random() < 0.5 else step * rng.randint(2, 40)
    near = Decimal(0) if rng.random() < 0.5 else off
    moved = {"==": Decimal(0), "!=": off, "<": -off, "<=": -near, ">": off, ">=": near}[sign]
    return _plain(Decimal(bound) + moved)


def _member(world: World, node: ast.Member, truth: bool) -> None:
    known = world.values(node.within)
    if isinstance(node.within, ast.RangeSet):
        low, high = node.within.low, node.within.high
        sign, bound = world.rng.choice([(">=", low), ("<=", high)] if truth else [("<", low), (">", high)])
        value = _beside(world.rng, sign, bound)
        world.put(node.operand, min(max(value, low), high) if truth else value)
    elif known:
        world.put(node.operand, world.rng.choice(known) if truth else _outside(node.within, known))


def _outside(within: ast.ValueSet, known: list[Any]) -> Any:
    """A value of the same sort that is in no such set."""
    if isinstance(within, ast.MailSet):
        return "ann@elsewhere.example"
    if isinstance(within, ast.WebSet):
        return "https://elsewhere.example/page"
    numbers = [value for value in known if isinstance(value, int | Decimal) and not isinstance(value, bool)]
    return max(numbers) + 1 if len(numbers) == len(known) else f"other-{known[0]}"


def _matches(world: World, node: ast.Matches, truth: bool) -> None:
    """Known are patterns that are a plain text, or several."""
    plain = node.pattern.strip("^$()").replace("\\.", ".").split("|")[0]
    world.put(node.operand, plain if truth else f"~{_FILLER}~")


def _holds(world: World, node: ast.Holds, truth: bool) -> None:
    part = world.get(node.part, _FILLER)
    if not truth or not isinstance(part, str):
        world.put(node.operand, [part] if truth else "~")
        return
    texts = {"starts with": f"{part} {_FILLER}", "ends with": f"{_FILLER} {part}", "contains": f"a {part} b"}
    world.put(node.operand, texts[node.kind])


def _under(world: World, node: ast.Under, truth: bool) -> None:
    roots = world.values(node.roots) or ["/"]
    world.put(node.operand, f"{str(world.rng.choice(roots)).rstrip('/')}/file" if truth else "/elsewhere/file")


def _runs(world: World, node: ast.Runs, truth: bool) -> None:
    programs = world.values(node.programs) or [_FILLER]
    listed = truth is (node.kind == "one of")
    world.put(node.operand, f"{world.rng.choice(programs)} {_FILLER}" if listed else f"un{programs[0]} {_FILLER}")


_TYPED: Final[Mapping[str, Any]] = {
    "text": _FILLER,
    "number": _NUMBER,
    "integer": _NUMBER,
    "boolean": True,
    "list": [],
    "object": {},
    "null": None,
}


def _type(world: World, node: ast.IsType, truth: bool) -> None:
    wrong = _FILLER if str(node.type) != "text" else _NUMBER
    world.put(node.operand, _TYPED[str(node.type)] if truth else wrong)


def _presence(world: World, node: ast.Presence, truth: bool) -> None:
    if truth is (node.kind == "has"):
        world.get(node.operand, _FILLER)
    elif isinstance(node.operand, ast.Argument) and len(node.operand.path) == 1:
        world.arguments.pop(str(node.operand.path[0]), None)


def _quantified(world: World, node: ast.Quantified, truth: bool) -> None:
    world.elements.pop(node.name, None)
    world.wish(node.body, truth)
    world.put(node.source, [world.elements.get(node.name, _FILLER)])


def _from_user(world: World, node: ast.FromUser, truth: bool) -> None:
    value = world.get(node.operand, "ACCT-4711-0815")
    if truth:
        world.user.append(f"Use {value} please")


def _from_source(world: World, node: ast.FromSource, truth: bool) -> None:
    source = world.policy.sources[node.source]
    value = world.get(node.operand, "ACCT-4711-0815")
    if not truth:
        return
    tool = _name(source.tools[0]) if source.tools else "somewhere"
    world.given.append({"kind": "succeeded", "tool": tool, "args": {}, "result": {"value": value}})
    if source.label is not None:
        world.labels.append((source.label.name, source.label.compartment))


def _seen(world: World, node: ast.Seen, truth: bool) -> None:
    if not truth:
        return
    feed = world.policy.trackers[node.tracker].feeds[0]
    earlier = World(world.policy, world.rng)
    if feed.condition is not None:
        earlier.wish(feed.condition, True)
    for own, past in zip(node.keys, feed.keys, strict=False):
        earlier.put(past, world.get(own, _FILLER))
    step = {"kind": str(feed.kind), "tool": _name(feed.tools[0]), "args": earlier.arguments}
    if earlier.result is not None:
        step["result"] = earlier.result
    world.given.append(step)


def _role(world: World, node: ast.HasRole, truth: bool) -> None:
    roles = [role for role in world.facts.get("roles", ()) if role != node.role]
    world.facts["roles"] = [*roles, node.role] if truth else roles


def _label(world: World, node: ast.SessionHas, truth: bool) -> None:
    if truth:
        world.labels.append((node.label.name, node.label.compartment))


def _exceeds(world: World, node: ast.SessionExceeds, truth: bool) -> None:
    if truth:
        world.labels.append(("unheard-of", None))


def _time(world: World, node: ast.TimeBetween, truth: bool) -> None:
    """Noon and midnight of a Wednesday and of a Sunday: one of them is on either side of most hours."""
    world.at = world.rng.choice(
        ["2026-03-04T12:00:00Z", "2026-03-04T00:30:00Z", "2026-03-08T12:00:00Z", "2026-03-08T23:30:00Z"]
    )


_WISHES: Final[Mapping[type, Wish]] = {
    ast.And: _and,
    ast.Or: _and,
    ast.Not: lambda world, node, truth: world.wish(node.item, not truth),
    ast.IfThen: _if,
    ast.Compare: _compare,
    ast.Member: _member,
    ast.Matches: _matches,
    ast.Like: lambda world, node, truth: world.put(
        node.operand, node.glob.replace("*", "x").replace("?", "x") if truth else "~"
    ),
    ast.Holds: _holds,
    ast.Under: _under,
    ast.Runs: _runs,
    ast.IsType: _type,
    ast.MultipleOf: lambda world, node, truth: world.put(
        node.operand, _plain(Decimal(node.step) * 3 if truth else Decimal(node.step) / 2)
    ),
    ast.Presence: _presence,
    ast.Quantified: _quantified,
    ast.FromUser: _from_user,
    ast.FromSource: _from_source,
    ast.Seen: _seen,
    ast.HasRole: _role,
    ast.SessionHas: _label,
    ast.SessionExceeds: _exceeds,
    ast.TimeBetween: _time,
}


def _name(pattern: ast.ToolPattern) -> str:
    return pattern.tool.replace("*", "x")


def _number(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, int | Decimal) else Decimal(0)


def _plain(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value


def _get(holder: Mapping[str, Any], path: tuple[str | int, ...]) -> Any:
    found: Any = holder
    for step in path:
        if isinstance(found, Mapping) and isinstance(step, str):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        else:
            return None
    return found


def _set(holder: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    """Puts a value at a path and makes what is missing on the way; list places before it are filled with words."""
    first, *rest = path
    if not rest:
        holder[str(first)] = value
        return
    step = rest[0]
    inner = holder.get(str(first))
    if isinstance(step, int):
        listed = inner if isinstance(inner, list) else []
        listed += [_FILLER] * (step + 1 - len(listed))
        cell: dict[str, Any] = {"it": listed[step]}
        _set(cell, ("it", *rest[1:]), value)
        listed[step] = cell["it"]
        holder[str(first)] = listed
    else:
        inner = inner if isinstance(inner, dict) else {}
        _set(inner, tuple(rest), value)
        holder[str(first)] = inner
