"""Conditions as pairs of formulas, one that holds exactly where the condition is true and one exactly where it is false
(the dual rails of compile/rails.py; where it is an error neither holds).

What z3 cannot say exactly is a free unknown, so that the formulas hold in every world in which the condition is what
they say, and perhaps in more: an unsatisfiable query is a proof, a satisfiable one is only a suspicion until the call
has been replayed. `witnesses` counts what a query asks of the elements of lists (see tree.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ast import (
    EXACT,
    And,
    Compare,
    Condition,
    Constant,
    FromSource,
    FromUser,
    HasRole,
    Holds,
    IfThen,
    IsType,
    Json,
    JsonType,
    Like,
    Literal,
    MailSet,
    Matches,
    Member,
    MultipleOf,
    Not,
    Operand,
    Or,
    Presence,
    Quantified,
    RangeSet,
    Runs,
    Scalar,
    Seen,
    SessionExceeds,
    SessionHas,
    SetLiteral,
    TextOptions,
    TimeBetween,
    TimeWithin,
    Under,
    ValueSet,
    WebSet,
)
from ..types import json_kind
from ..values import host, path
from . import patterns
from .solver import Formula, conjunction, disjunction, implication, negation, z3
from .terms import SCALARS, Elements, Term, Terms, as_string, folded, of_node
from .tree import KINDS, Node
from .world import World, carries, is_cleared

SAID = (JsonType.TEXT, JsonType.NUMBER)
"""What can come from somewhere: a test of where another kind of value comes from is an error."""


@dataclass(frozen=True, slots=True)
class Side:
    """What the same words mean differently in: the order of labels, and (`tag`) what labels and trusts results."""

    levels: tuple[str, ...] = ()
    tag: str = ""


@dataclass(slots=True)
class Rails:
    """Writes conditions over one world. `uses_labels` tells whether labels or sources were asked about at all."""

    world: World
    terms: Terms
    offered: Sequence[str] = ()
    uses_labels: bool = False
    _written: dict[tuple[str, bool, Side], Formula] = field(default_factory=dict)

    def whole(self, key: str, condition: Condition, rail: bool, side: Side) -> Formula:
        """One rail of a rule's condition; `key` tells conditions apart, because to Python `true` is 1."""
        known = self._written.get((key, rail, side))
        if known is None:
            known = self._written[key, rail, side] = self.write(condition, rail, {}, side)
        return known

    def write(self, condition: Condition, rail: bool, elements: Elements, side: Side) -> Formula:
        match condition:
            case And(items) | Or(items):
                join = conjunction if isinstance(condition, And) is rail else disjunction
                return join([self.write(item, rail, elements, side) for item in items])
            case Not(item):
                return self.write(item, not rail, elements, side)
            case IfThen():
                return self.write(_spelled_out(condition), rail, elements, side)
            case Constant(value):
                return value is rail
            case Quantified():
                return self._quantified(condition, rail, elements, side)
            case SessionHas(label):
                return _on(rail, self._labels(side, lambda one: carries(one, label, side.levels)))
            case SessionExceeds(clearance):
                labels = self._labels(side, lambda one: not is_cleared(one, clearance, side.levels))
                return _on(rail, labels)
            case FromSource(operand, source, loosely):
                self.uses_labels = True
                return self._asked("derived" if loosely else "source", source, [operand], rail, elements, side.tag)
            case Seen(tracker, keys):
                return self._asked("seen", tracker, keys, rail, elements, "")
        return _LEAVES[type(condition)](self, condition, rail, elements)

    # --- elements of lists ------------------------------------------------------------------------------------------

    def _quantified(self, condition: Quantified, rail: bool, elements: Elements, side: Side) -> Formula:
        source = self.terms.term(condition.source, elements)
        if source.node is None:
            return False
        each = condition.kind == "each"
        listed = source.node.elements
        parts = [
            (one.there, self.write(condition.body, rail, {**elements, condition.name: one}, side)) for one in listed
        ]
        if each is rail:
            inner = conjunction(disjunction((negation(there), body)) for there, body in parts)
        else:
            inner = disjunction(conjunction((there, body)) for there, body in parts)
        some = source.node.size > 0 if each and rail else True
        return conjunction((source.is_kind(JsonType.LIST), some, inner))

    # --- the session ------------------------------------------------------------------------------------------------

    def _labels(self, side: Side, counts: Callable[[tuple[str, str | None]], bool]) -> Formula:
        self.uses_labels = True
        return disjunction(self.world.label(side.tag, one) for one in self.world.label_names if counts(one))

    def _asked(
        self, what: str, place: int, operands: Sequence[Operand], rail: bool, elements: Elements, tag: str
    ) -> Formula:
        terms = [self.terms.term(operand, elements) for operand in operands]
        asked = self.world.ask((what, place, tag), ", ".join(term.key for term in terms), tuple(terms))
        answers = SCALARS if what == "seen" else SAID
        there = conjunction(term.is_any(answers) for term in terms)
        return conjunction((there, asked.true if rail else asked.false))

    # --- texts ------------------------------------------------------------------------------------------------------

    def texts_equal(self, left: Term, right: Term, options: TextOptions) -> Formula:
        one, other = folded(self.world, left, options), folded(self.world, right, options)
        if isinstance(one, str) and isinstance(other, str):
            return one == other
        if isinstance(one, str):
            left, one, right, other = right, other, left, one
        as_term = as_string(other)
        if as_term is None:
            assert left.node is not None
            return self.world.views.holds(left.node, "is", str(right.value), options)
        return one == as_term

    def text_is(self, term: Term, wanted: str, options: TextOptions) -> Formula:
        return self.texts_equal(term, self.terms.term(Literal(wanted), {}), options)


