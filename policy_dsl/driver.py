"""lark's LALR tables driven by a loop of our own, several times as fast: the same trees and the same faults.

lark builds the tables and the terminals, and its own driver stays the measure (tests/policy_dsl/test_driver.py compares
the two on every policy there is). What makes that driver slow for 10,000 rules is not the parsing: it counts lines and
columns for each token, asks every node for its position in both directions, and tries up to a hundred keywords as
regular expressions where the first letter would do. Here

- a place is two offsets; line and column are computed from them when somebody asks
- a state's terminals are tried by the first character of the text, in lark's own order
- a rule that is inlined into the rule above it (`_operand: path`) is no node on the way, but a value that is passed on

The tables are read from lark's objects, which a later lark may lay out otherwise: a test of every policy would show it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.lexer import _create_unless
from lark.parse_tree_builder import maybe_create_child_filter
from lark.parsers.lalr_analysis import Shift

END: Final = "$END"

_KEPT, _INLINED, _NODE = range(3)
"""What a child of a rule is: a terminal that stays in the tree, an inlined rule, or any other rule."""


class Lines:
    """The line and column, from 1, of an offset in a text."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []

    def place(self, offset: int) -> tuple[int, int]:
        starts = self._starts
        if not starts:
            starts.append(0)
            starts.extend(found.end() for found in _NEWLINE.finditer(self._text))
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1


class Place:
    """Where a node stands: the `meta` of a lark tree, its line and column computed on demand."""

    __slots__ = ("end_pos", "lines", "start_pos")

    empty: Final = False

    def __init__(self, start: int, end: int, lines: Lines) -> None:
        self.start_pos = start
        self.end_pos = end
        self.lines = lines

    @property
    def line(self) -> int:
        return self.lines.place(self.start_pos)[0]

    @property
    def column(self) -> int:
        return self.lines.place(self.start_pos)[1]


class Word(Token):
    """A token that computes its line and column on demand. It has no `end_line` and no `end_column`."""

    __slots__ = ("lines",)

    lines: Lines

    @property
    def line(self) -> int:  # type: ignore[override]  # lark has a plain attribute
        return self.lines.place(self.start_pos or 0)[0]

    @property
    def column(self) -> int:  # type: ignore[override]  # lark has a plain attribute
        return self.lines.place(self.start_pos or 0)[1]


@dataclass
class Stuck(Exception):
    """What the parser did not take: at `at`, after `tokens`, where only a token of the kinds `accepts` fits."""

    at: int
    tokens: tuple[Token, ...]
    accepts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Read:
    """The tree, and where each token starts and ends."""

    tree: Tree[Token]
    starts: list[int]
    ends: list[int]
    lines: Lines


class Plan:
    """What one rule does when it is reduced: how many symbols it takes, and how its node is made of them.

    `name` is None for an inlined rule. Each step is a child's index, what it is, and how many None stand before it.
    `passes`: an inlined rule of one symbol that hands its value on as it is.
    """

    __slots__ = ("name", "origin", "passes", "size", "steps", "tail")

    def __init__(self, rule: Any) -> None:
        self.origin = str(rule.origin.name)
        self.size = len(rule.expansion)
        inlined = self.origin.startswith("_")
        assert not rule.options.expand1, "the grammar has no rule with `?`"
        self.name = None if inlined else str(rule.alias or rule.options.template_source or self.origin)
        children, self.tail = _children(rule)
        self.steps = tuple((i, _what(rule.expansion[i], expand), nones) for i, expand, nones in children)
        whole = len(self.steps) == 1 == self.size and not self.tail and not self.steps[0][2]
        self.passes = inlined and whole and self.steps[0][1] != _KEPT


def _children(rule: Any) -> tuple[list[tuple[int, bool, int]], int]:
    """The symbols that become children, whether each is inlined, how many None stand before it; and how many behind."""
    options = rule.options
    made = maybe_create_child_filter(rule.expansion, options.keep_all_tokens, False, options.empty_indices)
    if made is None:
        return [(index, False, 0) for index in range(len(rule.expansion))], 0
    if len(made.args) == 1:
        return [(index, expand, 0) for index, expand in made.args[0]], 0
    placed: tuple[list[tuple[int, bool, int]], int] = made.args
    return placed


def _what(symbol: Any, expand: bool) -> int:
    return _KEPT if symbol.is_term else _INLINED if expand else _NODE


Match = Callable[[str, int], "re.Match[str] | None"]


