"""From restrictions to a policy file: built as a tree, printed by the formatter, so that no word of a user or a model
can become a word of the language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy_dsl import Catalogue, PolicyFile, Tool, ast, format, types

from .restrictions import Allowed, Proposal, Restriction

PATH = "draft.lw"
"""What a draft is called. Its rules have no names, so their ids are `draft:<line>`."""

LAYER = "run"

LONGEST_REASON = 200
"""Characters of the user's words in a `because`: enough to find the place in the request."""

_MESSAGES = {
    "no tool": "The user's request does not call for this tool.",
    "values": "The user's request names another value.",
    "at most": "The user's request speaks of fewer calls.",
    "ask": "A person looks at this first.",
}


def written(proposal: Proposal, catalogue: Catalogue) -> str:
    """The text of the draft, in the formatter's layout. Every tool and argument named must be in the catalogue."""
    statements: list[ast.Statement] = [ast.Layer(LAYER)]
    for restriction in proposal.restrictions:
        statements.extend(_statements(restriction, catalogue))
    return format(PolicyFile(PATH, 1, tuple(statements), source=""))


def _statements(restriction: Restriction, catalogue: Catalogue) -> Iterator[ast.Rule | ast.Limit]:
    tools = tuple(_pattern(tool) for tool in restriction.tools)
    message = _MESSAGES[restriction.kind]
    because = ast.Metadata(because=f"the user: {_shortened(restriction.provenance)}")
    if restriction.kind == "at most":
        yield ast.Limit(
            tools,
            ast.Literal(restriction.times),
            None,
            ast.EventKind.RELEASED,
            (),
            "session",
            None,
            message=message,
        )
    elif restriction.kind == "ask":
        yield ast.Rule(ast.Effect.REQUIRE_APPROVAL, tools, None, None, None, message=message, metadata=because)
    elif restriction.allowed is None:
        yield ast.Rule(ast.Effect.FORBID, tools, None, None, None, message=message, metadata=because)
    else:
        for name, pattern in zip(restriction.tools, tools, strict=True):
            tool = _tool(catalogue, name)
            test = _test(restriction.allowed, tool)
            yield ast.Rule(ast.Effect.FORBID, (pattern,), None, None, test, message=message, metadata=because)


def _test(allowed: Allowed, tool: Tool) -> ast.Condition:
    """What lets the value pass. Absent and empty hold no value, so there is nothing to restrict."""
    member = tool.parameters.members[allowed.argument]
    argument = ast.Argument((allowed.argument,))
    options = member.type.options if isinstance(member.type, types.Union) else (member.type,)
    alternatives: list[ast.Condition] = []
    if not member.required or any(isinstance(option, types.Null) for option in options):
        alternatives.append(ast.Presence("missing", argument))
    if any(isinstance(option, types.ListOf) for option in options):
        alternatives.append(ast.Compare("==", ast.LengthOf(argument), ast.Literal(0)))
        alternatives.append(ast.Quantified("each", argument, "it", _one(allowed, ast.Element("it"))))
    else:
        alternatives.append(_one(allowed, argument))
    return alternatives[0] if len(alternatives) == 1 else ast.Or(tuple(alternatives))


def _one(allowed: Allowed, operand: ast.Argument | ast.Element) -> ast.Condition:
    if allowed.days:
        return ast.Matches(operand, rf"\d{{4}}-({'|'.join(allowed.days)}).*")
    if allowed.hosts:
        hosts = "|".join(re.escape(host) for host in allowed.hosts)
        return ast.Matches(operand, rf"(https?://)?({hosts})(/[A-Za-z0-9/_.-]*)?")
    if allowed.least is not None:
        return ast.Compare(">=", operand, ast.Literal(allowed.least))
    if allowed.most is not None:
        return ast.Compare("<=", operand, ast.Literal(allowed.most))
    ignoring = ast.TextOptions(ignore_case=any(isinstance(value, str) for value in allowed.values))
    return ast.Member(operand, ast.SetLiteral(allowed.values), ignoring)


def _pattern(identity: str) -> ast.ToolPattern:
    server, slash, tool = identity.rpartition("/")
    return ast.ToolPattern(server if slash else None, tool, quoted=True)


def _tool(catalogue: Catalogue, identity: str) -> Tool:
    server, slash, name = identity.rpartition("/")
    tool = catalogue.get(server if slash else None, name)
    if tool is None:
        raise LookupError(identity)
    return tool


def _shortened(words: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."
