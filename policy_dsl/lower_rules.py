"""Parse tree to what grants, withholds, limits, rewrites or hides: the clauses, and which sentence takes which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, cast

from lark import Token

from . import ast
from .lower_learned import LearnedLowering
from .lower_leaves import Branch, Node, branch, span_of, trees
from .words import LIMIT_PLACEHOLDERS, PLACEHOLDERS

Scoped = ast.Rule | ast.Learnable | ast.Limit | ast.Rewrite | ast.Hide | ast.Clearance | ast.CounterDefinition

CLAUSES: Final[Mapping[str, str]] = {
    "as_clause": "as",
    "priority_clause": "priority",
    "subject_clause": "subject to judge",
    "when_clause": "when",
    "unless_clause": "unless",
    "message_clause": "message",
    "prompt_clause": "prompt",
    "by_clause": "by role",
    "valid_clause": "valid",
    "from_clause": "valid from",
    "uses_clause": "uses",
    "end_clause": "end session",
    "owner_clause": "owner",
    "ticket_clause": "ticket",
    "because_clause": "because",
    "evidence_clause": "evidence",
}
"""What each clause begins with, in their one order."""

_METADATA: Final = ("owner", "ticket", "because")
_COMMON: Final = ("as", "priority", "when", "unless", "message", "valid from", *_METADATA, "evidence")
_GRANTING: Final = ("as", "priority", "subject to judge", *_COMMON[2:])
_ASKING: Final = ("prompt", "by role", "valid", "uses")

TAKES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "allow": ("allow", _GRANTING),
    "ask": ("ask", (*_GRANTING, *_ASKING)),
    "forbid": ("forbid", (*_COMMON, "end session")),
    "require_approval": ("require approval for", (*_COMMON, *_ASKING)),
    "learnable": ("learnable", ("as", "when", "unless", "valid from", *_METADATA)),
    "limit": ("limit", ("as", "when", "message")),
    "clearance": ("clearance", ("as", "message")),
    "rewrite": ("rewrite", ("as", "when", "unless", *_METADATA)),
    "label_results": ("label", ("when",)),
}
"""How each sentence begins, and the clauses it takes."""


class Clauses:
    """The clauses of one sentence, by the word that each begins with."""

    def __init__(self, found: Mapping[str, Branch]) -> None:
        self._found = found

    def branch(self, word: str) -> Branch | None:
        return self._found.get(word)

    def token(self, word: str) -> Token | None:
        """What the clause says, where that is one word, number or text."""
        found = self._found.get(word)
        return None if found is None else cast(Token, found.children[0])


class RuleLowering(LearnedLowering):
    """Rules, limits, clearances, rewrites and what is hidden."""

    def rule(self, tree: Branch) -> ast.Rule:
        effect = _EFFECTS[str(tree.data)]
        tools, *rest = trees(tree)
        signature = self.signature(rest.pop(0)) if effect in _CLOSED else None
        clauses = self.clauses(tree, rest)
        priority, message = clauses.token("priority"), clauses.token("message")
        learned = self.learned(tree, effect, clauses.branch("evidence"))
        if learned is not None and effect is ast.Effect.ALLOW:
            self.refuse_own_terms(signature, priority, clauses.branch("subject to judge"))
        return ast.Rule(
            effect=effect,
            tools=self.targets(tools),
            signature=signature,
            when=self.clause_condition(clauses, "when"),
            unless=self.clause_condition(clauses, "unless"),
            name=self.clause_name(clauses, "rule"),
            priority=0 if priority is None else self.whole(priority),
            message=None if message is None else self.template(message, PLACEHOLDERS),
            terms=self.terms(clauses, signature),
            validity=self.validity(clauses.branch("valid from")),
            ends_session=clauses.branch("end session") is not None,
            shadow=_is_shadow(tree),
            metadata=self.metadata(clauses),
            origin="learnable" if tree.data == "learnable" else "written",
            learned=learned,
            subject=_subject(clauses.branch("subject to judge")),
            span=span_of(tree),
        )

    def learnable(self, tree: Branch) -> ast.Learnable:
        return ast.Learnable(self.rule(tree), span_of(tree))

    def limit(self, tree: Branch) -> ast.Limit:
        targets, bound, *rest = trees(tree)
        kind = next(child for child in tree.children if isinstance(child, Token) and child.type == "EVENT")
        parts = {str(part.data): part for part in rest if str(part.data) not in CLAUSES}
        clauses = self.clauses(tree, [part for part in rest if str(part.data) in CLAUSES])
        value, message = parts.get("limit_of"), clauses.token("message")
        owner, window = self.owned(parts, tree)
        return ast.Limit(
            tools=self.targets(targets),
            bound=self.operand(bound),
            value=None if value is None else self.operand(branch(value, 0)),
            kind=ast.EventKind(str(kind)),
            keys=self.keys(parts.get("keys")),
            owner=owner,
            window=window,
            when=self.clause_condition(clauses, "when"),
            name=self.clause_name(clauses, "limit"),
            message=None if message is None else self.template(message, LIMIT_PLACEHOLDERS),
            shadow=_is_shadow(tree),
            span=span_of(tree),
        )

    def clearance(self, tree: Branch) -> ast.Clearance:
        targets, *rest = trees(tree)
        labels = rest.pop(0) if rest and rest[0].data == "labels" else None
        clauses = self.clauses(tree, rest)
        message = clauses.token("message")
        return ast.Clearance(
            self.targets(targets),
            () if labels is None else self.labels(labels),
            self.clause_name(clauses, "clearance"),
            None if message is None else self.template(message, PLACEHOLDERS),
            span=span_of(tree),
        )

    def rewrite(self, tree: Branch) -> ast.Rewrite:
        tools, *rest = trees(tree)
        changes = [part for part in rest if str(part.data) in _CHANGES]
        clauses = self.clauses(tree, rest[len(changes) :])
        return ast.Rewrite(
            self.tools(tools),
            tuple(self.change(change) for change in changes),
            self.clause_condition(clauses, "when"),
            self.clause_condition(clauses, "unless"),
            self.clause_name(clauses, "rewrite"),
            _is_shadow(tree),
            metadata=self.metadata(clauses),
            span=span_of(tree),
        )

    def change(self, tree: Branch) -> ast.Change:
        target = branch(tree, 0)
        path = self.argument(target).path
        if any(isinstance(step, int) for step in path):
            raise self.fault(target, "a rewrite names members, not positions", "bad-position", "write the whole list")
        match tree.data:
            case "set_argument":
                return ast.SetArgument(path, self.operand(branch(tree, 1)), span_of(tree))
            case "remove_argument":
                return ast.RemoveArgument(path, span_of(tree))
            case _:
                pattern, replacement = cast("tuple[Token, Token]", tuple(tree.children[1:]))
                return ast.RedactArgument(path, self.redaction(pattern), self.text(replacement), span_of(tree))

    def hide(self, tree: Branch) -> ast.Hide:
        return ast.Hide(self.tools(branch(tree, 0)), span=span_of(tree))

    # --- clauses ----------------------------------------------------------------------------------------------------

    def clauses(self, sentence: Branch, written: list[Branch]) -> Clauses:
        begins, takes = TAKES[str(sentence.data)]
        order = list(CLAUSES)
        here = [word for kind, word in CLAUSES.items() if any(tree.data == kind for tree in written)]
        found: dict[str, Branch] = {}
        for tree in written:
            kind = str(tree.data)
            word = CLAUSES[kind]
            if word not in takes:
                raise self.fault(
                    self.first_word(tree),
                    f"`{begins}` takes no `{word}`",
                    "clause-here",
                    _ONLY.get(word) or f"it takes {_listed([one for one in takes if one != 'evidence'])}",
                )
            if word in found:
                raise self.fault(
                    self.first_word(tree),
                    f"`{word}` is written twice in one rule",
                    "clause-twice",
                    "join two conditions with `and`" if word in ("when", "unless") else f"keep one `{word}`",
                )
            late = next((CLAUSES[other] for other in order[order.index(kind) :] if CLAUSES[other] in found), None)
            if late is not None:
                raise self.fault(
                    self.first_word(tree),
                    f"`{word}` stands before `{late}`, not after it",
                    "clause-order",
                    f"the clauses of a rule have one order, here {', '.join(f'`{word}`' for word in here)}",
                )
            found[word] = tree
        return Clauses(found)

    def clause_condition(self, clauses: Clauses, word: str) -> ast.Condition | None:
        tree = clauses.branch(word)
        return None if tree is None else self.condition(branch(tree, 0))

    def clause_name(self, clauses: Clauses, what: str) -> str | None:
        token = clauses.token("as")
        return None if token is None else self.definable(token, what)

    def terms(self, clauses: Clauses, signature: ast.Signature | None) -> ast.Terms:
        prompt, by = clauses.token("prompt"), clauses.branch("by role")
        valid, uses = clauses.branch("valid"), clauses.token("uses")
        if prompt is None and by is None and valid is None and uses is None:
            return ast.UNCONDITIONAL
        known = None  # an open rule has whatever a call carries
        if signature is not None and not signature.open:
            known = PLACEHOLDERS | {argument.name for argument in signature.arguments}
        return ast.Terms(
            None if prompt is None else self.template(prompt, known),
            None if valid is None else self.duration(branch(valid, 0)),
            None if uses is None else self.counted(uses, "the number of uses"),
            () if by is None else tuple(self.principal_name(cast(Token, name)) for name in by.children),
        )

    def validity(self, tree: Branch | None) -> ast.Validity:
        if tree is None:
            return ast.ALWAYS
        moments = {str(part.data): cast(Token, part.children[0]) for part in trees(tree)}
        start, end = (moments.get(part) for part in ("valid_from", "valid_until"))
        begins, ends = (None if token is None else self.moment(token) for token in (start, end))
        if begins is not None and ends is not None and _when(begins) >= _when(ends):
            raise self.fault(cast(Token, end), "it ends before it begins", "empty-time", "`from` is the earlier one")
        return ast.Validity(begins, ends)

    def metadata(self, clauses: Clauses) -> ast.Metadata:
        written = [clauses.token(word) for word in _METADATA]
        if not any(token is not None for token in written):
            return ast.UNSIGNED
        return ast.Metadata(*(None if token is None else self.text(token) for token in written))

    # --- what counts ------------------------------------------------------------------------------------------------

    def keys(self, tree: Branch | None) -> tuple[ast.Operand, ...]:
        return () if tree is None else tuple(self.operand(child) for child in trees(tree))

    def owned(self, parts: Mapping[str, Branch], tree: Branch) -> tuple[ast.Owner, ast.Window | None]:
        """Whose events are counted together, and which of them still count."""
        owner = cast(ast.Owner, str(parts["owner"].children[0]))
        window = next((self.window(parts[kind]) for kind in ("calendar", "sliding", "ever") if kind in parts), None)
        if window is None and owner != "session":
            raise self.fault(
                parts["owner"],
                f"a count per {owner} outlives the session: it says how long it counts",
                "no-window",
                'write `each day in "UTC"`, `within 7 days` or `ever` behind it',
            )
        return owner, window

    def window(self, tree: Branch) -> ast.Window:
        match tree.data:
            case "calendar":
                unit, zone = cast("tuple[Token, Token]", tuple(tree.children[-2:]))
                return ast.Calendar(
                    cast("Literal['hour', 'day', 'week', 'month', 'year']", str(unit)),
                    self.filled(zone, "a zone"),
                    span_of(tree),
                )
            case "sliding":
                return ast.Sliding(self.duration(branch(tree, 0)), span_of(tree))
            case _:
                return ast.Ever(span_of(tree))


def _is_shadow(tree: Branch) -> bool:
    first: Node = tree.children[0]
    return isinstance(first, Token) and first.type == "SHADOW"


def _subject(clause: Branch | None) -> ast.Subject | None:
    if clause is None:
        return None
    return "judge, learnable" if clause.children else "judge"


def _when(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def _listed(words: Sequence[str]) -> str:
    said = [f"`{word}`" for word in words]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


_EFFECTS: Final = {
    "allow": ast.Effect.ALLOW,
    "learnable": ast.Effect.ALLOW,
    "ask": ast.Effect.ASK,
    "forbid": ast.Effect.FORBID,
    "require_approval": ast.Effect.REQUIRE_APPROVAL,
}
_CLOSED: Final = (ast.Effect.ALLOW, ast.Effect.ASK)
_CHANGES: Final = ("set_argument", "remove_argument", "redact_argument")
_ONLY: Final[Mapping[str, str]] = {
    "subject to judge": "a judge is asked only about what is granted: `allow` and `ask` take it",
    "prompt": "only `ask` and `require approval for` ask a person",
    "by role": "only `ask` and `require approval for` are answered by somebody",
    "valid": "only what a person grants runs out: `ask` and `require approval for` take it",
    "uses": "only what a person grants is used up: `ask` and `require approval for` take it",
    "end session": "only `forbid` ends a session",
    "evidence": "only a learned rule rests on evidence",
}
