"""Which of a tool's rules decides: a generated function that answers for the lowest rank that matches.

Ranks are the order of deciding, worked out beforehand (`verdicts.py`); a rule's place in the text plays no part. Few
rules are written as one chain of tests in order of rank. Of many, those with a usable key are found through tables and
tested by functions of their own; the lowest rank wins wherever it was found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ast import Condition
from .contender import Contender, Ground, Mode, fails, matches
from .frame import Constants, Frame
from .keys import Begins, Equals, Key, Keyed, choose, keys
from .logic import closed, negation
from .operands import Place
from .schema import fits
from .shapes import Pending, run
from .tables import TABLES

WORTH_TABLES = 12
"""Fewer rules are tested one after the other: a chain of twelve costs what the lookups would."""

WORTH_A_TABLE = 4
"""Fewer rules with keys of one kind stay in the chain."""

LONG_CHAIN = 64
"""More rules without a key are asked through their shapes: as chain they would be slow to compile and no faster."""

_INDENT = "    "
_BEST = re.compile(r"\bbest\b")


@dataclass(frozen=True, slots=True)
class Contest:
    """`ask(arguments, facts)` gives the winner's answer; `source()` is how, for people."""

    ask: Callable[[Mapping[str, Any], Any], Any]
    source: Callable[[], str]


def contest(
    name: str, contenders: Sequence[Contender], answers: Sequence[object], ground: Ground, misfit: object = None
) -> Contest:
    """The function `name`: `answers[rank]` of the lowest rank that matches, the last answer where none does.

    With `misfit`, arguments that do not fit the tool's schema get that answer and no rule is asked.
    """
    return _Writer(contenders, answers, ground).write(name, misfit)


