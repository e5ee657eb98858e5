"""The connectives of two-valued logic on the text of Python expressions.

`True` and `False` stand for what is decided while compiling, and disappear.
"""

from __future__ import annotations

from collections.abc import Iterable


def conjunction(parts: Iterable[str]) -> str:
    """`a and b`, without the parts that are always true; `False` where one never is."""
    kept = dict.fromkeys(part for part in parts if part != "True")
    if "False" in kept:
        return "False"
    return " and ".join(map(closed, kept) if len(kept) > 1 else kept) or "True"


def disjunction(parts: Iterable[str]) -> str:
    """`a or b`, without the parts that never hold; `True` where one always does."""
    kept = dict.fromkeys(part for part in parts if part != "False")
    if "True" in kept:
        return "True"
    return " or ".join(map(closed, kept) if len(kept) > 1 else kept) or "False"


def negation(part: str) -> str:
    return {"True": "False", "False": "True"}.get(part) or f"not {closed(part)}"


def closed(part: str) -> str:
    """In parentheses wherever an operator might bind less tightly than its surroundings."""
    return f"({part})" if " and " in part or " or " in part or part.startswith("not ") else part
