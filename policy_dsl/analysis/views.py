"""What a rule reads out of a text, as unknowns of their own: the domain of an address, the host of a URL, its folding.

A *view* is a function of the text of one node that z3 cannot compute. The solver chooses its outputs freely, which
loses no call (so `unsat` stays a proof). When it has chosen a text whose real outputs differ, the real ones are added
as a lemma for that text, and texts that would give the outputs it wanted are offered instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ..ast import TextOptions
from ..values import glob, host, mail, number, path, pattern, shell, text, web
from .solver import Formula, conjunction, implication, is_sayable, read_text, text_term, z3
from .tree import Node

Output = bool | str | Decimal
"""A value of a view: what is chosen for it is a z3 Boolean, String or Real."""


@dataclass(frozen=True, slots=True)
class View:
    """`outputs` are the solver's unknowns, `real` computes them, `offers` makes texts that would give those wanted."""

    node: Node
    outputs: tuple[Any, ...]
    real: Callable[[str], tuple[Output, ...]]
    offers: Callable[[Sequence[Output]], Iterator[str]]

    def wanted(self, model: Any) -> tuple[Output, ...]:
        return tuple(_read(model.eval(output, model_completion=True)) for output in self.outputs)

    def lemma(self, value: str) -> Formula:
        """What the outputs are where the node holds this text."""
        real = (output == _term(one) for output, one in zip(self.outputs, self.real(value), strict=True))
        return implication(self.node.text == text_term(value), conjunction(real))


def _read(value: Any) -> Output:
    if z3.is_string_value(value):
        return read_text(value)
    if z3.is_rational_value(value):
        return Decimal(value.numerator_as_long()) / Decimal(value.denominator_as_long())
    return bool(z3.is_true(value))


def _term(value: Output) -> Any:
    if isinstance(value, bool):
        return z3.BoolVal(value)
    return text_term(value) if isinstance(value, str) else z3.RealVal(f"{value:f}")


