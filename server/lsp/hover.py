"""What a reader is told of the word under the pointer, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from policy_dsl import PolicyFile, Rule, ScopeBlock, SetDefinition, SetLiteral, Tool, ast, format, spelling, types

from .definitions import Definition, Definitions
from .places import place_at
from .target import Target, target_at
from .tools import fitting, members, type_inside
from .workspace import Bundle

MOST_TOOLS: Final = 5
"""Tools of one pattern that are described; of the rest only the number is told."""

MOST_TEXT: Final = 600
"""Characters of a tool's own description that are shown: it is the server's text, and can be of any length."""


@dataclass(frozen=True, slots=True)
class Hover:
    markdown: str
    start: int
    end: int


def hover(bundle: Bundle, path: Path, offset: int) -> Hover | None:
    """What stands at `offset` of the file at `path`; None where there is nothing to tell."""
    place = place_at(bundle.texts[path], bundle.files.get(path), offset)
    target = target_at(bundle, path, place)
    if target is not None:
        told = _told(bundle, target)
        if told:
            return Hover(told, target.start, target.end)
    rule = place.innermost(Rule)
    if rule is not None and place.word is not None and place.word.is_keyword:
        return Hover(says(rule), place.word.start, place.word.end)
    return None


def says(rule: Rule) -> str:
    """What a rule says in one line, then what is known about it."""
    tools = _code(", ".join(_tool_word(tool) for tool in rule.tools))
    verb = "lets memory open" if rule.origin == "learnable" else _VERBS[rule.effect]
    line = f"**{verb}** calls of {tools}"
    if rule.signature is not None:
        line += f" {_carrying(rule.signature)}"
    for word, condition in (("when", rule.when), ("unless", rule.unless)):
        if condition is not None:
            line += f", {word} {_code(spelling.condition(condition))}"
    facts = [
        ("shadow", "decided and recorded, changes nothing" if rule.shadow else None),
        ("priority", str(rule.priority) if rule.priority else None),
        ("then", "the session ends" if rule.ends_session else None),
        ("message", rule.message),
        ("owner", rule.metadata.owner),
        ("ticket", rule.metadata.ticket),
        ("because", rule.metadata.because),
        ("learned", None if rule.learned is None else spelling.learned_from(rule.learned)),
    ]
    return "\n\n".join([line, *(f"{name}: {_plain(value)}" for name, value in facts if value is not None)])


def _told(bundle: Bundle, target: Target) -> str:
    names = Definitions(bundle.files)
    match target.kind:
        case "definition" if target.definition is not None:
            return _definition(bundle, target.definition)
        case "tool":
            return _tools(fitting(target.tools, bundle.catalogue, names), target.tools)
        case "argument":
            return _argument(fitting(target.tools, bundle.catalogue, names), target.path)
        case "file":
            return f"file {_code(str(target.file))}"
    return ""


# --- names ----------------------------------------------------------------------------------------------------------


def _definition(bundle: Bundle, found: Definition) -> str:
    node = found.node
    if isinstance(node, Rule):
        return f"rule {_code(found.name)}\n\n{says(node)}"
    text = f"```leastward\n{_canonical(node)}\n```"
    if isinstance(node, SetDefinition):
        return f"{_size(bundle, node)}\n\n{text}"
    if found.kind == "label":
        return f"label {_code(found.name)}\n\n{text}"
    return text


def _size(bundle: Bundle, node: SetDefinition) -> str:
    value = node.value if bundle.policy is None else bundle.policy.sets.get(node.name, node.value)
    if not isinstance(value, SetLiteral):
        return f"set {_code(node.name)}"
    count = len(value.items)
    more = " and those of the sets it names" if value.names else ""
    return f"set {_code(node.name)}: {count} member{'' if count == 1 else 's'}{more}"


def _canonical(node: ast.Statement) -> str:
    """A statement in the one form, without the header of a file; a condition over several lines where it is long."""
    if isinstance(node, ScopeBlock):
        node = replace(node, rules=())
    return format(PolicyFile("<hover>", 1, (node,), "")).partition("\n")[2].strip()


def _carrying(signature: ast.Signature) -> str:
    named = [f"{_code(one.name)}{' or not' if one.optional else ''}" for one in signature.arguments]
    if signature.open:
        return f"that carry {', '.join(named)} and anything else" if named else "with any arguments"
    return f"that carry {', '.join(named)} and nothing else" if named else "without arguments"


def _tool_word(tool: ast.ToolPattern | ast.GroupName | ast.IntentName) -> str:
    match tool:
        case ast.ToolPattern(server=server, tool=name):
            return name if server is None else f"{server}/{name}"
        case ast.IntentName(name=name):
            return f"intent {name}"
    return tool.name


# --- tools ----------------------------------------------------------------------------------------------------------


def _tools(found: list[Tool], written: tuple[str, ...]) -> str:
    if not found:
        return ""
    shown = [_tool(tool) for tool in found[:MOST_TOOLS]]
    if len(found) > 1:
        shown.insert(0, f"{_code(', '.join(written))} fits {len(found)} tools")
    return "\n\n---\n\n".join(shown)


def _tool(tool: Tool) -> str:
    lines = [f"tool {_code(tool.identity)}"]
    if tool.description:
        lines.append(_plain(tool.description[:MOST_TEXT]))
    listed = [
        f"- {_code(name)}: {types.describe(member.type)}{'' if member.required else ', optional'}"
        for name, member in tool.parameters.members.items()
    ]
    lines.append("\n".join(listed) if listed else "no arguments")
    return "\n\n".join(lines)


def _argument(found: list[Tool], path: tuple[str | int, ...]) -> str:
    shown = dict.fromkeys(line for tool in found for line in _typed(tool, path))
    name = _dotted(path)
    return f"argument {_code(name)}\n\n" + "\n".join(shown) if shown else ""


def _typed(tool: Tool, path: tuple[str | int, ...]) -> Iterator[str]:
    declared = type_inside(tool, path)
    member = members(type_inside(tool, path[:-1])).get(str(path[-1]))
    if member is None and isinstance(path[-1], str):
        yield f"- {_code(tool.identity)}: its schema does not name it"
        return
    optional = ", optional" if member is not None and not member.required else ""
    yield f"- {_code(tool.identity)}: {types.describe(declared)}{optional}"


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


# --- Markdown -------------------------------------------------------------------------------------------------------


def _code(text: str) -> str:
    """In backticks, whatever is inside: a text with backticks gets more of them around (CommonMark 0.31, 6.1)."""
    ticks = "`" * (1 + max((len(run) for run in _runs(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _runs(text: str) -> Iterator[str]:
    run = ""
    for character in f"{text} ":
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""


def _plain(text: str) -> str:
    """Somebody's own words, none of which is markup: a tool's description is the server's, and may be an attack."""
    return "".join(f"\\{character}" if character in _MARKUP else character for character in text)


_MARKUP: Final = frozenset("\\`*_{}[]()<>#+-.!|~&")
_VERBS: Final = {
    ast.Effect.ALLOW: "allows",
    ast.Effect.ASK: "asks a person about",
    ast.Effect.REQUIRE_APPROVAL: "requires approval for",
    ast.Effect.FORBID: "forbids",
}
