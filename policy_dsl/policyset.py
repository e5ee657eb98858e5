"""Files to one PolicySet: everything is collected, named, resolved and hashed.

What needs more than one statement is refused here, at the place of the use: names that nothing defines, that are
defined twice or in a circle, sets of the wrong kind. What the tools' schemas say is left to `check`.

`load` reads files; `policy_set` is the pure half.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from .ast import (
    LAYERS,
    CallExpectation,
    GroupDefinition,
    Otherwise,
    PolicyFile,
    PolicySet,
    Rule,
    ScopeBlock,
    SetDefinition,
    TestBlock,
    UseTools,
)
from .catalogue import EMPTY_CATALOGUE, Catalogue
from .errors import BundleError, PolicyError, quoted
from .format import canonical
from .json_schema import CatalogueError
from .parse import MAX_LENGTH, parse
from .resolve import Resolver, fault, unknown

MAX_BYTES: Final = 4 * MAX_LENGTH
"""Bytes of one policy file: UTF-8 takes at most four for a character."""

Definition = TypeVar("Definition", SetDefinition, GroupDefinition)


def load(paths: Sequence[str | Path], tools: Catalogue | None = None) -> PolicySet:
    """The policy of these files, with the tool lists that they use and `tools`, if the caller has some.

    A tool list is found from the folder of the file that uses it. Raises PolicyError: ParseError for a file that is no
    sentence of the language, BundleError for all else.
    """
    files = [parse(_read(Path(path)), str(path)) for path in paths]
    lists = [] if tools is None else [tools]
    lists += [
        _tools(file, statement) for file in files for statement in file.statements if isinstance(statement, UseTools)
    ]
    try:
        catalogue = Catalogue.merged(lists)
    except CatalogueError as error:
        raise BundleError(f"two tool lists contradict each other: {error.fault}", code="tool-lists") from error
    return policy_set(files, catalogue)


def policy_set(files: Sequence[PolicyFile], tools: Catalogue | None = None) -> PolicySet:
    """The policy of parsed files; `tools` is what their `use tools` lines name, which this pure half cannot read.

    Raises BundleError.
    """
    bundle = _Bundle(files, EMPTY_CATALOGUE if tools is None else tools)
    resolver = Resolver(bundle.sets, bundle.groups, bundle.named)
    for name in bundle.groups:  # one that no rule uses is held to the same
        resolver.group(name)
    rules = {id: _resolved(resolver, *bundle.rules[id]) for id in sorted(bundle.rules)}
    bundle.refuse_unknown_expectations()
    return PolicySet(
        files=tuple(bundle.files),
        rules=MappingProxyType(rules),
        sets=MappingProxyType({name: resolver.named_set(name) for name in sorted(bundle.sets)}),
        otherwise=MappingProxyType({LAYERS[0]: bundle.otherwise} if bundle.otherwise_at else {}),
        tests=tuple(test for _, test in bundle.tests),
        hash=_hash(bundle.files, rules, bundle.catalogue),
        catalogue=bundle.catalogue,
    )


def _resolved(resolver: Resolver, file: PolicyFile, rule: Rule) -> Rule:
    return replace(
        rule,
        tools=resolver.patterns(file, rule.tools),
        when=None if rule.when is None else resolver.condition(file, rule, rule.when),
        unless=None if rule.unless is None else resolver.condition(file, rule, rule.unless),
    )


def _hash(files: Sequence[PolicyFile], rules: Sequence[str] | dict[str, Rule], catalogue: Catalogue) -> str:
    """Equal for two policies exactly when they say the same in the same order, under the same ids, of the same tools.

    The ids are in it because an unnamed rule's id is its line, which the canonical text does not keep.
    """
    parts = [[Path(file.path).stem, canonical(file)] for file in files]
    text = json.dumps([parts, list(rules), catalogue.digest], ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror}", code="unreadable", path=str(path)) from error
    except ValueError as error:  # a NUL in the path
        raise BundleError("is no path", code="unreadable", path=str(path)) from error
    if len(data) > MAX_BYTES:
        raise BundleError(f"is larger than {MAX_BYTES} bytes", code="too-long", path=str(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BundleError(f"is not UTF-8, on line {line}", code="bad-utf8", path=str(path)) from error


def _tools(file: PolicyFile, use: UseTools) -> Catalogue:
    try:
        return Catalogue.read(Path(file.path).parent / use.path)
    except PolicyError as error:
        raise fault(file, use.span, f"{quoted(use.path)}: {error.message}", "tool-list", error.help) from error
    except ValueError as error:  # a NUL in the path
        raise fault(file, use.span, f"{quoted(use.path)} is no path", "tool-list") from error


class _Bundle:
    """What the files define together: by name, each with the file it stands in."""

    def __init__(self, files: Sequence[PolicyFile], catalogue: Catalogue) -> None:
        self.files = sorted(files, key=lambda file: Path(file.path).stem)
        self.catalogue = catalogue
        self.sets: dict[str, tuple[PolicyFile, SetDefinition]] = {}
        self.groups: dict[str, tuple[PolicyFile, GroupDefinition]] = {}
        self.rules: dict[str, tuple[PolicyFile, Rule]] = {}
        self.named: dict[str, tuple[PolicyFile, Rule]] = {}
        self.tests: list[tuple[PolicyFile, TestBlock]] = []
        self.otherwise: str | None = None
        self.otherwise_at: tuple[PolicyFile, Otherwise] | None = None
        self._refuse_equal_stems()
        for file in self.files:
            self._collect(file)

    def refuse_unknown_expectations(self) -> None:
        for file, test in self.tests:
            for step in test.steps:
                if isinstance(step, CallExpectation) and step.rule is not None and step.rule not in self.rules:
                    raise unknown(file, step.span, "rule", step.rule, self.rules)

    def _refuse_equal_stems(self) -> None:
        for first, second in zip(self.files, self.files[1:], strict=False):
            if Path(first.path).stem == Path(second.path).stem:
                raise BundleError(
                    f"two files of one name: {quoted(first.path)}",
                    code="same-stem",
                    path=second.path,
                    help="a rule's id begins with its file's name: rename one",
                )

    def _collect(self, file: PolicyFile) -> None:
        for statement in file.statements:
            match statement:
                case SetDefinition():
                    self._define(self.sets, "set", file, statement)
                case GroupDefinition():
                    self._define(self.groups, "group", file, statement)
                    if self.catalogue.named(statement.name):
                        raise fault(
                            file,
                            statement.span,
                            f"`{statement.name}` is both a group and a tool",
                            "group-and-tool",
                            "rename the group",
                        )
                case Otherwise():
                    self._set_otherwise(file, statement)
                case TestBlock():
                    self.tests.append((file, statement))
                case Rule() | ScopeBlock():
                    for rule in _rules(statement):
                        self._add_rule(file, rule)

    def _define(
        self, known: dict[str, tuple[PolicyFile, Definition]], what: str, file: PolicyFile, definition: Definition
    ) -> None:
        if definition.name in known:
            raise _twice(file, definition, f"the {what} `{definition.name}`", *known[definition.name])
        known[definition.name] = (file, definition)

    def _add_rule(self, file: PolicyFile, rule: Rule) -> None:
        id = rule.name or f"{Path(file.path).stem}:{rule.span.line}"
        if id in self.rules:
            if rule.name is not None:
                raise _twice(file, rule, f"the rule `{id}`", *self.rules[id])
            raise fault(
                file,
                rule.span,
                "two rules without a name begin on this line",
                "same-line",
                "an unnamed rule is known by its line: begin a new one, or give it a name with `as`",
            )
        self.rules[id] = (file, rule)
        if rule.name is not None:
            self.named[rule.name] = (file, rule)

    def _set_otherwise(self, file: PolicyFile, statement: Otherwise) -> None:
        if self.otherwise_at is not None:
            raise _twice(file, statement, "`otherwise`", *self.otherwise_at)
        self.otherwise_at = (file, statement)
        self.otherwise = statement.message


def _rules(statement: Rule | ScopeBlock) -> Iterator[Rule]:
    if isinstance(statement, Rule):
        yield statement
    else:
        for rule in statement.rules:
            yield replace(rule, scope=statement.scope)


def _twice(
    file: PolicyFile,
    second: SetDefinition | GroupDefinition | Rule | Otherwise,
    what: str,
    first_file: PolicyFile,
    first: SetDefinition | GroupDefinition | Rule | Otherwise,
) -> BundleError:
    return fault(
        file,
        second.span,
        f"{what} is defined twice",
        "defined-twice",
        f"first at {first_file.path}:{first.span.line}",
    )
