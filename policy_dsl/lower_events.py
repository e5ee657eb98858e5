"""Parse tree to what a condition asks about the session and the clock: events, labels, times of day."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final, Literal, cast

from lark import Token

from . import ast
from .errors import quoted
from .lower_leaves import Branch, span_of, trees
from .lower_operands import OperandLowering


class EventLowering(OperandLowering):
    """Conditions hold events and events hold conditions: the second half is in lower_conditions.py."""

    @abstractmethod
    def condition(self, tree: Branch) -> ast.Condition: ...

    # --- what happened ----------------------------------------------------------------------------------------------

    def happened(self, tree: Branch) -> ast.Happened:
        if self.past:
            message = "an event looks at one earlier call, not at what happened before it"
            raise self.fault(self.first_word(tree), message, "nested-event", "join two events with `and`")
        mode, event, *rest = cast("tuple[Token, Branch, *tuple[Branch, ...]]", tuple(tree.children))
        parts = {str(part.data): part for part in rest}
        until, within = parts.get("until"), parts.get("within")
        return ast.Happened(
            _MODES[mode.type],
            self.event(event, compares=True),
            None if until is None else self.event(cast(Branch, until.children[0]), compares=True),
            None if within is None else self.duration(cast(Branch, within.children[0])),
            span_of(tree),
        )

    def event(self, tree: Branch, *, compares: bool) -> ast.Event:
        """`compares`: its condition may compare the earlier call with the one being decided."""
        word, targets, *written = cast("tuple[Token, Branch, *tuple[Branch, ...]]", tuple(tree.children))
        kind = ast.EventKind(str(word))
        condition = None
        if written:
            condition = self.of_earlier_call(written[0], compares, kind is ast.EventKind.SUCCEEDED)
        return ast.Event(kind, self.targets(targets), condition, span_of(tree))

    def of_earlier_call(self, tree: Branch, compares: bool, answered: bool) -> ast.Condition:
        """A condition whose bare names are the arguments of an earlier call."""
        around = self.bound, self.hidden, self.past, self.call_known, self.answered
        self.hidden = frozenset((*self.bound, *self.parameters))
        self.bound, self.past, self.call_known, self.answered = [], True, compares, answered
        try:
            condition = self.condition(tree)
        finally:
            self.bound, self.hidden, self.past, self.call_known, self.answered = around
        for part in condition.items if isinstance(condition, ast.And) else (condition,):
            compared = isinstance(part, ast.Compare) and part.op == "==" and part.text == ast.EXACT
            right = part.right if compared and isinstance(part, ast.Compare) else None
            stray = next((value for value in _calls(part) if value is not right), None)
            if stray is not None:
                raise self.fault(
                    stray.span,
                    "an argument of the call being decided stands only in `x == call.y`",
                    "call-here",
                    "one of the parts that `and` joins, as in `released f(path == call.path and size > 5)`",
                )
        return condition

    # --- labels -----------------------------------------------------------------------------------------------------

    def label(self, tree: Branch) -> ast.Label:
        name, compartment = cast("tuple[Token, Token | None]", tuple(tree.children))
        return ast.Label(
            self.definable(name, "label"),
            None if compartment is None else self.definable(compartment, "compartment"),
            span_of(tree),
        )

    def labels(self, tree: Branch) -> tuple[ast.Label, ...]:
        found: list[ast.Label] = []
        for child in trees(tree):
            label = self.label(child)
            if label in found:
                raise self.fault(child, "this label is named twice", "named-twice")
            found.append(label)
        if not found:
            raise self.fault(tree, "no label is named", "empty-set", "name at least one, as in `{ internal }`")
        return tuple(found)

    # --- the clock --------------------------------------------------------------------------------------------------

    def time(self, tree: Branch) -> ast.TimeBetween:
        *clocks, zone = (child for child in tree.children if isinstance(child, Token))
        start, end = (self.clock(clock) for clock in clocks) if clocks else (None, None)
        if clocks and start == end:
            raise self.fault(
                clocks[1], "the time of day ends where it begins", "empty-time", "the end itself is not in it"
            )
        days = next((self.days(child) for child in trees(tree)), ())
        return ast.TimeBetween(start, end, days, self.filled(zone, "a zone"), span_of(tree))

    def clock(self, token: Token) -> int:
        hours, minutes = token.split(":")
        if len(hours) != 2 or len(minutes) != 2 or int(hours) > 23 or int(minutes) > 59:
            help = "from `00:00`, which is midnight, to `23:59`, each with two digits"
            raise self.fault(token, f"{quoted(token)} is no time of day", "bad-clock", help)
        return 60 * int(hours) + int(minutes)

    def days(self, tree: Branch) -> tuple[int, ...]:
        found: list[int] = []
        for token in cast("list[Token]", tree.children):
            day = _DAYS.index(str(token))
            if day in found:
                raise self.fault(token, f"`{token}` is named twice", "named-twice")
            found.append(day)
        return tuple(found)


def _calls(node: Any) -> Iterator[ast.CallValue]:
    """Every argument of the call being decided in a condition."""
    if isinstance(node, ast.CallValue):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from _calls(item)
    elif is_dataclass(node):
        for part in fields(node):
            yield from _calls(getattr(node, part.name))


_MODES: Final[dict[str, Literal["after", "before", "just after"]]] = {
    "AFTER": "after",
    "BEFORE": "before",
    "JUST_AFTER": "just after",
}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
