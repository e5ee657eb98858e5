"""Parse tree to the words of ast.py, and everything that the grammar lets pass but the language does not.

The grammar is wide where a narrow one could only say "unexpected": the order of clauses, what a parenthesis holds,
which scopes go together, well-formed numbers and text. Each is refused on the way down, at its exact place: leaves in
lower_leaves.py, conditions and sets in lower_conditions.py, statements here.

INVARIANT: every function that calls itself goes through `deeper`, so that no text can exhaust the stack.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, cast

from lark import Token, Tree

from . import ast, strict_json
from .ast import Span
from .errors import quoted
from .lower_conditions import ConditionLowering
from .lower_leaves import Branch, Node, branch, span_of, trees

CLAUSES: Final = ("as_clause", "priority_clause", "when_clause", "unless_clause", "message_clause")
"""The one order of a rule's clauses."""

PARTIES: Final = ("tenant", "agent", "user", "role")
"""The one order of the kinds in a scope; `on behalf of` stands before the first of the last two."""


def lower(tree: Branch, source: str, path: str) -> tuple[ast.Statement, ...]:
    """The statements of a parsed file. Raises ParseError."""
    return _Lowering(source, path).statements(tree)


class _Lowering(ConditionLowering):
    """One file on its way down."""

    groups: frozenset[str] = frozenset()

    # --- statements -------------------------------------------------------------------------------------------------

    def statements(self, tree: Branch) -> tuple[ast.Statement, ...]:
        found = trees(tree)[1:]  # the header has done its work in parse.py
        self.groups = frozenset(str(group.children[0]) for group in found if group.data == "group_definition")
        return tuple(self.statement(child) for child in found)

    def statement(self, tree: Branch) -> ast.Statement:
        span = span_of(tree)
        match tree.data:
            case "use_tools":
                return ast.UseTools(self.text(tree.children[0]), span)
            case "set_definition":
                name, value = tree.children
                return ast.SetDefinition(self.definable(name, "set"), self.value_set(cast(Branch, value)), span)
            case "group_definition":
                name, *members = tree.children
                return ast.GroupDefinition(
                    self.definable(name, "group"), tuple(self.tool(cast(Branch, member)) for member in members), span
                )
            case "otherwise":
                return ast.Otherwise(None if tree.children[0] is None else self.text(tree.children[0]), span)
            case "scope_block":
                scope = self.scope(tree, [child for child in tree.children if not _is_rule(child)])
                return ast.ScopeBlock(scope, tuple(self.rule(child) for child in trees(tree) if _is_rule(child)), span)
            case "test_block":
                return self.test(tree)
            case _:
                return self.rule(tree)

    def rule(self, tree: Branch) -> ast.Rule:
        effect = _EFFECTS[str(tree.data)]
        tools, *rest = trees(tree)
        signature = self.signature(rest.pop(0)) if effect in _CLOSED else None
        clauses = self.clauses(rest)
        when, unless = clauses.get("when_clause"), clauses.get("unless_clause")
        return ast.Rule(
            effect=effect,
            tools=tuple(self.tool(tool) for tool in trees(tools)),
            signature=signature,
            when=None if when is None else self.condition(branch(when, 0)),
            unless=None if unless is None else self.condition(branch(unless, 0)),
            name=self.definable(clauses["as_clause"].children[0], "rule") if "as_clause" in clauses else None,
            priority=self.whole(clauses["priority_clause"].children[0]) if "priority_clause" in clauses else 0,
            message=self.text(clauses["message_clause"].children[0]) if "message_clause" in clauses else None,
            span=span_of(tree),
        )

    def clauses(self, written: list[Branch]) -> dict[str, Branch]:
        found: dict[str, Branch] = {}
        for tree in written:
            kind = str(tree.data)
            word = kind.removesuffix("_clause")
            if kind in found:
                raise self.fault(
                    self.first_word(tree),
                    f"`{word}` is written twice in one rule",
                    "clause-twice",
                    "join two conditions with `and`" if word in ("when", "unless") else f"keep one `{word}`",
                )
            late = next((other for other in CLAUSES[CLAUSES.index(kind) :] if other in found), None)
            if late is not None:
                order = ", ".join(f"`{clause.removesuffix('_clause')}`" for clause in CLAUSES)
                raise self.fault(
                    self.first_word(tree),
                    f"`{word}` stands before `{late.removesuffix('_clause')}`, not after it",
                    "clause-order",
                    f"the clauses of a rule have one order: {order}",
                )
            found[kind] = tree
        return found

    def tool(self, tree: Branch) -> ast.ToolPattern | ast.GroupName:
        tool = tree.children[-1]
        server = tree.children[0] if len(tree.children) > 1 else None
        span = span_of(tree)
        word = self.tool_word(tool)
        if isinstance(tool, Token) and tool.type == "PATTERN" and server is None and word in self.groups:
            return ast.GroupName(word, span)
        if server is None:
            return ast.ToolPattern(None, word, _is_quoted(tool), span)
        name = self.tool_word(server)
        if "*" in name:
            raise self.fault(
                cast(Token, server),
                "a server is named in full",
                "server-pattern",
                "leave the server out: any server fits",
            )
        return ast.ToolPattern(name, word, _is_quoted(tool) or _is_quoted(server), span)

    def tool_word(self, token: Node) -> str:
        assert isinstance(token, Token)
        word = self.text(token) if token.type == "STRING" else str(token)
        if not word:
            raise self.fault(token, "a name has at least one character", "empty-name")
        return word

    def signature(self, tree: Branch) -> ast.Signature:
        return self.deeper(self._signature, tree)

    def _signature(self, tree: Branch) -> ast.Signature:
        arguments: list[ast.NamedArgument] = []
        is_open = False
        for child in tree.children:
            if is_open:
                raise self.fault(
                    child,
                    "`...` is the last of a signature",
                    "open-not-last",
                    "write `...` at the end",
                )
            if isinstance(child, Tree):
                arguments.append(self.named_argument(child, {argument.name for argument in arguments}))
            elif child is not None:
                is_open = True
        return ast.Signature(tuple(arguments), is_open, span_of(tree))

    def named_argument(self, tree: Branch, taken: set[str]) -> ast.NamedArgument:
        name = self.key(tree.children[0])
        if name in taken:
            raise self.fault(cast(Token, tree.children[0]), f"{quoted(name)} is named twice", "named-twice")
        members = next((self.signature(child) for child in trees(tree)), None)
        optional = any(isinstance(child, Token) and child.type == "OPTIONAL" for child in tree.children)
        return ast.NamedArgument(name, optional, members, span_of(tree))

    # --- who --------------------------------------------------------------------------------------------------------

    def scope(self, tree: Branch, parties: list[Node]) -> ast.Scope:
        names: dict[str, tuple[str, ...]] = {}
        behalf: Token | None = None
        for party in parties:
            if isinstance(party, Token):
                if (
                    behalf is not None
                    or ("agent" not in names and "tenant" not in names)
                    or "user" in names
                    or "role" in names
                ):
                    raise self.fault(
                        party, "`on behalf of` stands between who acts and whom for", "scope-order", _SCOPES
                    )
                behalf = party
                continue
            if party is None:
                continue
            kind = str(party.data)
            if any(other in names for other in PARTIES[PARTIES.index(kind) :]):
                twice = kind in names
                raise self.fault(
                    party,
                    f"`{kind}` is written twice" if twice else f"`{kind}` stands too late",
                    "scope-twice" if twice else "scope-order",
                    f'name several in braces: `{kind} {{ "a", "b" }}`' if twice else _SCOPES,
                )
            if kind in ("user", "role") and behalf is None and ("tenant" in names or "agent" in names):
                raise self.fault(party, f"`{kind}` after an agent needs `on behalf of`", "scope-order", _SCOPES)
            names[kind] = tuple(self.principal_name(cast(Token, name)) for name in party.children)
        if behalf is not None and "user" not in names and "role" not in names:
            raise self.fault(behalf, "`on behalf of` names a user or a role", "scope-order", _SCOPES)
        places = [span_of(party) for party in parties if party is not None]
        span = Span(places[0].start, places[-1].end, places[0].line, places[0].column)
        tenants, agents, users, roles = (names.get(kind, ()) for kind in PARTIES)
        return ast.Scope(tenants, agents, users, roles, (), span)

    def principal_name(self, token: Token) -> str:
        name = self.text(token)
        if not name:
            raise self.fault(token, "a name has at least one character", "empty-name")
        return name

    # --- tests ------------------------------------------------------------------------------------------------------

    def test(self, tree: Branch) -> ast.TestBlock:
        title, *rest = tree.children
        parties: list[Node] = []
        at: str | None = None
        steps: list[ast.UserSays | ast.CallExpectation] = []
        for child in rest:
            if isinstance(child, Tree) and child.data == "at_time":
                at = self.moment(cast(Token, child.children[-1]))
            elif isinstance(child, Tree) and child.data == "user_says":
                steps.append(ast.UserSays(self.text(child.children[0]), span_of(child)))
            elif isinstance(child, Tree) and child.data == "call":
                steps.append(self.call(child))
            elif child is not None:
                parties.append(child)
        principal = self.scope(tree, parties) if parties else ast.EVERYONE
        for party in parties:
            if isinstance(party, Tree) and party.data != "role" and len(party.children) > 1:
                raise self.fault(
                    party, f"a test acts as one {party.data}", "many-principals", "only `role` takes several names here"
                )
        return ast.TestBlock(self.text(title), principal, at, tuple(steps), (), span_of(tree))

    def moment(self, token: Token) -> str:
        text = self.text(token)
        try:
            known = datetime.fromisoformat(text).tzinfo is not None and "T" in text
        except ValueError:
            known = False
        if not known:
            raise self.fault(
                token, f"{quoted(text)} is no moment", "bad-time", 'as in `"2026-11-20T10:00Z"`, with its zone'
            )
        return text

    def call(self, tree: Branch) -> ast.CallExpectation:
        target, *rest = tree.children
        tool = self.tool(cast(Branch, target))
        if isinstance(tool, ast.GroupName):
            tool = ast.ToolPattern(None, tool.name, span=tool.span)
        if "*" in tool.tool:
            raise self.fault(tool.span, "a call names one tool", "call-pattern", "leave the `*` out")
        rule = cast("Token | None", rest.pop())
        effect = str(cast(Token, rest.pop()))
        arguments = self.object([child for child in rest if isinstance(child, Tree)])
        text = strict_json.encode(arguments).decode()
        try:
            strict_json.parse(text)
        except strict_json.StrictJsonError as error:
            raise self.fault(
                tree, f"no reader of JSON takes these arguments: {error.message}", "bad-arguments"
            ) from error
        by = None if rule is None else self.key(rule)
        return ast.CallExpectation(
            tool.server, tool.tool, text, cast("Literal['allow', 'ask', 'forbid']", effect), by, None, span_of(tree)
        )

    def object(self, members: list[Branch]) -> dict[str, ast.Json]:
        found: dict[str, ast.Json] = {}
        for member in members:
            key, value = member.children
            name = self.key(key)
            if name in found:
                raise self.fault(cast(Token, key), f"{quoted(name)} is named twice", "named-twice")
            found[name] = self.json(cast(Branch, value))
        return found

    def json(self, tree: Branch) -> ast.Json:
        return self.deeper(self._json, tree)

    def _json(self, tree: Branch) -> ast.Json:
        if tree.data == "json_list":
            return [self.json(child) for child in trees(tree)]
        if tree.data == "json_object":
            return self.object(trees(tree))
        return self.scalar(cast(Token, tree.children[0]))


def _is_rule(node: Node) -> bool:
    return isinstance(node, Tree) and node.data in _EFFECTS


def _is_quoted(node: Node) -> bool:
    return isinstance(node, Token) and node.type == "STRING"


_EFFECTS: Final = {
    "allow": ast.Effect.ALLOW,
    "ask": ast.Effect.ASK,
    "forbid": ast.Effect.FORBID,
    "require_approval": ast.Effect.REQUIRE_APPROVAL,
}
_CLOSED: Final = (ast.Effect.ALLOW, ast.Effect.ASK)
_SCOPES: Final = 'as in `for tenant "t" agent "a" on behalf of user "u" role "r"`, each part optional'
