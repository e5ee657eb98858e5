"""Every name that the files of a bundle define, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from policy_dsl import PolicyFile, Rule, ScopeBlock, Span, ast

from .places import name_span

NameKind = Literal["set", "group", "rule", "macro", "counter", "label", "intent"]


@dataclass(frozen=True, slots=True)
class Definition:
    """`node` is the statement that defines `name`; `span` the place of the name itself."""

    kind: NameKind
    name: str
    node: ast.Statement
    path: Path
    span: Span


class Definitions:
    """By kind and name. Of a name that is defined twice the first counts; the fault is told elsewhere."""

    def __init__(self, files: Mapping[Path, PolicyFile]) -> None:
        self._files = files
        self._found: dict[tuple[NameKind, str], tuple[ast.Statement, Path, str]] = {}
        for path, file in files.items():
            for statement in file.statements:
                for kind, name, node, after in _defined(statement):
                    self._found.setdefault((kind, name), (node, path, after))

    def names(self, *kinds: NameKind) -> list[str]:
        return sorted({name for kind, name in self._found if kind in kinds})

    def find(self, name: str, *kinds: NameKind) -> Definition | None:
        """The first of `kinds` that defines the name."""
        for kind in kinds:
            if (kind, name) in self._found:
                node, path, after = self._found[kind, name]
                span = name_span(self._files[path].source, node.span, name, after)
                return Definition(kind, name, node, path, span)
        return None


def _defined(statement: ast.Statement) -> Iterator[tuple[NameKind, str, ast.Statement, str]]:
    """Kind, name and node of what a statement defines, and the word before the name."""
    match statement:
        case ast.SetDefinition(name=name):
            yield "set", name, statement, "set"
        case ast.GroupDefinition(name=name):
            yield "group", name, statement, "group"
        case ast.Macro(name=name):
            yield "macro", name, statement, "define"
        case ast.CounterDefinition(name=name):
            yield "counter", name, statement, "counter"
        case ast.IntentMap(intent=name):
            yield "intent", name, statement, "intent"
        case ast.Levels(names=names):
            for name in names:
                yield "label", name, statement, ""
        case ast.LabelResults(label=label):
            yield "label", label.name, statement, ""
        case Rule() | ast.Learnable() | ast.Limit() | ast.Rewrite() | ast.Clearance() if statement.name is not None:
            yield "rule", statement.name, statement, "as"
        case ScopeBlock(rules=rules):
            for rule in rules:
                yield from _defined(rule)
        case _:
            return
