"""The layout of sentences with clauses: rules, limits, clearances, rewrites, counters, labels.

A sentence is a head and clauses. It stands on one line if it has at most one of the clauses after its head and fits;
else each clause has its own line, and a head that does not fit is broken too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from . import ast, spelling
from .format_conditions import WIDTH, ConditionLayout, Items
from .layout import INDENT

Scoped = ast.Rule | ast.Learnable | ast.Limit | ast.Rewrite | ast.Hide | ast.Clearance | ast.CounterDefinition


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a sentence that begins a line where the sentence is broken: `words`, a condition perhaps, `suffix`.
    `start` and `end` are its stretch of the source."""

    words: str
    start: int
    end: int
    condition: ast.Condition | None = None
    suffix: str = ""

    @property
    def flat(self) -> str:
        condition = "" if self.condition is None else spelling.condition(self.condition)
        return f"{self.words}{condition}{self.suffix}"


class RuleLayout(ConditionLayout):
    """Rules and what else may stand in a `for` block."""

    def scoped(self, node: Scoped, indent: int) -> None:
        first = len(self.lines)
        match node:
            case ast.Rule():
                self.rule(node, indent)
            case ast.Learnable(rule=rule):
                self.rule(rule, indent)
            case ast.Limit():
                self.limit(node, indent)
            case ast.CounterDefinition():
                self.counter(node, indent)
            case ast.Clearance():
                self.clearance(node, indent)
            case ast.Rewrite():
                self.rewrite(node, indent)
            case ast.Hide():
                self.listed("hide ", node.tools, "", indent, node.span)
        self.lines[first] = replace(self.lines[first], begins=True)

    # --- rules ------------------------------------------------------------------------------------------------------

    def rule(self, node: ast.Rule, indent: int) -> None:
        head_end = node.signature.span.end if node.signature is not None else node.tools[-1].span.end
        clauses = self.rule_clauses(node, head_end)
        parted = bool(clauses) and self.parted(head_end, clauses)
        head = self.flat_head(node)
        flat = " ".join([head, *(clause.flat for clause in clauses)])
        whole = len(clauses) <= 1 and indent + len(flat) <= WIDTH and not parted and not self.broken(node)
        if whole:
            self.line(indent, flat, node.span.start, node.span.end)
        else:
            self.head(node, indent, head, node.span.end if not clauses else head_end)
            self.phrases(clauses, indent + INDENT)

    def rule_clauses(self, node: ast.Rule, head_end: int) -> list[Phrase]:
        terms, validity, metadata = node.terms, node.validity, node.metadata
        said = {
            "message": _worded("message", node.message),
            "prompt": _worded("prompt", terms.prompt),
            "by": "" if not terms.by else f"by {spelling.party('role', terms.by)}",
            "valid": "" if terms.valid is None else f"valid {spelling.duration(terms.valid)}",
            "valid from": _valid(validity),
            "uses": "" if terms.uses is None else f"uses {spelling.number(terms.uses)}",
            "end": "end session" * node.ends_session,
            **_metadata(metadata),
            "evidence": "" if node.learned is None else f"evidence {spelling.learned_from(node.learned)}",
        }
        return self.clauses(head_end, node.span.end, (("when ", node.when), ("unless ", node.unless)), said)

    def broken(self, node: ast.Rule) -> bool:
        """Whether a comment between its parts keeps something in the rule from standing on one line."""
        return (
            self.tools_parted(node)
            or (node.signature is not None and self.items_parted(self.signature_items(node.signature)))
            or any(self.must_break(condition) for condition in (node.when, node.unless) if condition is not None)
        )

    def flat_head(self, node: ast.Rule) -> str:
        signature = "" if node.signature is None else spelling.signature(node.signature)
        return f"{_effect(node)} {spelling.tools(node.tools)}{signature}{_tail_of_head(node)}"

    def head(self, node: ast.Rule, indent: int, flat: str, end: int) -> None:
        signature = None if node.signature is None else self.signature_items(node.signature)
        too_wide = indent + len(flat) > WIDTH
        break_signature = signature is not None and (self.items_parted(signature) or (too_wide and signature.texts))
        words = f"{_effect(node)} {spelling.tools(node.tools)}"
        break_tools = self.tools_parted(node) or (
            len(node.tools) > 1 and too_wide and (not break_signature or indent + len(words) >= WIDTH)
        )
        start = node.span.start
        if break_tools:
            words = "}"
            self.lay_list(f"{_effect(node)} {{", indent, self.tool_items(node), None, start, end)
            start = self.tool_items(node).closing
        if signature is not None and break_signature:
            tail = f"){_tail_of_head(node)}"
            self.lay_list(f"{words}(", indent, signature, tail, start, end)
        else:
            spelled = "" if node.signature is None else spelling.signature(node.signature)
            self.line(indent, f"{words}{spelled}{_tail_of_head(node)}", start, end)

    def tool_items(self, node: ast.Rule) -> Items:
        places = [tool.span for tool in node.tools]
        return self.items(
            [spelling.tool(tool) for tool in node.tools],
            places,
            node.span.start,
            self.past_comments(places[-1].end, ","),
        )

    def tools_parted(self, node: ast.Rule) -> bool:
        return len(node.tools) > 1 and self.items_parted(self.tool_items(node))

    def signature_items(self, node: ast.Signature) -> Items:
        places = [argument.span for argument in node.arguments]
        if node.open:
            dots = max(node.span.start, node.span.end - 1 - len("..."))
            places.append(ast.Span(dots, node.span.end - 1, 0, 0))
        return self.items(spelling.signature_items(node), places, node.span.start, node.span.end - 1)

    # --- limits, clearances, rewrites -------------------------------------------------------------------------------

    def limit(self, node: ast.Limit, indent: int) -> None:
        shadow = "shadow " * node.shadow
        summed = "" if node.value is None else f"of {spelling.operand(node.value, ())} "
        counted = node.bound if node.value is None else node.value
        words = f"{shadow}limit {spelling.tools(node.tools)} to {spelling.operand(node.bound, ())} {summed}{node.kind}"
        head = [Phrase(words, node.span.start, counted.span.end), self.counted(node, counted.span.end)]
        if node.name is not None:
            head[-1] = replace(head[-1], suffix=f" as {node.name}")
        conditions, said = (("when ", node.when),), {"message": _worded("message", node.message)}
        self.sentence(head, self.clauses(head[-1].end, node.span.end, conditions, said), indent, node.span)

    def counter(self, node: ast.CounterDefinition, indent: int) -> None:
        measure = "count" if node.value is None else f"{node.measure}({spelling.operand(node.value, ())})"
        of = self.place_before("of", node.span.start, node.event.span.start)
        count = self.place_before("count", node.span.start, of) + len("count")
        end = count if node.value is None else node.value.span.end
        head = [Phrase(f"counter {node.name} = {measure}", node.span.start, end)]
        head.append(self.event_phrase("of ", node.event, of))
        head.append(self.counted(node, node.event.span.end))
        if node.since is not None:
            since = self.place_before("since", head[-1].start, node.since.span.start)
            head.append(self.event_phrase("since ", node.since, since))
        self.sentence(head, [], indent, node.span)

    def counted(self, node: ast.Limit | ast.CounterDefinition, at: int) -> Phrase:
        """`by to per agent each day in "UTC"`: whose events, and which; `at` ends what stands before."""
        by = f"by {spelling.operands(node.keys)} " if node.keys else ""
        window = "" if node.window is None else f" {spelling.window(node.window)}"
        if node.keys:
            start = self.place_before("by", at, node.keys[0].span.start)
        else:
            start = self.clause_place("per", at, node.span.end)
        return Phrase(f"{by}per {node.owner}{window}", start, start + 1)

    def clearance(self, node: ast.Clearance, indent: int) -> None:
        labels = [spelling.label(label) for label in node.labels]
        name = "" if node.name is None else f" as {node.name}"
        cleared = f"is {spelling.braced(labels) if labels else 'none'}{name}"
        tools = node.tools[-1].span.end
        start = node.labels[0].span.start if node.labels else tools
        end = node.labels[-1].span.end if node.labels else tools
        head = [
            Phrase(f"clearance of {spelling.tools(node.tools)}", node.span.start, tools),
            Phrase(cleared, start, end),
        ]
        clauses = self.clauses(end, node.span.end, (), {"message": _worded("message", node.message)})
        self.sentence(head, clauses, indent, node.span)

    def rewrite(self, node: ast.Rewrite, indent: int) -> None:
        words = f"{'shadow ' * node.shadow}rewrite {spelling.tools(node.tools)}"
        head = [Phrase(words, node.span.start, node.tools[-1].span.end)]
        head += [
            Phrase(spelling.change(change), change.span.start, change.span.end, suffix="," * (change is not last))
            for change, last in ((change, node.changes[-1]) for change in node.changes)
        ]
        if node.name is not None:
            start = self.past_comments(head[-1].end)
            head.append(Phrase(f"as {node.name}", start, start + 1))
        conditions = (("when ", node.when), ("unless ", node.unless))
        clauses = self.clauses(head[-1].end, node.span.end, conditions, _metadata(node.metadata))
        self.sentence(head, clauses, indent, node.span)

    # --- results ----------------------------------------------------------------------------------------------------

    def label_results(self, node: ast.LabelResults) -> None:
        words, suffix = f"label results of {spelling.tools(node.tools)}", f" as {spelling.label(node.label)}"
        head = Phrase(f"{words}{suffix}", node.span.start, node.label.span.end)
        if node.arguments is not None:
            head = Phrase(f"{words}(", node.span.start, node.label.span.end, node.arguments, f"){suffix}")
        clauses = self.clauses(node.label.span.end, node.span.end, (("when ", node.when),), {})
        self.sentence([head], clauses, 0, node.span)

    def listed(
        self,
        words: str,
        tools: Sequence[ast.ToolPattern | ast.GroupName],
        suffix: str,
        indent: int,
        span: ast.Span,
    ) -> None:
        """`hide a, b`: names behind words, in braces only where they are broken."""
        texts = [spelling.tool(tool) for tool in tools]
        flat = f"{words}{', '.join(texts)}{suffix}"
        closing = self.past_comments(tools[-1].span.end, ",")
        if self.source[closing : closing + 1] != "}" or closing >= span.end:
            closing = tools[-1].span.end
        items = self.items(texts, [tool.span for tool in tools], span.start, closing)
        if len(tools) == 1 or (indent + len(flat) <= WIDTH and not self.items_parted(items)):
            self.line(indent, flat, span.start, span.end)
        else:
            self.lay_list(f"{words}{{", indent, items, f"}}{suffix}", span.start, span.end)

    # --- sentences --------------------------------------------------------------------------------------------------

    def event_phrase(self, words: str, event: ast.Event, start: int) -> Phrase:
        if event.condition is None:
            return Phrase(f"{words}{spelling.happening(event)}", start, event.span.end)
        return Phrase(f"{words}{spelling.event_head(event)}(", start, event.span.end, event.condition, ")")

    def sentence(self, head: list[Phrase], clauses: list[Phrase], indent: int, span: ast.Span) -> None:
        parts = [*head, *clauses]
        flat = " ".join(part.flat for part in parts)
        broken = self.parted(head[0].end, parts[1:]) or any(
            part.condition is not None and self.must_break(part.condition) for part in parts
        )
        if len(clauses) <= 1 and not broken and indent + len(flat) <= WIDTH:
            self.line(indent, flat, span.start, span.end)
            return
        flat = " ".join(part.flat for part in head)
        whole = indent + len(flat) <= WIDTH and not self.parted(head[0].end, head[1:])
        if whole and not any(part.condition is not None and self.must_break(part.condition) for part in head):
            self.line(indent, flat, span.start, head[-1].end)
        else:
            self.phrase(head[0], indent)
            self.phrases(head[1:], indent + INDENT)
        self.phrases(clauses, indent + INDENT)

    def phrases(self, phrases: Sequence[Phrase], indent: int) -> None:
        for phrase in phrases:
            self.phrase(phrase, indent)

    def phrase(self, phrase: Phrase, indent: int) -> None:
        if phrase.condition is None:
            self.line(indent, phrase.flat, phrase.start, phrase.end)
        elif phrase.suffix:
            if indent + len(phrase.flat) <= WIDTH and not self.must_break(phrase.condition):
                self.line(indent, phrase.flat, phrase.start, phrase.end)
            else:
                self.lay_parenthesis(phrase.words, indent, phrase.condition, (), phrase.suffix[1:], phrase.start)
        else:
            self.lay(phrase.words, indent, phrase.condition, (), "", phrase.start)

    def parted(self, end: int, phrases: Sequence[Phrase]) -> bool:
        """Whether a comment stands between two of them, or before the first, which follows `end`."""
        ends = [end, *(phrase.end for phrase in phrases)]
        return any(self.comments.between(end, phrase.start) for end, phrase in zip(ends, phrases, strict=False))

    def clauses(
        self,
        head_end: int,
        end: int,
        conditions: Sequence[tuple[str, ast.Condition | None]],
        said: dict[str, str],
    ) -> list[Phrase]:
        """The clauses that are written, in their order. Where those of words alone begin, only the source knows."""
        found = [
            Phrase(word, condition.span.start, condition.span.end, condition)
            for word, condition in conditions
            if condition is not None
        ]
        at = found[-1].end if found else head_end
        words = [(word, text) for word, text in said.items() if text]
        for word, text in words:
            place = self.clause_place(word, at, end)
            if found and not found[-1].condition:
                found[-1] = replace(found[-1], end=found[-1].start + 1)
            found.append(Phrase(text, place, end))
            at = place + 1
        return found

    def place_before(self, word: str, start: int, end: int) -> int:
        """Where the last `word` before `end` begins."""
        words = [found.start() for found in _PLAIN.finditer(self.source, start, end) if found.group() == word]
        return words[-1] if words else end

    def clause_place(self, word: str, at: int, end: int) -> int:
        first, _, second = word.partition(" ")
        follows = r"(?:\s|#[^\n]*)+(?:from|until)\b" if second else r"(?:\s|#[^\n]*)+[0-9]" if first == "valid" else ""
        clause = re.compile(rf"{first}\b{follows}")
        for found in _WORDS.finditer(self.source, at, end):
            if clause.match(self.source, found.start()) and not found.group().startswith(("#", '"', "as")):
                return found.start()
        return max(at, end - 1)


