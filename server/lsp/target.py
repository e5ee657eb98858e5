"""What a word in a policy refers to: the one question behind hover and go to definition."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from policy_dsl import Argument, CallExpectation, StrictJsonError, TestBlock, UseTools, ast, strict_json

from .definitions import Definition, Definitions
from .places import Place
from .tools import plain, tools_of
from .workspace import Bundle, imported


@dataclass(frozen=True, slots=True)
class Target:
    """`definition` for names that the policy defines; `tools` and `path` (argument, then members) for what a tool list
    does; `file` for what another file holds. `start` and `end` are the word's own place."""

    kind: Literal["definition", "tool", "argument", "file"]
    start: int
    end: int
    definition: Definition | None = None
    tools: tuple[str, ...] = ()
    path: tuple[str | int, ...] = ()
    file: Path | None = None


def target_at(bundle: Bundle, path: Path, place: Place) -> Target | None:
    """What stands at `place` of the file at `path`."""
    word = place.word
    if word is None or word.is_keyword:
        return None
    start, end = word.start, word.end
    file = _file(path, place)
    if file is not None:
        return Target("file", start, end, file=file)
    names = Definitions(bundle.files)
    if word.kind == "PATTERN" or (word.kind == "STRING" and place.innermost(ast.ToolPattern) is not None):
        return _tool(names, plain(word.text), start, end)
    found = _definition(names, place, word.text)
    if found is not None:
        return Target("definition", start, end, definition=found)
    steps = _steps(place)
    if steps is None:
        return None
    return Target("argument", start, end, tools=tools_of(place.words, place.index), path=steps)


def _file(path: Path, place: Place) -> Path | None:
    statement = place.innermost(UseTools, ast.Import)
    if statement is None or place.word is None or place.word.kind != "STRING" or place.beside(-1) == "package":
        return None
    return path.parent / statement.path if isinstance(statement, UseTools) else imported(path, statement)


def _tool(names: Definitions, word: str, start: int, end: int) -> Target | None:
    group = names.find(word, "group")
    if group is not None:
        return Target("definition", start, end, definition=group)
    return Target("tool", start, end, tools=(word,))


def _definition(names: Definitions, place: Place, word: str) -> Definition | None:
    """The definition that a name stands for, by the word before it and the node around it."""
    before, node = place.beside(-1), place.nodes[-1] if place.nodes else None
    match before:
        case "set" | "group" | "counter" | "define" | "intent":
            return names.find(word, "macro" if before == "define" else before)
        case "as" if not isinstance(node, ast.Quantified):
            return names.find(word, "label", "rule") if isinstance(node, ast.Label) else names.find(word, "rule")
        case "by" if place.innermost(TestBlock) is not None:
            return names.find(word, "rule")
    match node:
        case ast.SetName() | ast.SetLiteral() | ast.SetDefinition() | ast.MailSet() | ast.WebSet() | ast.Under():
            return names.find(word, "set")
        case ast.GroupDefinition():
            return names.find(word, "group")
        case ast.RuleRef(rule=rule) if rule == word:
            return names.find(word, "rule", "macro")
        case ast.MacroUse(name=name) if name == word and place.beside(1) == "(":
            return names.find(word, "macro")
        case ast.CounterValue(counter=counter) if counter == word:
            return names.find(word, "counter")
        case ast.Label() | ast.Levels():
            return names.find(word, "label")
        case ast.IntentName():
            return names.find(word, "intent")
    return None


def _steps(place: Place) -> tuple[str | int, ...] | None:
    """The argument, or the place inside one, that the word names."""
    node = place.nodes[-1] if place.nodes else None
    word = place.word
    if word is None:
        return None
    if isinstance(node, ast.NamedArgument):
        around = [one.name for one in place.nodes if isinstance(one, ast.NamedArgument)]
        return tuple(around)
    if isinstance(node, Argument):
        return _up_to_word(place, node.path)
    if isinstance(node, CallExpectation | ast.Given) and place.beside(1) == ":":
        try:
            arguments = strict_json.parse_object(node.arguments)
        except StrictJsonError:
            return None
        return (plain(word.text),) if plain(word.text) in arguments else None
    if node is None and word.kind == "NAME":
        return (word.text,)
    return None


def _up_to_word(place: Place, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """`filter.dates` of `filter.dates.from` where the word is `dates`."""
    argument = place.nodes[-1]
    inside = [word for word in place.words if argument.span.start <= word.start and word.end <= argument.span.end]
    named = [word for word in inside if word.kind in ("NAME", "STRING", "NUMBER") or word.is_keyword]
    steps = next((at for at, word in enumerate(named, 1) if word == place.word), len(path))
    return path[:steps]
