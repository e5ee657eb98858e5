"""Parse tree to the tests that a policy file holds."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, cast

from lark import Token, Tree

from . import ast, strict_json
from .errors import quoted
from .lower_leaves import Branch, Node, branch, span_of, trees
from .lower_session import SessionLowering


class TestLowering(SessionLowering):
    """`test` blocks: who acts, what has happened, and what is expected."""

    __test__ = False  # the name is the language's; pytest must not collect it

    def test(self, tree: Branch) -> ast.TestBlock:
        title, *rest = tree.children
        parties: list[Node] = []
        claims: dict[str, ast.Scalar] = {}
        at: str | None = None
        steps: list[ast.Step] = []
        for child in rest:
            match child.data if isinstance(child, Tree) else None:
                case "at_time":
                    at = self.moment(cast(Token, branch(tree, rest.index(child) + 1).children[-1]))
                case "test_claim":
                    self.test_claim(cast(Branch, child), claims)
                case "user_says" | "move_clock" | "given" | "given_label" | "call":
                    steps.append(self.test_step(cast(Branch, child)))
                case _ if child is not None:
                    parties.append(child)
        principal = self.scope(tree, parties) if parties else ast.EVERYONE
        for party in parties:
            if isinstance(party, Tree) and party.data not in ("role", "via") and len(party.children) > 1:
                raise self.fault(
                    party, f"a test acts as one {party.data}", "many-principals", "only `role` and `via` take several"
                )
        self.never_back(at, steps)
        return ast.TestBlock(self.text(title), principal, at, tuple(steps), tuple(claims.items()), span_of(tree))

    def test_claim(self, tree: Branch, claims: dict[str, ast.Scalar]) -> None:
        written, value = cast("tuple[Token, Branch]", tuple(tree.children))
        name = self.filled(written, "a claim")
        if name in claims:
            raise self.fault(written, f"{quoted(name)} is named twice", "named-twice")
        claims[name] = self.scalar(cast(Token, value.children[0]))

    def never_back(self, at: str | None, steps: list[ast.Step]) -> None:
        now = None if at is None else datetime.fromisoformat(at)
        for step in steps:
            if isinstance(step, ast.MoveClock):
                then = datetime.fromisoformat(step.at)
                if now is not None and then < now:
                    raise self.fault(step.span, "time does not go back", "bad-time", "put the earlier steps first")
                now = then

    # --- steps ------------------------------------------------------------------------------------------------------

    def test_step(self, tree: Branch) -> ast.Step:
        match tree.data:
            case "user_says":
                return ast.UserSays(self.text(tree.children[0]), span_of(tree))
            case "move_clock":
                return ast.MoveClock(self.moment(cast(Token, tree.children[-1])), span_of(tree))
            case "given":
                return self.given(tree)
            case "given_label":
                return ast.GivenLabel(self.label(branch(tree, 0)), span_of(tree))
            case _:
                return self.call(tree)

    def given(self, tree: Branch) -> ast.Given:
        word, target, written, *answer = cast("tuple[Token, Branch, Branch, *tuple[Branch, ...]]", tuple(tree.children))
        tool = self.one_tool(target, "a call")
        kind = ast.EventKind(str(word))
        result = None
        if answer:
            if kind not in _ANSWERED:
                raise self.fault(answer[0], f"a call that was {kind} has no result", "result-here", _GIVEN)
            result = self.json_text(self.json(branch(answer[0], 0)), answer[0], "this result")
        return ast.Given(kind, tool.server, tool.tool, self.arguments(written), result, span_of(tree))

    def call(self, tree: Branch) -> ast.CallExpectation:
        target, written, effect, *rest = cast("tuple[Branch, Branch, Token, *tuple[Branch, ...]]", tuple(tree.children))
        tool = self.one_tool(target, "a call")
        parts = {str(part.data): part for part in rest}
        by, rewritten = parts.get("by"), parts.get("rewritten")
        if rewritten is not None and effect != "allow":
            raise self.fault(rewritten, f"`{effect}` sends no call", "bad-arguments", "only `allow` has a `with`")
        return ast.CallExpectation(
            tool.server,
            tool.tool,
            self.arguments(written),
            cast("Literal['allow', 'ask', 'forbid']", str(effect)),
            None if by is None else self.key(by.children[0]),
            None if rewritten is None else self.arguments(branch(rewritten, 0)),
            span_of(tree),
        )

    def arguments(self, tree: Branch) -> str:
        """`(name: value, ...)` as strict JSON text."""
        return self.json_text(self.object(trees(tree)), tree, "these arguments")

    def json_text(self, value: ast.Json, tree: Branch, what: str) -> str:
        text = strict_json.encode(value).decode()
        try:
            strict_json.parse(text)
        except strict_json.StrictJsonError as error:
            raise self.fault(tree, f"no reader of JSON takes {what}: {error.message}", "bad-arguments") from error
        return text

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


_ANSWERED: Final = (ast.EventKind.SUCCEEDED, ast.EventKind.FAILED)
_GIVEN: Final = "only `given succeeded` and `given failed` take one"
