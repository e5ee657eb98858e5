"""What the files define together: by name, each with the file it stands in. Nothing is defined twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from ..ast import (
    LAYERS,
    Clearance,
    CounterDefinition,
    GroupDefinition,
    Hide,
    IntentMap,
    LabelResults,
    Layer,
    Learnable,
    Levels,
    Limit,
    Macro,
    Otherwise,
    PolicyFile,
    RedactResults,
    Rewrite,
    Rule,
    ScopeBlock,
    SetDefinition,
    Span,
    Statement,
    TestBlock,
    TrustResults,
)
from ..catalogue import Catalogue
from ..errors import BundleError, quoted
from .faults import fault

T = TypeVar("T", covariant=True)
Sentence = Rule | Learnable | Limit | Clearance | Rewrite


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """A statement and the file it stands in."""

    file: PolicyFile
    node: T


Defined = Mapping[str, Written[T]]


class Collected:
    """`sentences` holds all that has an id: rules, learnables, limits, clearances and rewrites, scopes folded in. What
    is learned has no name that a condition could rest on, so it is not among `named`."""

    def __init__(self, files: Sequence[PolicyFile], catalogue: Catalogue) -> None:
        self.files = sorted(files, key=lambda file: Path(file.path).stem)
        self.catalogue = catalogue
        self.layers: dict[str, str] = {}
        self.sets: dict[str, Written[SetDefinition]] = {}
        self.groups: dict[str, Written[GroupDefinition]] = {}
        self.macros: dict[str, Written[Macro]] = {}
        self.counters: dict[str, Written[CounterDefinition]] = {}
        self.sentences: dict[str, Written[Sentence]] = {}
        self.named: dict[str, Written[Rule]] = {}
        self.intents: list[Written[IntentMap]] = []
        self.levels: Written[Levels] | None = None
        self.labels: list[Written[LabelResults]] = []
        self.trust: list[Written[TrustResults]] = []
        self.redactions: list[Written[RedactResults]] = []
        self.hidden: list[Written[Hide]] = []
        self.tests: list[Written[TestBlock]] = []
        self.otherwise: dict[str, Written[Otherwise]] = {}
        self._refuse_equal_stems()
        for file in self.files:
            self.layers[file.path] = _layer(file)
            for statement in file.statements:
                self._collect(file, statement)
        self._refuse_two_meanings()

    def layer(self, file: PolicyFile) -> str:
        return self.layers[file.path]

    def sentence(self, name: str) -> str | None:
        """What a name that no condition may use stands for, in a reader's words."""
        found = self.sentences.get(name)
        if found is None:
            return None
        return "learned rule" if isinstance(found.node, Rule) else _CALLED[type(found.node)]

    def _collect(self, file: PolicyFile, statement: Statement) -> None:
        match statement:
            case SetDefinition():
                _define(self.sets, "set", file, statement)
            case GroupDefinition():
                _define(self.groups, "group", file, statement)
                if self.catalogue.named(statement.name):
                    message = f"`{statement.name}` is both a group and a tool"
                    raise fault(file, statement.span, message, "group-and-tool", "rename the group")
            case Macro():
                _define(self.macros, "define", file, statement)
            case IntentMap():
                self.intents.append(Written(file, statement))
            case Levels():
                if self.levels is not None:
                    raise _twice(file, statement.span, "`levels`", self.levels)
                self.levels = Written(file, statement)
            case LabelResults():
                self.labels.append(Written(file, statement))
            case TrustResults():
                self.trust.append(Written(file, statement))
            case RedactResults():
                self.redactions.append(Written(file, statement))
            case Otherwise():
                first = self.otherwise.get(self.layer(file))
                if first is not None:
                    raise _twice(file, statement.span, "`otherwise`", first)
                self.otherwise[self.layer(file)] = Written(file, statement)
            case TestBlock():
                self.tests.append(Written(file, statement))
            case _:
                for scoped in _scoped(statement):
                    self._scoped(file, scoped)

    def _scoped(self, file: PolicyFile, statement: Any) -> None:
        match statement:
            case CounterDefinition():
                _define(self.counters, "counter", file, statement)
            case Hide():
                self.hidden.append(Written(file, statement))
            case Rule() | Learnable() | Limit() | Clearance() | Rewrite():
                self._add_sentence(file, statement)

    def _add_sentence(self, file: PolicyFile, sentence: Sentence) -> None:
        id = sentence.name or f"{Path(file.path).stem}:{sentence.span.line}"
        what = _CALLED[type(sentence)]
        if id in self.sentences:
            first = self.sentences[id]
            if sentence.name is None:
                same = type(first.node) is type(sentence)
                raise fault(
                    file,
                    sentence.span,
                    f"two {what}s without a name begin on this line"
                    if same
                    else f"a {what} without a name begins on the line of a {_CALLED[type(first.node)]}",
                    "same-line",
                    f"an unnamed {what} is known by its line: begin a new one, or give it a name with `as`",
                )
            if type(first.node) is not type(sentence):
                raise self._both(file, sentence.span, id, _CALLED[type(first.node)], what, first)
            raise _twice(file, sentence.span, f"the {what} `{id}`", first)
        self.sentences[id] = Written(file, sentence)
        if sentence.name is not None and isinstance(sentence, Rule) and sentence.learned is None:
            self.named[sentence.name] = Written(file, sentence)

    def _refuse_equal_stems(self) -> None:
        for first, second in zip(self.files, self.files[1:], strict=False):
            if Path(first.path).stem == Path(second.path).stem:
                raise BundleError(
                    f"two files of one name: {quoted(first.path)}",
                    code="same-stem",
                    path=second.path,
                    help="a rule's id begins with its file's name: rename one",
                )

    def _refuse_two_meanings(self) -> None:
        """A bare name in a condition is a rule's or a define's: never both."""
        for name, macro in self.macros.items():
            if name in self.sentences:
                first = self.sentences[name]
                raise self._both(macro.file, macro.node.span, name, _CALLED[type(first.node)], "define", first)

    @staticmethod
    def _both(file: PolicyFile, span: Span, name: str, one: str, other: str, first: Written[Sentence]) -> BundleError:
        return fault(
            file, span, f"`{name}` is both a {one} and a {other}", "two-meanings", f"first at {_at(first)}: rename one"
        )


