"""Rules that differ only in their values share one generated function: their *shape*.

Ten thousand rules of a real policy have a few dozen shapes. Each is compiled once; a rule is then one closure over its
values, which costs a microsecond instead of the fifty that CPython's compiler takes.
"""

from __future__ import annotations

import builtins
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..ast import Condition
from . import runtime
from .contender import Contender, Ground, Mode, fails, matches
from .frame import Constants, Frame

Ask = Callable[[Mapping[str, Any], Any], int]

_BUILTINS = ("all", "any", "bool", "dict", "frozenset", "int", "len", "list", "str", "type", "zip")

NAMES: dict[str, object] = {
    "__builtins__": {name: getattr(builtins, name) for name in _BUILTINS},
    "Decimal": Decimal,
    "bisect_right": bisect_right,
    **{name: getattr(runtime, name) for name in runtime.__all__},
}
"""All that generated code can name: no import, no attribute of a module, nothing that could reach further."""


def run(source: str, name: str, constants: Sequence[object]) -> Any:
    """The object called `name` after running generated source."""
    namespace = {**NAMES, **{f"k{index}": value for index, value in enumerate(constants)}}
    exec(compile(source, f"<leastward {name}>", "exec"), namespace)  # noqa: S102  # this module's own text, see frame.py
    return namespace[name]


class Pending:
    """The function of a rule that is not written yet. The first time it is asked it is written, and takes its place in
    every list of `places`: most rules of a large policy are never asked, and writing one takes 100 us."""

    __slots__ = ("_make", "places")

    def __init__(self, make: Callable[[], tuple[Ask, str]]) -> None:
        self._make = make
        self.places: list[tuple[list[Any], int]] = []

    def __call__(self, a: Mapping[str, Any], facts: Any) -> int:
        ask, _ = self._make()
        for listed, at in self.places:
            listed[at] = ask
        return ask(a, facts)

    @property
    def shape(self) -> str:
        """The source of its shape, for people."""
        return self._make()[1]


class Shapes:
    """The shapes of one program, by source."""

    def __init__(self) -> None:
        self._makers: dict[str, Callable[..., Ask]] = {}

    def make(self, contender: Contender, ground: Ground, miss: int, held: Condition | None = None) -> tuple[Ask, str]:
        """The contender's function, which answers its rank or `miss`, and the source of its shape.

        It is asked only where `held`, a part of the rule's condition, is true.
        """
        constants = Constants(spelled=False)
        frame = Frame(constants, ground.known)
        if contender.mode is Mode.WITHHOLD:
            failing, matching = fails(contender, frame, ground, held), matches(contender, frame, ground, held)
            ending = [f"if {failing}:", "    return miss", f"return rank if {matching} else on_error"]
        else:
            ending = [f"return rank if {matches(contender, frame, ground, held)} else miss"]
        names = ", ".join((*(f"k{index}" for index in range(len(constants.values))), "rank", "on_error", "miss"))
        body = "".join(f"        {line}\n" for line in (*frame.fresh(), *ending))
        source = f"def shape({names}):\n    def ask(a, facts):\n{body}    return ask\n"
        maker = self._makers.get(source)
        if maker is None:
            maker = self._makers[source] = run(source, "shape", ())
        return maker(*constants.values, contender.rank, contender.on_error, miss), source
