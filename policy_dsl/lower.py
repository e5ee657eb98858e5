"""Parse tree to the words of ast/, and everything that the grammar lets pass but the language does not.

The grammar is wide where a narrow one could only say "unexpected": the order of clauses, what a parenthesis holds,
which scopes go together, well-formed numbers and text. Each is refused on the way down, at its exact place. One class
goes down, in layers: leaves -> tools -> operands -> events -> conditions -> learned -> rules -> session -> tests
(lower_*.py), and files here.

INVARIANT: every function that calls itself goes through `deeper`, so that no text can exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from lark import Token, Tree

from . import ast
from .errors import quoted
from .lower_leaves import Branch, branch, span_of, trees
from .lower_rules import Scoped
from .lower_tests import TestLowering
from .words import PLACEHOLDERS


def lower(tree: Branch, source: str, path: str) -> tuple[ast.Statement, ...]:
    """The statements of a parsed file. Raises ParseError."""
    return _Lowering(source, path).statements(tree)


class _Lowering(TestLowering):
    """One file on its way down."""

    def statements(self, tree: Branch) -> tuple[ast.Statement, ...]:
        found = trees(tree)[1:]  # the header has done its work in parse.py
        self.groups = frozenset(str(group.children[0]) for group in found if group.data == "group_definition")
        self.layer_first(found)
        return tuple(self.statement(child) for child in found)

    def layer_first(self, found: list[Branch]) -> None:
        """One `layer` a file, before all that it speaks for."""
        layers = [child for child in found if child.data == "layer"]
        if not layers:
            return
        if len(layers) > 1:
            raise self.fault(layers[1], "a file is of one layer", "layer-twice", "take one away, or split the file")
        if any(child.data not in _BEFORE_LAYER for child in found[: found.index(layers[0])]):
            raise self.fault(
                layers[0], "`layer` stands before every rule", "layer-late", "write it on the line after `language 1`"
            )

    def statement(self, tree: Branch) -> ast.Statement:
        span = span_of(tree)
        match tree.data:
            case "use_tools":
                return ast.UseTools(self.text(tree.children[0]), span)
            case "import_file":
                file, package = tree.children
                inside = None if package is None else self.filled(package, "a package")
                return ast.Import(self.filled(file, "a file"), inside, span)
            case "layer":
                return self.layer(tree)
            case "levels":
                return self.levels(tree)
            case "set_definition":
                name, value = tree.children
                return ast.SetDefinition(self.definable(name, "set"), self.value_set(cast(Branch, value)), span)
            case "group_definition":
                name, *members = tree.children
                return ast.GroupDefinition(
                    self.definable(name, "group"), tuple(self.tool(cast(Branch, member)) for member in members), span
                )
            case "define":
                return self.define(tree)
            case "intent_map":
                return self.intent_map(tree)
            case "trust":
                return self.trust(tree)
            case "label_results":
                return self.label_results(tree)
            case "redact_results":
                return self.redact_results(tree)
            case "otherwise":
                message = cast("Token | None", tree.children[0])
                return ast.Otherwise(None if message is None else self.template(message, PLACEHOLDERS), span)
            case "scope_block":
                scope = self.scope(tree, [child for child in tree.children if not _is_scoped(child)])
                return ast.ScopeBlock(
                    scope, tuple(self.scoped(child) for child in trees(tree) if _is_scoped(child)), span
                )
            case "test_block":
                return self.test(tree)
            case _:
                return self.scoped(tree)

    def scoped(self, tree: Branch) -> Scoped:
        """What may stand in a `for` block, too."""
        lowering: Mapping[str, Callable[[Branch], Scoped]] = {
            "learnable": self.learnable,
            "limit": self.limit,
            "counter": self.counter,
            "clearance": self.clearance,
            "rewrite": self.rewrite,
            "hide": self.hide,
        }
        return lowering.get(str(tree.data), self.rule)(tree)

    def layer(self, tree: Branch) -> ast.Layer:
        name = cast(Token, tree.children[0])
        if name not in ast.LAYERS:
            raise self.fault(
                name,
                f"there is no layer {quoted(name)}",
                "no-layer",
                f"from the top: {', '.join(f'`{x}`' for x in ast.LAYERS)}",
            )
        return ast.Layer(str(name), span_of(tree))

    def define(self, tree: Branch) -> ast.Macro:
        name, written, body = tree.children
        parameters = () if written is None else self.macro_parameters(cast(Branch, written))
        named = self.definable(name, "condition")
        self.parameters = parameters
        condition = self.condition(cast(Branch, body))
        self.parameters = ()
        return ast.Macro(named, parameters, condition, span_of(tree))

    def macro_parameters(self, tree: Branch) -> tuple[str, ...]:
        names: list[str] = []
        for token in tree.children:
            if token is None:
                raise self.fault(tree, "no parameter is named", "empty-macro", "leave the parentheses out")
            name = self.definable(token, "parameter")
            if name in names:
                raise self.fault(cast(Token, token), f"`{name}` is named twice", "named-twice")
            names.append(name)
        return tuple(names)

    def intent_map(self, tree: Branch) -> ast.IntentMap:
        name, version, target, *rest = tree.children
        fields: dict[str, ast.Operand] = {}
        ignored: list[str] = []
        for part in (child for child in rest if isinstance(child, Tree)):
            if part.data == "ignored":
                for token in part.children[1:]:
                    key = self.key(token)
                    if key in ignored:
                        raise self.fault(cast(Token, token), f"{quoted(key)} is named twice", "named-twice")
                    ignored.append(key)
                continue
            key = self.key(part.children[0])
            if key in fields:
                raise self.fault(cast(Token, part.children[0]), f"{quoted(key)} is named twice", "named-twice")
            fields[key] = self.operand(branch(part, 1))
        return ast.IntentMap(
            self.definable(name, "intent"),
            self.counted(version, "a version"),
            self.one_tool(cast(Branch, target), "an intent"),
            tuple(fields.items()),
            tuple(ignored),
            span_of(tree),
        )


def _is_scoped(node: object) -> bool:
    return isinstance(node, Tree) and node.data in _SCOPED


_SCOPED: Final = (
    "allow",
    "ask",
    "forbid",
    "require_approval",
    "learnable",
    "limit",
    "counter",
    "clearance",
    "rewrite",
    "hide",
)
_BEFORE_LAYER: Final = ("use_tools", "import_file")