class _Writer:
    """Writes one contest. Tests add their fetches to the frame, so the prologue is put in front last."""

    def __init__(self, contenders: Sequence[Contender], answers: Sequence[object], ground: Ground) -> None:
        self._contenders = sorted(contenders, key=lambda contender: contender.rank)
        self._answers = answers
        self._miss = len(answers) - 1
        self._ground = ground
        self._frame = Frame(Constants(spelled=True), ground.known)
        self._lines: list[str] = []
        self._pending: list[Pending] = []
        self._looks_up = False

    def write(self, name: str, misfit: object) -> Contest:
        self._guard(misfit)
        chained = self._look_up()
        if len(chained) > LONG_CHAIN:
            self._looks_up = True
            self._ask_each(self._asks(chained), 0)
        else:
            self._chain(chained)
        given = f"{self._constant(self._answers)}[best]" if self._looks_up else self._give(self._miss)
        lines = [*self._lines, f"return {given}"]
        if any(_BEST.search(line) for line in lines):
            lines.insert(0, f"best = {self._miss}")
        source = f"def {name}(a, facts):\n" + "".join(f"{_INDENT}{line}\n" for line in lines)
        constants, pending = self._frame.constants.values, self._pending
        return Contest(run(source, name, constants), lambda: source + _notes(constants, pending))

    def _add(self, *lines: str) -> None:
        """Add lines of the function's own level, behind the assignments that they are the first to need."""
        self._lines += [*self._frame.fresh(), *lines]

    # --- the schema -------------------------------------------------------------------------------------------------

    def _guard(self, misfit: object) -> None:
        if misfit is None or self._ground.declared is None:
            return
        fitting = fits(self._ground.declared, self._frame)
        if fitting != "True":
            self._add(f"if {negation(fitting)}:", f"{_INDENT}return {self._constant(misfit)}")

    # --- tables -----------------------------------------------------------------------------------------------------

    def _look_up(self) -> list[Contender]:
        """Write the lookups; the contenders that no table holds are handed back, in order of rank."""
        if len(self._contenders) < WORTH_TABLES:
            return list(self._contenders)
        chosen = choose([keys(contender.rule, self._ground.sets) for contender in self._contenders])
        groups: dict[tuple[str, bool, type], list[tuple[Keyed, Contender]]] = {}
        for keyed, contender in zip(chosen, self._contenders, strict=True):
            if keyed is not None:
                group = (keyed.key.argument, _is_text(keyed.key), type(keyed.key))
                groups.setdefault(group, []).append((keyed, contender))
        groups = {group: entries for group, entries in groups.items() if len(entries) >= WORTH_A_TABLE}
        for argument, text in dict.fromkeys((argument, text) for argument, text, _ in groups):
            kinds = [entries for (*of, _), entries in groups.items() if of == [argument, text]]
            self._look_up_one(argument, text, kinds)
        held = {contender.id for entries in groups.values() for _, contender in entries}
        return [contender for contender in self._contenders if contender.id not in held]

    def _look_up_one(self, argument: str, text: bool, kinds: list[list[tuple[Keyed, Contender]]]) -> None:
        """All tables about one argument, under one test of its type."""
        self._looks_up = True
        place = Place(self._frame)
        local = self._frame.argument(argument)
        self._add(f"if {place.is_text(local) if text else place.is_number(local)}:")
        for entries in kinds:
            make = TABLES[type(entries[0][0].key)]
            table = make([(keyed.key, self._ask(contender, keyed.held)) for keyed, contender in entries])
            self._fill(table.lists)
            lookup = table.lookup.format(local, *map(self._constant, table.constants))
            self._lines += [f"{_INDENT}found = {lookup}", f"{_INDENT}if found is not None:"]
            self._ask_each("found", 2)
        wary = [by for entries in kinds for _, by in entries if by.mode is not Mode.GRANT]
        if wary:
            # Where the argument is missing or of another type the key is an error, and only an allow fails by an error.
            self._lines.append("else:")
            self._ask_each(self._asks(wary), 1)

    def _asks(self, contenders: Iterable[Contender]) -> str:
        """The name of a list of the contenders' functions."""
        asks = [self._ask(contender) for contender in contenders]
        self._fill([asks])
        return self._constant(asks)

    def _ask(self, contender: Contender, held: Condition | None = None) -> Pending:
        ground, miss = self._ground, self._miss
        pending = Pending(lambda: ground.shapes.make(contender, ground, miss, held))
        self._pending.append(pending)
        return pending

    @staticmethod
    def _fill(lists: Iterable[list[Pending]]) -> None:
        """Tell what is in the lists where to put itself once it is written."""
        for listed in lists:
            for at, pending in enumerate(listed):
                pending.places.append((listed, at))

    def _ask_each(self, asks: str, depth: int) -> None:
        self._lines += [
            f"{_INDENT * depth}for ask in {asks}:",
            f"{_INDENT * depth}    rank = ask(a, facts)",
            f"{_INDENT * depth}    if rank < best:",
            f"{_INDENT * depth}        best = rank",
        ]

    # --- the chain --------------------------------------------------------------------------------------------------

    def _chain(self, contenders: Sequence[Contender]) -> None:
        run_end = -1
        for contender in contenders:
            if run_end >= 0 and contender.rank > run_end:
                self._lines += [f"if best <= {run_end}:", f"{_INDENT}return {self._constant(self._answers)}[best]"]
                run_end = -1
            if contender.mode is Mode.WITHHOLD:
                run_end = max(run_end, contender.on_error)
            self._link(contender)
        if run_end >= 0:
            self._looks_up = True  # `best` may hold a forbid that was an error

    def _link(self, contender: Contender) -> None:
        """One test: those before it in the chain did not match, but a lookup may have found a lower rank."""
        lower = f"best > {contender.rank} and " if self._looks_up else ""
        give = f"return {self._give(contender.rank)}  # {contender.id!a}"
        matching = matches(contender, self._frame, self._ground)
        if contender.mode is not Mode.WITHHOLD:
            if matching != "False":
                self._add(f"if {lower}{closed(matching) if lower else matching}:", _INDENT + give)
            return
        failing = fails(contender, self._frame, self._ground)
        if failing != "True":
            self._add(
                f"if {negation(failing)}:",
                f"{_INDENT}if {lower}{closed(matching) if lower else matching}:",
                f"{_INDENT * 2}{give}",
                f"{_INDENT}if best > {contender.on_error}:",
                f"{_INDENT * 2}best = {contender.on_error}",
            )

    # --- the rest ---------------------------------------------------------------------------------------------------

    def _give(self, rank: int) -> str:
        return self._constant(self._answers[rank])

    def _constant(self, value: object) -> str:
        return self._frame.constants.name(value)


def _notes(constants: Sequence[object], pending: Iterable[Pending]) -> str:
    """What a reader needs besides: the constants, and the shapes that tables lead to. Comments only, all ASCII."""
    listed = [f"# k{index} = {_shown(value)}" for index, value in enumerate(constants)]
    shapes = Counter(one.shape for one in pending)
    shaped = [f"# {count} of this shape:\n{source}" for source, count in shapes.items()]
    return "".join(f"{part}\n" for part in (*listed, *shaped))


def _is_text(key: Key) -> bool:
    return isinstance(key, Begins) or (isinstance(key, Equals) and key.type == "text")


_SHOWN = 200
"""Characters of a constant that `source` shows."""


def _shown(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + " ..."
