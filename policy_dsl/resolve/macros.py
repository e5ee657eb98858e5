"""A `define` with its operands put in.

Names bound inside stay apart from names put in: where an operand is the element of a quantifier around the use and the
body has a quantifier of that name, the inner one is renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..ast import Condition, Element, Macro, MacroUse, Operand, PolicyFile, Quantified, Span
from ..errors import BundleError
from .faults import fault
from .substitution import Absence, Substitution
from .tree import inside, with_parts


class Parameters(Substitution):
    """What the parameters of one macro stand for in one use."""

    place_help = "put an argument in"

    def __init__(self, file: PolicyFile, use: MacroUse, operands: Mapping[str, Operand]) -> None:
        super().__init__(file)
        self._use = use
        self._operands = operands

    def stands_for(self, name: str, span: Span) -> Operand | Absence | None:
        return self._operands.get(name)

    def never_there(self, name: str, span: Span) -> BundleError:
        raise AssertionError("a parameter always stands for something")


def put_in(file: PolicyFile, use: MacroUse, macro: Macro, body: Condition) -> tuple[Condition, int]:
    """`body`, written out, with the operands of one use; and how many nodes longer that made it.

    All of it stands at the use already, so that faults do too.
    """
    wanted, given = len(macro.parameters), len(use.operands)
    if wanted != given:
        raise fault(
            file,
            use.span,
            f"`{macro.name}` takes {_values(wanted)}, not {given}",
            "wrong-count",
            f"as in `{example(macro)}`",
        )
    parameters = Parameters(file, use, dict(zip(macro.parameters, use.operands, strict=True)))
    used = {part.name for operand in use.operands for part in inside(operand) if isinstance(part, Element)}
    for name in sorted(used):
        body = cast(Condition, _renamed(body, name, f"{name}'"))
    return parameters.applied(body), parameters.spent


def example(macro: Macro) -> str:
    return f"{macro.name}({', '.join(macro.parameters)})" if macro.parameters else macro.name


def _values(count: int) -> str:
    return "no values" if count == 0 else "1 value" if count == 1 else f"{count} values"


def _renamed(node: Any, name: str, other: str) -> Any:
    """With each quantifier of that name, and its elements, named otherwise. A body has no elements of outside."""
    node = with_parts(node, lambda part: _renamed(part, name, other))
    if isinstance(node, Quantified | Element) and node.name == name:
        return replace(node, name=other)
    return node
