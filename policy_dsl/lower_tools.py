"""Parse tree to the words a rule begins with: which tools, with which arguments, and for whom."""

from __future__ import annotations

from typing import Final, cast

from lark import Token, Tree

from . import ast
from .ast import Span
from .errors import quoted
from .lower_leaves import Branch, LeafLowering, Node, span_of, trees

PARTIES: Final = ("tenant", "agent", "via", "user", "role")
"""The one order of the kinds in a scope; `on behalf of` stands before the first of the last two."""

Target = ast.ToolPattern | ast.GroupName | ast.IntentName


class ToolLowering(LeafLowering):
    """`groups` holds the names of the groups of this file: such a name without quotes is the group."""

    groups: frozenset[str] = frozenset()

    # --- tools ------------------------------------------------------------------------------------------------------

    def targets(self, tree: Branch) -> tuple[Target, ...]:
        """What a rule, an event, a limit or a clearance is about."""
        return tuple(self.target(child) for child in trees(tree))

    def target(self, tree: Branch) -> Target:
        if tree.data == "intent_name":
            return ast.IntentName(str(tree.children[0]), span_of(tree))
        return self.tool(tree)

    def tools(self, tree: Branch) -> tuple[ast.ToolPattern | ast.GroupName, ...]:
        return tuple(self.tool(child) for child in trees(tree))

    def one_tool(self, tree: Branch, what: str) -> ast.ToolPattern:
        """The one tool that `what`, a call or an intent, names."""
        tool = self.tool(tree)
        if isinstance(tool, ast.GroupName):
            tool = ast.ToolPattern(None, tool.name, span=tool.span)
        if "*" in tool.tool:
            raise self.fault(tool.span, f"{what} names one tool", "call-pattern", "leave the `*` out")
        return tool

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
                if behalf is not None or not names or "user" in names or "role" in names:
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
            if kind in ("user", "role") and behalf is None and names.keys() & {"tenant", "agent", "via"}:
                raise self.fault(party, f"`{kind}` after an agent needs `on behalf of`", "scope-order", _SCOPES)
            names[kind] = tuple(self.principal_name(cast(Token, name)) for name in party.children)
        if behalf is not None and "user" not in names and "role" not in names:
            raise self.fault(behalf, "`on behalf of` names a user or a role", "scope-order", _SCOPES)
        places = [span_of(party) for party in parties if party is not None]
        span = Span(places[0].start, places[-1].end, places[0].line, places[0].column)
        tenants, agents, via, users, roles = (names.get(kind, ()) for kind in PARTIES)
        return ast.Scope(tenants, agents, users, roles, via, span)

    def principal_name(self, token: Token) -> str:
        name = self.text(token)
        if not name:
            raise self.fault(token, "a name has at least one character", "empty-name")
        return name


def _is_quoted(node: Node) -> bool:
    return isinstance(node, Token) and node.type == "STRING"


_SCOPES: Final = 'as in `for tenant "t" agent "a" via "v" on behalf of user "u" role "r"`, each part optional'
