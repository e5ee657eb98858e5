"""The tools a statement speaks of: found by its words, so that it works in one that is not finished."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from policy_dsl import Catalogue, StrictJsonError, Tool, ToolPattern, Word, ast, strict_json, types

from .definitions import Definitions

HEADS: Final = frozenset(
    [
        *("allow", "ask", "forbid", "require", "limit", "rewrite", "hide", "clearance", "counter"),
        *("call", "given", "trust", "label", "redact", "intent", "learnable"),
    ]
)
"""Words that begin what has tools of its own."""

_LEADS: Final = frozenset(
    [
        *("allow", "ask", "forbid", "for", "limit", "rewrite", "hide", "of", "from", "call", "given"),
        *("requested", "refused", "released", "succeeded", "failed", "learnable"),
    ]
)
"""Words behind which a text in quotes is a tool."""

_LIST: Final = frozenset({"COMMA", "LBRACE", "RBRACE", "SLASH"})


def tools_of(words: Sequence[Word], index: int) -> tuple[str, ...]:
    """The tools whose arguments a bare name at `words[index]` would be: `pay`, `bank/pay`, `get_*`, or a group's name.

    Inside the parentheses of an event they are the event's, else those of the rule around.
    """
    first = next((at for at in range(min(index, len(words)) - 1, -1, -1) if _begins(words, at)), 0)
    head: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    around: list[tuple[str, ...]] = []
    for at in range(first, len(words)):
        word = words[at]
        if at >= index and (head or _begins(words, at)):
            break
        if _is_tool(words, at):
            whole = f"{listed[-1]}/{plain(word.text)}" if words[at - 1].kind == "SLASH" and listed else plain(word.text)
            listed = (*(listed[:-1] if words[at - 1].kind == "SLASH" else listed), whole)
            continue
        if word.kind in _LIST and listed:
            continue
        head = head or listed
        if word.text == "(" and at < index:
            around.append(listed or (around[-1] if around else head))
        elif word.text == ")" and around and at < index:
            around.pop()
        listed = ()
    return (around[-1] if around else ()) or head or listed


def fitting(names: Iterable[str], catalogue: Catalogue, definitions: Definitions) -> list[Tool]:
    """The tools of the catalogue that these words fit, groups taken apart, in the catalogue's order."""
    patterns = [pattern for name in names for pattern in _patterns(name, definitions, 0)]
    return [tool for tool in catalogue if any(_fits(server, glob, tool) for server, glob in patterns)]


def type_inside(tool: Tool, path: Sequence[str | int]) -> types.Type:
    """The declared type of an argument, or of a place inside one; any element of a list where `path` has a number."""
    found: types.Type = tool.parameters
    for step in path:
        found = types.inside(found, step)
    return found


def members(declared: types.Type) -> dict[str, types.Member]:
    """The members that an object type names; those of the elements for a list of objects."""
    match declared:
        case types.Object(members=named):
            return dict(named)
        case types.ListOf(item=item):
            return members(item)
        case types.Union(options=options):
            return {name: member for option in options for name, member in members(option).items()}
    return {}


def plain(text: str) -> str:
    """A word, or the text that quotes around it spell."""
    if not text.startswith('"'):
        return text
    try:
        value = strict_json.parse(text)
    except StrictJsonError:
        return text
    return value if isinstance(value, str) else text


def _begins(words: Sequence[Word], at: int) -> bool:
    """Whether a rule or a step begins here; `label` or `counter` inside a condition begins none."""
    word = words[at]
    if not word.is_keyword or word.text not in HEADS or word.kind == "EFFECT":
        return False
    return word.text not in ("label", "counter", "intent") or at == 0


def _is_tool(words: Sequence[Word], at: int) -> bool:
    word = words[at]
    if word.kind == "PATTERN":
        return True
    before = words[at - 1] if at else None
    return word.kind == "STRING" and before is not None and (before.text in _LEADS or before.kind == "SLASH")


def _patterns(name: str, definitions: Definitions, depth: int) -> list[tuple[str | None, str]]:
    group = definitions.find(name, "group") if depth < _DEEPEST else None
    if group is not None and isinstance(group.node, ast.GroupDefinition):
        found: list[tuple[str | None, str]] = []
        for member in group.node.members:
            if isinstance(member, ToolPattern):
                found.append((member.server, member.tool))
            else:
                found += _patterns(member.name, definitions, depth + 1)
        return found
    server, slash, tool = name.partition("/")
    return [(server, tool)] if slash else [(None, name)]


def _fits(server: str | None, glob: str, tool: Tool) -> bool:
    if server is not None and tool.server not in (None, server):
        return False
    return re.fullmatch("[^/]*".join(map(re.escape, glob.split("*"))), tool.name) is not None


_DEEPEST: Final = 8
"""Groups inside groups that are looked into; what stands in a circle is a fault that is told elsewhere."""