class Views:
    """The views of one tree, each made once."""

    def __init__(self) -> None:
        self.made: dict[str, View] = {}

    def fold(self, node: Node, options: TextOptions) -> Any:
        def real(value: str) -> tuple[Output, ...]:
            return (_sayable(text.fold(value, options.ignore_case, options.nfkc)),)

        def offers(wanted: Sequence[Output]) -> Iterator[str]:
            yield str(wanted[0])
            yield str(wanted[0]).upper()

        kind = f"folded {options.ignore_case} {options.nfkc}"
        return self._view(node, kind, (z3.StringSort(),), real, offers).outputs[0]

    def mail(self, node: Node) -> tuple[Any, Any]:
        """Whether the text is one bare address, and its domain."""

        def real(value: str) -> tuple[Output, ...]:
            found = mail.address_domain(value)
            return found is not None, found or ""

        def offers(wanted: Sequence[Output]) -> Iterator[str]:
            if wanted[0]:
                yield from (f"{local}@{domain}" for local in ("someone", "x") for domain in _hosts(wanted[1]))

        one, other = self._view(node, "mail", (z3.BoolSort(), z3.StringSort()), real, offers).outputs
        return one, other

    def web(self, node: Node) -> tuple[Any, Any]:
        """Whether the text is one plain https URL, and its host."""

        def real(value: str) -> tuple[Output, ...]:
            found = web.https_host(value)
            return found is not None, found or ""

        def offers(wanted: Sequence[Output]) -> Iterator[str]:
            if wanted[0]:
                yield from (f"https://{host}{rest}" for host in _hosts(wanted[1]) for rest in ("/", ""))

        one, other = self._view(node, "https", (z3.BoolSort(), z3.StringSort()), real, offers).outputs
        return one, other

    def plain_path(self, node: Node, offered: Sequence[str]) -> Any:
        """Whether the text is an absolute, plain path."""

        def real(value: str) -> tuple[Output, ...]:
            return (path.is_under(value, "/") and value != "/",)

        def offers(wanted: Sequence[Output]) -> Iterator[str]:
            for root in offered:
                yield f"{root.rstrip('/')}/x" if wanted[0] else f"{root.rstrip('/')}/../x"
                yield root

        return self._view(node, "plain path", (z3.BoolSort(),), real, offers).outputs[0]

    def program(self, node: Node) -> tuple[Any, Any]:
        """Whether the text is one simple command, and its program."""

        def real(value: str) -> tuple[Output, ...]:
            found = shell.program_of(value)
            return found is not None, found or ""

        def offers(wanted: Sequence[Output]) -> Iterator[str]:
            if wanted[0]:
                yield from (str(wanted[1]), f"{wanted[1]} x", "x")

        one, other = self._view(node, "program", (z3.BoolSort(), z3.StringSort()), real, offers).outputs
        return one, other

    def sayable(self, node: Node) -> Any:
        """Whether a user can have said the text at all: others are too short, or hold what nobody sees."""
        return self._flag(node, "said", lambda value: text.said_by_user(value, (value,)), ("what was said", "said"))

    def commands(self, node: Node) -> Any:
        """Whether the text is a list of simple commands whose programs can all be told."""
        return self._flag(node, "commands", lambda value: shell.programs_of(value) is not None, ("x",))

    def runs(self, node: Node, program: str) -> Any:
        """Whether such a list runs the program."""
        return self._flag(
            node, f"runs {program!r}", lambda value: program in (shell.programs_of(value) or ()), (program, "x")
        )

    def numeral(self, node: Node) -> tuple[Any, Any]:
        """Whether the text spells a number, and which."""

        def real(value: str) -> tuple[Output, ...]:
            found = number.read(value)
            return found is not None, Decimal(0 if found is None else found)

        def offers(wanted: Sequence[Output]) -> Iterator[str]:
            yield f"{wanted[1]:f}" if wanted[0] else "x"

        one, other = self._view(node, "numeral", (z3.BoolSort(), z3.RealSort()), real, offers).outputs
        return one, other

    def fits(self, node: Node, written: str, search: bool, offered: Sequence[str]) -> Any:
        """Whether a pattern that z3 cannot say fits the text."""
        compiled = pattern.compile(written)
        test = compiled.search if search else compiled.fullmatch
        return self._flag(node, f"{'contains' if search else 'matches'} {written!r}", test, offered)

    def like(self, node: Node, written: str, options: TextOptions, offered: Sequence[str]) -> Any:
        """Whether a glob fits the text, compared as `options` say."""
        test = glob.compile(written, options.ignore_case, options.nfkc)
        filled = written.replace("*", "").replace("?", "x")
        return self._flag(
            node,
            f"like {written!r} {options}",
            lambda value: test(text.fold(value, options.ignore_case, options.nfkc)),
            (filled, *offered),
        )

    def holds(self, node: Node, kind: str, part: str, options: TextOptions) -> Any:
        """A comparison with a text that z3 cannot hold: `is`, `starts with`, `ends with` or `contains`."""
        wanted = text.fold(part, options.ignore_case, options.nfkc)
        test = _COMPARISONS[kind]
        return self._flag(
            node,
            f"{kind} {part!r} {options}",
            lambda value: test(text.fold(value, options.ignore_case, options.nfkc), wanted),
            (),
        )

    def _flag(self, node: Node, kind: str, test: Callable[[str], bool], offered: Sequence[str]) -> Any:
        def offers(_: Sequence[Output]) -> Iterator[str]:
            yield from offered

        return self._view(node, kind, (z3.BoolSort(),), lambda value: (test(value),), offers).outputs[0]

    def _view(
        self,
        node: Node,
        kind: str,
        sorts: tuple[Any, ...],
        real: Callable[[str], tuple[Output, ...]],
        offers: Callable[[Sequence[Output]], Iterator[str]],
    ) -> View:
        name = f"{node.name} as {kind}"
        if name not in self.made:
            outputs = tuple(z3.Const(f"{name} {index}", sort) for index, sort in enumerate(sorts))
            self.made[name] = View(node, outputs, real, offers)
        return self.made[name]


def _hosts(wanted: Output) -> Iterator[str]:
    """Host names close to what the solver wants, in both cases; a domain that is no host name is of no use to it."""
    name = str(wanted)
    for one in (name, f"x{name}", "elsewhere.example"):
        if host.canonical(one) is not None:
            yield one
            yield one.upper()


def _sayable(value: str) -> str:
    """Folding can leave the characters that z3 is given; such a text is one that equals no written one."""
    return value if is_sayable(value) else "\x00not sayable"


_COMPARISONS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "is": str.__eq__,
    "starts with": str.startswith,
    "ends with": str.endswith,
    "contains": str.__contains__,
}
