"""A call whose values are not known yet: a tree of nodes, each with a kind and a value that the solver chooses.

A node is *there* or not; if it is, it has exactly one kind of JSON value. What the schema says about its kinds, its
values and its required members are axioms, so a node of a typed tool costs the solver little.

Lists. A list has any length, and elements of three sorts: those at positions that a rule names, *witnesses*, and copies
of these. A query that asks `is there an element for which B` N times over a list is answered by N elements of it, and
what must hold of every element holds of every selection, so N witnesses lose no list (the small model property of
monadic quantifiers). `Shape.witnesses` counts the asking; search.py builds the tree anew when it grows.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from ..ast import JsonType
from ..types import (
    NOTHING,
    Anything,
    Boolean,
    Integer,
    ListOf,
    Null,
    Number,
    Object,
    Text,
    Type,
    Union,
    Values,
    inside,
    json_kind,
    kinds,
    path_name,
)
from .shapes import Shape
from .solver import Formula, conjunction, disjunction, implication, is_sayable, negation, text_term, z3

KINDS: Final[tuple[JsonType, ...]] = (
    JsonType.TEXT,
    JsonType.NUMBER,
    JsonType.BOOLEAN,
    JsonType.NULL,
    JsonType.LIST,
    JsonType.OBJECT,
)

OTHER: Final = "other"
"""The member that stands for every name that nothing mentions."""


class Node:
    """One place of a call, or one fact that is a value (a claim, a part of the principal).

    `kinds` holds a formula for each kind, meant only where the node is there. `text`, `number`, `flag`, `size` are the
    value of a node of that kind; `size` is the length of a list or the number of members of an object.
    """

    def __init__(self, name: str, there: Formula, declared: Type, shape: Shape, axioms: list[Formula]) -> None:
        self.name = name
        self.there = there
        self.declared = declared
        self.shape = shape
        self._axioms = axioms
        possible = kinds(declared)
        self.kinds: dict[JsonType, Formula] = dict.fromkeys(KINDS, False)
        if len(possible) == 1:
            self.kinds[next(iter(possible))] = True
        else:
            self.kinds |= {kind: z3.Bool(f"{name} is {kind}") for kind in KINDS if kind in possible}
            listed = [flag for flag in self.kinds.values() if flag is not False]
            if listed:
                axioms.append(z3.PbEq([(flag, 1) for flag in listed], 1))
        self._size: Any = None
        self.members: dict[str, Node] = {}
        self.other: Node | None = None
        self.at: dict[int, Node] = {}
        self.witnesses: list[Node] = []
        self._fit_values()
        if self._may(JsonType.OBJECT) and (shape.names or shape.closed):
            self._make_members()
        if self._may(JsonType.LIST) and shape.element is not None:
            self._make_elements()

    @cached_property
    def text(self) -> Any:
        return z3.String(f"{self.name} text")

    @cached_property
    def number(self) -> Any:
        return z3.Real(f"{self.name} number")

    @cached_property
    def flag(self) -> Any:
        return z3.Bool(f"{self.name} flag")

    def is_kind(self, kind: JsonType) -> Formula:
        """There, and of that kind."""
        return conjunction((self.there, self.kinds[kind]))

    @property
    def elements(self) -> list[Node]:
        return [*self.at.values(), *self.witnesses]

    @property
    def is_measured(self) -> bool:
        return self._size is not None

    @property
    def size(self) -> Any:
        """Axioms about it only where somebody asks: most queries do not."""
        if self._size is None:
            self._size = z3.Int(f"{self.name} size")
            self._axioms.append(self._size >= 0)
            if self.members:
                holds = self.is_kind(JsonType.OBJECT)
                standing = _count([one.there for one in self.members.values()])
                self._axioms.append(implication(holds, self._size >= standing))
                alone = negation(self.other.there) if self.other is not None else True
                self._axioms.append(implication(conjunction((holds, alone)), self._size == standing))
        return self._size

    def member(self, name: str) -> Node:
        return self.members.get(name) or Node(f"{self.name}.{name}", False, NOTHING, Shape(), self._axioms)

    def element(self, position: int) -> Node:
        return self.at.get(position) or Node(f"{self.name}[{position}]", False, NOTHING, Shape(), self._axioms)

    def _may(self, kind: JsonType) -> bool:
        return self.kinds[kind] is not False and self.there is not False

    # --- what the schema says ---------------------------------------------------------------------------------------

    def _fit_values(self) -> None:
        """Where every option of a kind lists its values, or every number is an integer, the value is one of them."""
        options = _options(self.declared)
        if self._may(JsonType.NUMBER):
            numeric = [option for option in options if JsonType.NUMBER in kinds(option)]
            allowed = disjunction([self._number_fits(option) for option in numeric])
            if allowed is not True:
                self._axioms.append(implication(self.is_kind(JsonType.NUMBER), allowed))
        if self._may(JsonType.TEXT):
            textual = [option for option in options if JsonType.TEXT in kinds(option)]
            if all(isinstance(option, Values) for option in textual):
                texts = [one for option in textual if isinstance(option, Values) for one in option.values]
                listed = [self.text == text_term(one) for one in texts if isinstance(one, str) and is_sayable(one)]
                if len(listed) == sum(isinstance(one, str) for one in texts):
                    self._axioms.append(implication(self.is_kind(JsonType.TEXT), disjunction(listed)))

    def _number_fits(self, option: Type) -> Formula:
        match option:
            case Integer():
                return z3.IsInt(self.number)
            case Values(values):
                listed = [value for value in values if json_kind(value) is JsonType.NUMBER]
                return disjunction(self.number == z3.RealVal(str(value)) for value in listed)
        return True

    def _make_members(self) -> None:
        holds = self.is_kind(JsonType.OBJECT)
        objects = [option for option in _options(self.declared) if isinstance(option, Object)]
        free = not objects
        names = [*self.shape.names]
        other = OTHER
        while other in names:
            other += "_"
        for name in [*names, other]:
            declared = inside(self.declared, name)
            if declared == NOTHING:
                continue
            required = not free and all(name in one.members and one.members[name].required for one in objects)
            there: Formula = holds
            if not required:
                there = z3.Bool(f"{self.name}.{name} there")
                self._axioms.append(implication(there, holds))
            shape = self.shape.names.get(name, Shape())
            at = f"{self.name}.{path_name(name)}" if self.name else path_name(name)
            self.members[name] = Node(at, there, declared, shape, self._axioms)
        self.other = self.members.get(other)

    def _make_elements(self) -> None:
        assert self.shape.element is not None
        holds = self.is_kind(JsonType.LIST)
        declared = inside(self.declared, 0)
        element = self.shape.element
        for position in sorted(self.shape.positions):
            there = conjunction((holds, self.size > position))
            self.at[position] = Node(f"{self.name}[{position}]", there, declared, element, self._axioms)
        before: Formula = holds
        for index in range(self.shape.witnesses):
            there = z3.Bool(f"{self.name}[w{index}] there")
            self._axioms.append(implication(there, before))
            self.witnesses.append(Node(f"{self.name}[w{index}]", there, declared, element, self._axioms))
            before = there
        standing = _count([one.there for one in self.elements])
        self._axioms.append(implication(holds, standing <= self.size))
        self._axioms.append(implication(conjunction((holds, self.size > 0)), standing > 0))

    # --- questions --------------------------------------------------------------------------------------------------

    def holds_object(self) -> Formula:
        """Whether there is an object in the value, at any depth of lists."""
        inner = [conjunction((one.there, one.holds_object())) for one in self.elements]
        if not self.elements and self._may(JsonType.LIST):
            inner = [z3.Bool(f"{self.name} holds an object")]
        return disjunction((self.kinds[JsonType.OBJECT], conjunction((self.kinds[JsonType.LIST], disjunction(inner)))))

    def misfits(self, declared: Type) -> Formula:
        """Whether the value does not fit a type; at worst the solver is free to say so.

        A Union of several objects or lists is left free: which option is meant cannot be told place by place.
        """
        options = _options(declared)
        deep = [option for option in options if kinds(option) & {JsonType.OBJECT, JsonType.LIST}]
        if len(deep) > 1:
            return z3.Bool(f"{self.name} misfits {declared!r}")
        return conjunction(negation(self._fits(option)) for option in options)

    def _fits(self, option: Type) -> Formula:
        match option:
            case Anything():
                return True
            case Text():
                return self.kinds[JsonType.TEXT]
            case Number():
                return self.kinds[JsonType.NUMBER]
            case Integer():
                return conjunction((self.kinds[JsonType.NUMBER], z3.IsInt(self.number)))
            case Null():
                return self.kinds[JsonType.NULL]
            case Values(values):
                return disjunction(self._is_value(value) for value in values)
            case Object():
                return conjunction((self.kinds[JsonType.OBJECT], self._fits_members(option)))
            case Boolean():
                return self.kinds[JsonType.BOOLEAN]
            case ListOf(item):
                return conjunction((self.kinds[JsonType.LIST], self._fits_elements(item)))
        return False

    def _fits_elements(self, item: Type) -> Formula:
        if isinstance(item, Anything):
            return True
        if not self.elements:
            return z3.Bool(f"{self.name} is a list of {item!r}")
        return conjunction(implication(one.there, negation(one.misfits(item))) for one in self.elements)

    def _fits_members(self, declared: Object) -> Formula:
        parts: list[Formula] = []
        for name, node in self.members.items():
            inner = inside(declared, name)
            fits = False if inner == NOTHING else negation(node.misfits(inner))
            parts.append(implication(node.there, fits))
        for name, member in declared.members.items():
            if member.required:
                parts.append(self.member(name).there)
        return conjunction(parts)

    def _is_value(self, value: object) -> Formula:
        match value:
            case bool():
                return conjunction((self.kinds[JsonType.BOOLEAN], self.flag == value))
            case str() if is_sayable(value):
                return conjunction((self.kinds[JsonType.TEXT], self.text == text_term(value)))
            case str():
                return conjunction((self.kinds[JsonType.TEXT], z3.Bool(f"{self.name} is {value!r}")))
            case None:
                return self.kinds[JsonType.NULL]
        return conjunction((self.kinds[JsonType.NUMBER], self.number == z3.RealVal(str(value))))


def _options(declared: Type) -> tuple[Type, ...]:
    return declared.options if isinstance(declared, Union) else (declared,)


def _count(flags: list[Formula]) -> Any:
    return z3.Sum([z3.If(flag, 1, 0) for flag in flags]) if flags else z3.IntVal(0)


def root(declared: Object, shape: Shape, axioms: list[Formula]) -> Node:
    """The arguments of a call."""
    return Node("", True, declared, shape, axioms)