class Scanner(dict[str, Match]):
    """The terminals that some states know, as one expression for each character that a token can begin with.

    `unless` has the fixed words among them that another terminal would match too, by that terminal's name.
    """

    def __init__(self, lexer: Any) -> None:
        self._lexer = lexer
        self._terminals: list[Any] = []
        self.unless: dict[str, dict[str, str]] = {}

    def __missing__(self, first: str) -> Match:
        lexer = self._lexer
        if not self._terminals:
            # lexer.scanner would compile all of them at once, for each state that a policy never comes to.
            terminals, fixed = _create_unless(lexer.terminals, lexer.g_regex_flags, re, lexer.use_bytes)  # type: ignore[no-untyped-call]  # lark's own
            self.unless = {
                kind: {one.pattern.value: one.name for one in callback.scanner.terminals}
                for kind, callback in fixed.items()
            }
            self._terminals = [one for one in terminals if one.name not in lexer.ignore_types]
        tried = [one for one in self._terminals if _can_begin(one.pattern, first)]
        pattern = "|".join(f"(?P<{one.name}>{one.pattern.to_regexp()})" for one in tried) or r"(?!)"
        match = _compiled(pattern, lexer.g_regex_flags)
        if first.isascii():
            self[first] = match
        return match


@cache
def _compiled(pattern: str, flags: int) -> Match:
    """Scanners share most of what they try."""
    return re.compile(pattern, flags).match


def _can_begin(pattern: Any, first: str) -> bool:
    """Whether a text that begins with this character may match; True where the pattern is not plainly some words."""
    if pattern.type == "str":
        return bool(pattern.value[0] == first)
    words = _WORDS.match(pattern.value)
    return words is None or any(word[0] == first for word in words[1].split("|"))


class State(dict[str, "State | Plan"]):
    """What a state does with each kind of token: another state after a shift, the rule to reduce else; and where it
    goes on to once a rule has been reduced above it. `scanner` reads the next token, `passed` remembers where chains of
    rules that only pass a value on have led, by the state below and the kind of the next token."""

    __slots__ = ("passed", "scanner")

    scanner: Scanner
    passed: dict[tuple[int, str], State]


