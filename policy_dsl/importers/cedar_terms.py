"""What Cedar's values are here: parts of the context are arguments, tags and attributes of the principal are claims."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from ..ast import Argument, Claim, Operand, PrincipalPart, Scalar, Span
from ..ast import Literal as Value
from ..errors import quoted
from .cedar_reading import Entity, Expr
from .refusal import ImportRefused

Root = Literal["context.input", "context"]
"""Where a request carries the arguments of the call."""

Part = Literal["user", "agent", "tenant", "role"]

_PARTS: Final[tuple[tuple[Part, tuple[str, ...]], ...]] = (
    ("role", ("group", "role", "team")),
    ("user", ("user", "iamentity", "person", "employee")),
    ("agent", ("agent", "client", "workload", "service", "application")),
    ("tenant", ("tenant", "organization", "organisation", "account")),
)
"""By the last word of an entity's type, whatever its case: what such an entity is here."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Reads operands; `path` and `source` are for refusals."""

    source: str
    path: str
    root: Root

    def refused(self, span: Span, fault: str, help: str | None = None) -> ImportRefused:
        return ImportRefused(fault, path=self.path, span=span, source=self.source, help=help)

    def part(self, type: str, span: Span) -> Part:
        """What an entity of this type is here."""
        last = type.rpartition("::")[2].lower().replace("_", "")
        for part, endings in _PARTS:
            if last.endswith(endings):
                return part
        raise self.refused(
            span,
            f"nothing says what a {quoted(type)} is here",
            "types whose names end in User, Agent, Group, Role, Team or Tenant are known",
        )

    def operand(self, expr: Expr) -> Operand:
        """A value: an argument, a claim, a part of the principal, or what is written."""
        found = self.written(expr)
        if found is not None:
            return Value(found)
        if expr.kind in ("attribute", "index", "call", "context_variable"):
            return self.place(expr)
        raise self.refused(expr.span, f"{self.shown(expr)} is no value that a condition here can look at")

    def written(self, expr: Expr) -> Scalar:
        """The value that is written out; None where it is none."""
        if expr.kind == "literal":
            return expr.value
        if expr.kind == "minus":
            number = self.written(expr.parts[0])
            if isinstance(number, int) and not isinstance(number, bool):
                return -number
        if expr.kind == "function" and expr.words == ("decimal",) and len(expr.parts) == 1:
            text = expr.parts[0].value
            try:
                return Decimal(text) if isinstance(text, str) else None
            except InvalidOperation:
                raise self.refused(expr.span, f"{self.shown(expr)} is no decimal") from None
        return None

    def place(self, expr: Expr) -> Argument | Claim | PrincipalPart:
        """`context.input.a.b`, `principal.getTag("t")`, `principal.id`."""
        steps: list[str] = []
        at = expr
        while at.kind in ("attribute", "index"):
            steps.insert(0, at.words[0])
            at = at.parts[0]
        if at.kind == "call" and at.words[0] == "getTag" and at.parts[0].kind == "principal_variable" and not steps:
            return Claim(self.tag(at))
        if at.kind == "principal_variable":
            if steps == ["id"]:
                return PrincipalPart("user")
            if len(steps) == 1:
                return Claim(steps[0])
            raise self.refused(expr.span, f"{self.shown(expr)}: claims have no members here")
        if at.kind == "context_variable":
            return self.argument(expr, steps)
        raise self.refused(expr.span, f"{self.shown(expr)} is nothing that a condition here can look at")

    def argument(self, expr: Expr, steps: list[str]) -> Argument:
        below = self.root.split(".")[1:]
        if steps[: len(below)] != below:
            help = "with `--arguments context` the members of the context are the arguments of the call"
            raise self.refused(expr.span, f"{self.shown(expr)} is no argument of the call", help)
        if len(steps) == len(below):
            raise self.refused(expr.span, f"{self.shown(expr)} is all arguments at once", "name one of them")
        return Argument(tuple(steps[len(below) :]))

    def is_root(self, expr: Expr) -> bool:
        """Whether it is what carries the arguments."""
        return self.shown(expr, quote=False) == self.root

    def tag(self, call: Expr) -> str:
        if len(call.parts) == 2 and call.parts[1].kind == "literal" and isinstance(call.parts[1].value, str):
            return call.parts[1].value
        raise self.refused(call.span, "the name of a tag is written out")

    def entity(self, expr: Expr) -> Entity:
        if expr.kind != "entity":
            raise self.refused(expr.span, f"{self.shown(expr)} is no entity")
        return Entity(expr.words[0], expr.words[1], expr.span)

    def shown(self, expr: Expr, *, quote: bool = True) -> str:
        text = self.source[expr.span.start : expr.span.end]
        return quoted(text) if quote else text