def _on(rail: bool, formula: Formula) -> Formula:
    return formula if rail else negation(formula)


def _spelled_out(condition: IfThen) -> Condition:
    parts = [Or((Not(condition.test), condition.then))]
    if condition.otherwise is not None:
        parts.append(Or((condition.test, condition.otherwise)))
    return And(tuple(parts))


# --- leaves ---------------------------------------------------------------------------------------------------------


def _text_test(rails: Rails, operand: Operand, rail: bool, elements: Elements, test: Callable[[Term], Formula]) -> Any:
    """A test that is an error for everything but text."""
    term = rails.terms.term(operand, elements)
    there = term.is_kind(JsonType.TEXT)
    return False if there is False else conjunction((there, _on(rail, test(term))))


def _compare(rails: Rails, condition: Compare, rail: bool, elements: Elements) -> Formula:
    left = rails.terms.term(condition.left, elements)
    right = rails.terms.term(condition.right, elements)
    if condition.op in ("==", "!="):
        return _equal(rails, condition, left, right, rail is (condition.op == "=="))
    numbers = conjunction((left.is_kind(JsonType.NUMBER), right.is_kind(JsonType.NUMBER)))
    if numbers is False:
        return False
    one, other = left.number, right.number
    holds = {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[condition.op]
    return conjunction((numbers, _on(rail, holds)))


def _equal(rails: Rails, condition: Compare, left: Term, right: Term, rail: bool) -> Formula:
    there = conjunction((left.there, right.there))
    if _is_null(condition.left) or _is_null(condition.right):
        both = conjunction((left.kinds[JsonType.NULL], right.kinds[JsonType.NULL]))
        return conjunction((there, _on(rail, both)))
    if left.key == right.key and not left.is_written:
        return there if rail else False
    cases = [
        conjunction((left.kinds[kind], right.kinds[kind], _on(rail, _same(rails, kind, left, right, condition.text))))
        for kind in KINDS
        if left.kinds[kind] is not False and right.kinds[kind] is not False
    ]
    return conjunction((there, disjunction(cases)))


def _same(rails: Rails, kind: JsonType, left: Term, right: Term, options: TextOptions) -> Formula:
    """Equality of two values of one kind."""
    match kind:
        case JsonType.TEXT:
            return rails.texts_equal(left, right, options)
        case JsonType.NUMBER:
            return left.number == right.number
        case JsonType.BOOLEAN:
            return left.flag == right.flag
        case JsonType.NULL:
            return True
    for one, other in ((left, right), (right, left)):
        if other.is_written and isinstance(other.value, list) and one.node is not None:
            return _same_list(rails, one.node, other.value, options)
    first, second = sorted((left.key, right.key))
    return z3.Bool(f"{first} is {second} {kind} {options}")


def _same_list(rails: Rails, node: Node, wanted: list[Json], options: TextOptions) -> Formula:
    """Equality with a written list, whose elements are scalars."""
    parts: list[Formula] = [node.size == len(wanted)]
    for index, value in enumerate(wanted):
        kind = json_kind(value)
        assert kind is not None
        element = node.element(index)
        term = of_node(element)
        same = _same(rails, kind, term, rails.terms.term(Literal(_scalar(value)), {}), options)
        parts.append(conjunction((term.is_kind(kind), same)))
    return conjunction(parts)


def _scalar(value: Json) -> Scalar:
    assert not isinstance(value, list | dict)
    return value


def _is_null(operand: Operand) -> bool:
    return isinstance(operand, Literal) and operand.value is None


def _member(rails: Rails, condition: Member, rail: bool, elements: Elements) -> Formula:
    term = rails.terms.term(condition.operand, elements)
    match condition.within:
        case RangeSet(low, high):
            there = term.is_kind(JsonType.NUMBER)
            if there is False:
                return False
            within = conjunction((term.number >= z3.RealVal(str(low)), term.number <= z3.RealVal(str(high))))
            return conjunction((there, _on(rail, within)))
        case MailSet(domains, subdomains):
            return _at_host(rails, condition.operand, rail, elements, "mail", _items(domains), subdomains)
        case WebSet(hosts, subdomains):
            return _at_host(rails, condition.operand, rail, elements, "https", _items(hosts), subdomains)
    listed = _items(condition.within)
    cases = []
    for kind in KINDS:
        values = [value for value in listed if json_kind(value) is kind]
        if values and term.kinds[kind] is not False:
            equal = disjunction(
                _same(rails, kind, term, rails.terms.term(Literal(value), {}), condition.text) for value in values
            )
            cases.append(conjunction((term.kinds[kind], _on(rail, equal))))
    return conjunction((term.there, disjunction(cases)))


def _items(within: ValueSet) -> tuple[Scalar, ...]:
    assert isinstance(within, SetLiteral)  # names were replaced by the sets they stand for
    return within.items


def _at_host(
    rails: Rails, operand: Operand, rail: bool, elements: Elements, shape: str, listed: Sequence[Scalar], below: bool
) -> Formula:
    names = [name for name in (host.canonical(one) for one in listed if isinstance(one, str)) if name is not None]

    def test(term: Term) -> Formula:
        if term.node is None:
            return z3.Bool(f"{term.key} in {shape} {sorted(names)} {below}")
        view = rails.world.views.mail if shape == "mail" else rails.world.views.web
        is_one, at = view(term.node)
        cases = [at == z3.StringVal(name) for name in names]
        if below:
            cases += [z3.InRe(at, patterns.affix("ends with", z3.StringVal(f".{name}"))) for name in names]
        return conjunction((is_one, disjunction(cases)))

    return _text_test(rails, operand, rail, elements, test)


def _matches(rails: Rails, condition: Matches, rail: bool, elements: Elements) -> Formula:
    def test(term: Term) -> Formula:
        if term.node is None:
            return z3.Bool(f"{term.key} matches {condition.pattern!r} {condition.search}")
        found = patterns.expression(condition.pattern, condition.search)
        if found is None:
            return rails.world.views.fits(term.node, condition.pattern, condition.search, rails.offered)
        return z3.InRe(term.node.text, found)

    return _text_test(rails, condition.operand, rail, elements, test)


def _like(rails: Rails, condition: Like, rail: bool, elements: Elements) -> Formula:
    def test(term: Term) -> Formula:
        if term.node is None:
            return z3.Bool(f"{term.key} like {condition.glob!r} {condition.text}")
        found = patterns.glob(condition.glob) if condition.text == EXACT else None
        if found is None:
            return rails.world.views.like(term.node, condition.glob, condition.text, rails.offered)
        return z3.InRe(term.node.text, found)

    return _text_test(rails, condition.operand, rail, elements, test)


def _holds(rails: Rails, condition: Holds, rail: bool, elements: Elements) -> Formula:
    whole, part = rails.terms.term(condition.operand, elements), rails.terms.term(condition.part, elements)
    cases = []
    texts = conjunction((whole.is_kind(JsonType.TEXT), part.is_kind(JsonType.TEXT)))
    if texts is not False:
        cases.append(conjunction((texts, _on(rail, _affix(rails, condition, whole, part)))))
    if condition.kind == "contains" and whole.node is not None and whole.kinds[JsonType.LIST] is not False:
        null = True if _is_null(condition.part) else negation(part.kinds[JsonType.NULL])
        there = conjunction((whole.is_kind(JsonType.LIST), part.there, null))
        equal = disjunction(
            conjunction((one.there, _same_value(rails, of_node(one), part, condition.text)))
            for one in whole.node.elements
        )
        cases.append(conjunction((there, _on(rail, equal))))
    elif condition.kind == "contains" and whole.kinds[JsonType.LIST] is not False:
        cases.append(conjunction((whole.is_kind(JsonType.LIST), z3.Bool(f"{whole.key} {rail} contains {part.key}"))))
    return disjunction(cases)


def _same_value(rails: Rails, left: Term, right: Term, options: TextOptions) -> Formula:
    return disjunction(
        conjunction((left.kinds[kind], right.kinds[kind], _same(rails, kind, left, right, options)))
        for kind in KINDS
        if left.kinds[kind] is not False and right.kinds[kind] is not False
    )


def _affix(rails: Rails, condition: Holds, whole: Term, part: Term) -> Formula:
    where, what = folded(rails.world, whole, condition.text), folded(rails.world, part, condition.text)
    if isinstance(where, str) and isinstance(what, str):
        return _PYTHON[condition.kind](where, what)
    in_where, in_what = as_string(where), as_string(what)
    if in_what is None and whole.node is not None:
        return rails.world.views.holds(whole.node, condition.kind, str(part.value), condition.text)
    if in_what is None or in_where is None:
        return z3.Bool(f"{whole.key} {condition.kind} {part.key} {condition.text}")
    if isinstance(what, str):
        return z3.InRe(in_where, patterns.affix(condition.kind, in_what))
    return _AFFIXES[condition.kind](in_where, in_what)


_PYTHON: Mapping[str, Callable[[str, str], bool]] = {
    "starts with": str.startswith,
    "ends with": str.endswith,
    "contains": str.__contains__,
}
_AFFIXES: Mapping[str, Callable[[Any, Any], Any]] = {
    "starts with": lambda where, what: z3.PrefixOf(what, where),
    "ends with": lambda where, what: z3.SuffixOf(what, where),
    "contains": z3.Contains,
}


def _under(rails: Rails, condition: Under, rail: bool, elements: Elements) -> Formula:
    roots = [root for root in _items(condition.roots) if isinstance(root, str)]

    def test(term: Term) -> Formula:
        if term.node is None:
            return z3.Bool(f"{term.key} under {sorted(roots)}")
        plain = rails.world.views.plain_path(term.node, roots)
        return disjunction(_under_root(rails, term, plain, root) for root in roots)

    return _text_test(rails, condition.operand, rail, elements, test)


def _under_root(rails: Rails, term: Term, plain: Formula, root: str) -> Formula:
    """values/path.py: the root itself or below it, and the whole text plain; `/` is a root of its own."""
    assert term.node is not None
    base = root.removesuffix("/")
    if root == "" or (base and not path.is_under(base, "/")):
        return False
    begins = as_string(f"{base}/")
    below = (
        rails.world.views.holds(term.node, "starts with", f"{base}/", EXACT)
        if begins is None
        else z3.InRe(term.node.text, patterns.affix("starts with", begins))
    )
    inside = conjunction((plain, disjunction((rails.text_is(term, base, EXACT), below))))
    return disjunction((inside, rails.text_is(term, "/", EXACT))) if root == "/" else inside


def _runs(rails: Rails, condition: Runs, rail: bool, elements: Elements) -> Formula:
    programs = [one for one in _items(condition.programs) if isinstance(one, str)]

    def test(term: Term) -> Formula:
        if term.node is None:
            return z3.Bool(f"{term.key} runs {condition.kind} {sorted(programs)}")
        if condition.kind == "one of":
            is_one, program = rails.world.views.program(term.node)
            listed = [as_string(one) for one in programs]
            return conjunction((is_one, disjunction(program == one for one in listed if one is not None)))
        readable = rails.world.views.commands(term.node)
        return conjunction((readable, *(negation(rails.world.views.runs(term.node, one)) for one in programs)))

    return _text_test(rails, condition.operand, rail, elements, test)


def _is_type(rails: Rails, condition: IsType, rail: bool, elements: Elements) -> Formula:
    term = rails.terms.term(condition.operand, elements)
    if condition.type is not JsonType.INTEGER:
        return conjunction((term.there, _on(rail, term.kinds[condition.type])))
    whole = z3.IsInt(term.number) if term.kinds[JsonType.NUMBER] is not False else False
    return conjunction((term.there, _on(rail, conjunction((term.kinds[JsonType.NUMBER], whole)))))


def _multiple_of(rails: Rails, condition: MultipleOf, rail: bool, elements: Elements) -> Formula:
    term = rails.terms.term(condition.operand, elements)
    there = term.is_kind(JsonType.NUMBER)
    if there is False:
        return False
    step = z3.RealVal(f"{condition.step:f}" if not isinstance(condition.step, int) else str(condition.step))
    return conjunction((there, _on(rail, z3.IsInt(term.number / step))))


def _presence(rails: Rails, condition: Presence, rail: bool, elements: Elements) -> Formula:
    term = rails.terms.term(condition.operand, elements)
    if condition.kind == "absent":
        return _on(rail, negation(term.there))
    has = conjunction((term.there, negation(term.kinds[JsonType.NULL])))
    return _on(rail is (condition.kind == "has"), has)


def _from_user(rails: Rails, condition: FromUser, rail: bool, elements: Elements) -> Formula:
    term = rails.terms.term(condition.operand, elements)
    there = term.is_any(SAID)
    asked = rails.world.ask(("said", 0, ""), term.key, (term,))
    if term.node is not None:
        can_be = implication(term.kinds[JsonType.TEXT], rails.world.views.sayable(term.node))
        rails.world.axioms.append(implication(asked.true, can_be))
    return conjunction((there, _on(rail, asked.true)))


def _has_role(rails: Rails, condition: HasRole, rail: bool, elements: Elements) -> Formula:
    return _on(rail, rails.world.has("role", condition.role))


def _time_between(rails: Rails, condition: TimeBetween, rail: bool, elements: Elements) -> Formula:
    return conjunction((rails.world.clock, _on(rail, rails.world.between(condition))))


def _time_within(rails: Rails, condition: TimeWithin, rail: bool, elements: Elements) -> Formula:
    return conjunction((rails.world.clock, _on(rail, rails.world.within(condition.start, condition.end))))


_LEAVES: Mapping[type, Callable[[Rails, Any, bool, Elements], Formula]] = {
    Compare: _compare,
    Member: _member,
    Matches: _matches,
    Like: _like,
    Holds: _holds,
    Under: _under,
    Runs: _runs,
    IsType: _is_type,
    MultipleOf: _multiple_of,
    Presence: _presence,
    FromUser: _from_user,
    HasRole: _has_role,
    TimeBetween: _time_between,
    TimeWithin: _time_within,
}