def _layer(file: PolicyFile) -> str:
    found = [statement for statement in file.statements if isinstance(statement, Layer)]
    if len(found) > 1 or any(layer.name not in LAYERS for layer in found):
        # The parser refuses both; files can also be built by hand.
        known = ", ".join(f"`{name}`" for name in LAYERS)
        raise fault(file, found[-1].span, "a file is of one layer", "no-layer", f"from the top: {known}")
    return found[0].name if found else LAYERS[0]


def _scoped(statement: Statement) -> Iterator[object]:
    if isinstance(statement, ScopeBlock):
        for scoped in statement.rules:
            if isinstance(scoped, Learnable):
                yield replace(scoped, rule=replace(scoped.rule, scope=statement.scope))
            else:
                yield replace(scoped, scope=statement.scope)
    else:
        yield statement


Named = TypeVar("Named", SetDefinition, GroupDefinition, Macro, CounterDefinition)


def _define(known: dict[str, Written[Named]], what: str, file: PolicyFile, definition: Named) -> None:
    if definition.name in known:
        raise _twice(file, definition.span, f"the {what} `{definition.name}`", known[definition.name])
    known[definition.name] = Written(file, definition)


def _twice(file: PolicyFile, span: Span, what: str, first: Written[Any]) -> BundleError:
    return fault(file, span, f"{what} is defined twice", "defined-twice", f"first at {_at(first)}")


def _at(first: Written[Any]) -> str:
    return f"{first.file.path}:{first.node.span.line}"


_CALLED: Final[dict[type, str]] = {
    Rule: "rule",
    Learnable: "learnable",
    Limit: "limit",
    Clearance: "clearance",
    Rewrite: "rewrite",
}