class Driver:
    """A loop over the tables of one grammar. Any number of threads may use it: what it fills in as it runs is the same
    whoever does."""

    def __init__(self, lark: Lark) -> None:
        frontend: Any = lark.parser  # lark leaves half of it untyped
        table, lexer = frontend.parser.parser.parse_table, frontend.lexer
        plans = {rule: Plan(rule) for rule in frontend.parser_conf.rules}
        scanners = {id(one): Scanner(one) for one in lexer.lexers.values()}
        states = {number: State() for number in table.states}
        for number, row in table.states.items():
            state = states[number]
            for name, (action, argument) in row.items():
                state[str(name)] = states[argument] if action is Shift else plans[argument]
            state.scanner, state.passed = scanners[id(lexer.lexers[number])], {}
        (start,) = frontend.parser_conf.start
        self._start, self._end = states[table.start_states[start]], states[table.end_states[start]]
        root = lexer.root_lexer
        ignored = [one.pattern.to_regexp() for one in root.terminals if one.name in root.ignore_types]
        # Atomic: what is passed over is never given back, or a long row of spaces would be tried in every way.
        self._skip = re.compile(f"(?>(?:{'|'.join(ignored)})*)", root.g_regex_flags)
        self._refused = frozenset(
            one.name for one in root.terminals if one.name.startswith("LATER_") or one.name == "RESERVED"
        )

    def read(self, text: str, refuse: Callable[[Token, int], None]) -> Read:
        """The tree of `text`. `refuse` sees the first two tokens, and those that the grammar knows only to refuse, each
        with its place in the row; it raises where it wants to. Raises Stuck where the text is no sentence."""
        return self._run(text, refuse)

    def beginning(self, text: str) -> Stuck:
        """How far `text` is the beginning of a sentence, and what can come next; `at` is its end where all of it is."""
        try:
            self._run(text, None)
        except Stuck as stuck:
            return stuck
        raise AssertionError("without an end no sentence is whole")

    def _run(self, text: str, refuse: Callable[[Token, int], None] | None) -> Read:
        """`refuse` None: tokens that are to be refused do not fit, and neither does the end of the text."""
        skip, last, refused = self._skip.match, self._end, self._refused
        lines = Lines(text)
        kinds: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        states = [self._start]
        values: list[Any] = []
        # The first token of each value. A symbol without tokens has the token that comes next, so that it is told by
        # being no token yet, and a node whose first symbol is empty still begins where its first token does.
        firsts: list[int] = []
        count, at, length = 0, 0, len(text)

        def token(index: int) -> Token:
            start, end = starts[index], ends[index]
            value = text[start:end]
            made = str.__new__(Word, value)
            made.type, made.value, made.start_pos, made.end_pos, made.lines = kinds[index], value, start, end, lines
            return made

        def stuck(where: int) -> Stuck:
            return Stuck(where, tuple(map(token, range(count))), self._accepts(states))

        while True:
            at = skip(text, at).end()  # type: ignore[union-attr]  # it matches anywhere
            if at == length:
                kind, end = END, at
                if refuse is None:
                    raise stuck(length)
            else:
                scanner = states[-1].scanner
                found = scanner[text[at]](text, at)
                if found is None:
                    raise stuck(at)
                kind, end = found.lastgroup or "", found.end()
                if kind in scanner.unless:
                    kind = scanner.unless[kind].get(found.group(), kind)
                kinds.append(kind)
                starts.append(at)
                ends.append(end)
                if count < 2 or kind in refused:
                    if refuse is not None:
                        refuse(token(count), count)
                    elif kind in refused:
                        raise stuck(at)
            while True:
                action: Any = states[-1].get(kind)  # asked for its class at once, which mypy cannot follow
                if action.__class__ is State:
                    states.append(action)
                    values.append(count)
                    firsts.append(count)
                    count += 1
                    break
                if action is None:
                    raise stuck(at)
                size = action.size
                if size == 1:
                    top = states.pop()
                    if action.passes:
                        key = (id(states[-1]), kind)
                        after = top.passed.get(key)
                        if after is None:
                            after = top.passed[key] = _passed_on(states[-1], action, kind)
                        states.append(after)
                        if kind == END and after is last:
                            return Read(values[-1], starts, ends, lines)
                        continue
                    values[-1] = _made(action, values[-1:], token, lines, starts, ends, firsts[-1], count)
                elif size:
                    del states[-size:], firsts[1 - size :]
                    values[-size:] = (_made(action, values[-size:], token, lines, starts, ends, firsts[-1], count),)
                else:
                    values.append(_made(action, (), token, lines, starts, ends, count, count))
                    firsts.append(count)
                states.append(states[-1][action.origin])  # type: ignore[arg-type]  # no rule is reduced behind a rule
                if kind == END and states[-1] is last:
                    return Read(values[-1], starts, ends, lines)
            at = end

    def _accepts(self, states: list[State]) -> frozenset[str]:
        return frozenset(kind for kind in states[-1] if kind.isupper() and self._takes(list(states), kind))

    def _takes(self, states: list[State], kind: str) -> bool:
        while isinstance(action := states[-1].get(kind), Plan):
            if action.size:
                del states[-action.size :]
            states.append(_after(states[-1], action))
            if kind == END and states[-1] is self._end:
                return True
        return action is not None


def _after(below: State, plan: Plan) -> State:
    """Where a state goes on to once the rule is reduced above it."""
    state = below[plan.origin]
    assert isinstance(state, State)
    return state


def _passed_on(below: State, plan: Plan, kind: str) -> State:
    """The state above `below` once a value has been handed through all rules that only pass it on."""
    state = _after(below, plan)
    while isinstance(action := state.get(kind), Plan) and action.passes:
        state = _after(below, action)
    return state


def _made(
    plan: Plan,
    values: Sequence[Any],
    token: Callable[[int], Token],
    lines: Lines,
    starts: list[int],
    ends: list[int],
    first: int,
    count: int,
) -> Tree[Token] | list[Any]:
    """The node of a rule over the tokens from `first` to before `count`, or the children of an inlined one: a list,
    where it is not a single node passed on."""
    children: list[Any] = []
    for index, what, nones in plan.steps:
        if nones:
            children += [None] * nones
        value = values[index]
        if what == _KEPT:
            children.append(token(value))
        elif what == _NODE or value.__class__ is not list:
            children.append(value)
        elif children:
            children += value
        else:
            children = value  # nobody else has it, and a long row of items is not copied for each
    if plan.tail:
        children += [None] * plan.tail
    if plan.name is None:
        return children
    place = None if first == count else Place(starts[first], ends[count - 1], lines)
    return Tree(plan.name, children, place)  # type: ignore[arg-type]  # a Meta


_NEWLINE: Final = re.compile(r"\n")
_WORDS: Final = re.compile(r"\(?([a-zA-Z]+(?:\|[a-zA-Z]+)*)\)?s?(?:\[\s+\]\+[a-z]+)?\(\?!")