def _worded(word: str, text: str | None) -> str:
    return "" if text is None else f"{word} {spelling.text(text)}"


def _metadata(node: ast.Metadata) -> dict[str, str]:
    return {word: _worded(word, getattr(node, word)) for word in ("owner", "ticket", "because")}


def _valid(node: ast.Validity) -> str:
    start = "" if node.start is None else f" from {spelling.text(node.start)}"
    end = "" if node.end is None else f" until {spelling.text(node.end)}"
    return f"valid{start}{end}" if start or end else ""


def _effect(node: ast.Rule) -> str:
    if node.origin == "learnable":
        return "learnable"
    return f"{'shadow ' * node.shadow}{'learned ' * (node.learned is not None)}{_HEADS[node.effect]}"


def _tail_of_head(node: ast.Rule) -> str:
    name = "" if node.name is None else f" as {node.name}"
    priority = "" if node.priority == 0 else f" priority {spelling.number(node.priority)}"
    subject = "" if node.subject is None else f" subject to {node.subject}"
    return f"{name}{priority}{subject}"


_HEADS: Final = {
    ast.Effect.ALLOW: "allow",
    ast.Effect.ASK: "ask",
    ast.Effect.FORBID: "forbid",
    ast.Effect.REQUIRE_APPROVAL: "require approval for",
}
_PLAIN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[A-Za-z0-9_-]+')
"""Texts, comments and words."""

_WORDS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|as(?:\s|#[^\n]*)+[A-Za-z0-9_-]+|[a-z]+')
"""Texts, comments, names that are given, and words."""
