"""Every node of a tree of the language, whatever kinds there are: for passes that look for one kind everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass


def nodes(root: object) -> Iterator[object]:
    """The node and everything inside it, in no promised order; spans and plain values are left out."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        elif names := parts(type(node)):
            yield node
            waiting.extend(getattr(node, name) for name in names)


def parts(kind: type) -> tuple[str, ...]:
    """The fields of a kind of node, but for where it stands; none for what is no node."""
    found = _PARTS.get(kind)
    if found is None:
        found = tuple(part.name for part in fields(kind) if part.name != "span") if is_dataclass(kind) else ()
        _PARTS[kind] = found
    return found


_PARTS: dict[type, tuple[str, ...]] = {}
