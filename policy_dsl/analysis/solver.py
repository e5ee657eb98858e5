"""z3, and propositional formulas whose constants are Python's own.

z3 is imported here and nowhere else, and this module only when two policies are compared: whoever decides calls needs
no solver. Its Python binding has no types, so terms are Any; a formula is a Python bool where its value is known, so
that what a schema settles never reaches the solver.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

z3: Final[Any] = import_module("z3")

_CONTEXT: Final[Any] = z3.main_ctx()

Formula = Any
"""True, False, or a z3 Boolean."""

LAST_CHARACTER: Final = 0x2FFFF
"""z3's characters end with plane 2 (SMT-LIB 2.6, theory of strings, section 1)."""

UNNAMED_FROM: Final = 0x2F000
"""Characters from here on never appear in what is given to the solver. A text with characters above LAST_CHARACTER
behaves in every test that is given to it as one with unnamed characters in their place."""


def conjunction(parts: Iterable[Formula]) -> Formula:
    kept = []
    for part in parts:
        if part is False:
            return False
        if part is not True:
            kept.append(part)
    return True if not kept else kept[0] if len(kept) == 1 else _joined(z3.Z3_mk_and, kept)


def disjunction(parts: Iterable[Formula]) -> Formula:
    kept = []
    for part in parts:
        if part is True:
            return True
        if part is not False:
            kept.append(part)
    return False if not kept else kept[0] if len(kept) == 1 else _joined(z3.Z3_mk_or, kept)


def negation(part: Formula) -> Formula:
    return not part if isinstance(part, bool) else z3.BoolRef(z3.Z3_mk_not(_CONTEXT.ref(), part.as_ast()), _CONTEXT)


def _joined(make: Any, parts: list[Formula]) -> Formula:
    """As z3.And and z3.Or do, without asking each part for its sort: that took most of the time of a comparison."""
    asts = (z3.Ast * len(parts))(*[part.as_ast() for part in parts])
    return z3.BoolRef(make(_CONTEXT.ref(), len(parts), asts), _CONTEXT)


def implication(cause: Formula, effect: Formula) -> Formula:
    return disjunction((negation(cause), effect))


def same(left: Formula, right: Formula) -> Formula:
    if isinstance(left, bool):
        return right if left else negation(right)
    if isinstance(right, bool):
        return left if right else negation(left)
    return left == right


def is_sayable(text: str) -> bool:
    """Whether z3 can hold the text as it is: no surrogate, nothing from UNNAMED_FROM on."""
    return all(ord(one) < UNNAMED_FROM and not "\ud800" <= one <= "\udfff" for one in text)


def text_term(text: str) -> Any:
    r"""A text as a constant. z3 reads `\u{41}` inside a constant as `A`, so a backslash is spelled out."""
    return z3.StringVal(text.replace("\\", "\\u{5c}"))


def read_text(value: Any) -> str:
    """The text of a string constant of a model."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value.as_string())


_ESCAPE: Final = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
