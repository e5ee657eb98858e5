"""What a condition comes to for one call, test by test and operand by operand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import cast

from ..ast import (
    And,
    Compare,
    Condition,
    Constant,
    DerivedFrom,
    FromResults,
    FromSource,
    FromUser,
    Happened,
    HasRole,
    Holds,
    IfThen,
    IsType,
    Json,
    JsonType,
    Like,
    MacroUse,
    MailSet,
    Matches,
    Member,
    MultipleOf,
    Not,
    Operand,
    Or,
    Presence,
    Quantified,
    RangeSet,
    Rule,
    RuleRef,
    Runs,
    Scalar,
    Seen,
    SessionExceeds,
    SessionHas,
    SetLiteral,
    SetName,
    TextOptions,
    TimeBetween,
    TimeWithin,
    Under,
    ValueSet,
    WebSet,
)
from ..values import glob, host, mail, number, path, pattern, shell, text, web
from .context import between, exceeds, has_label, told, within
from .found import Found, folded, is_json, is_written_null, kind_of, of_type, same, wrong
from .kleene import Fault, Truth, both, either, negated
from .operands import Operands


@dataclass(frozen=True, slots=True)
class Evaluator(Operands):
    """What conditions come to; `sets` and `levels` are the policy's."""

    sets: Mapping[str, ValueSet] = field(default_factory=dict)
    levels: tuple[str, ...] = ()

    def of_rule(self, rule: Rule) -> Truth:
        when = True if rule.when is None else self.truth(rule.when)
        unless = False if rule.unless is None else self.truth(rule.unless)
        return both((when, negated(unless)))

    def truth(self, condition: Condition) -> Truth:
        match condition:
            case And(items):
                return both([self.truth(item) for item in items])
            case Or(items):
                return either([self.truth(item) for item in items])
            case Not(item):
                return negated(self.truth(item))
            case Constant(value):
                return value
            case Compare():
                return self._compare(condition)
            case Member():
                return self._member(condition)
            case Holds():
                return self._holds(condition)
            case IfThen(test, then, otherwise):
                tested, consequence = self.truth(test), self.truth(then)
                alternative = True if otherwise is None else self.truth(otherwise)
                return both((either((negated(tested), consequence)), either((tested, alternative))))
            case Matches(operand, written, search):
                compiled = pattern.compile(written)
                return self._of_text(operand, compiled.search if search else compiled.fullmatch)
            case Like(operand, written, options):
                like = glob.compile(written, options.ignore_case, options.nfkc)
                return self._of_text(operand, lambda value: like(folded(value, options)))
            case MultipleOf(operand, step):
                found = self.typed(operand, JsonType.NUMBER)
                return found if isinstance(found, Fault) else number.is_multiple(cast(Decimal, found.value), step)
            case Under(operand, roots):
                return self._of_text(
                    operand, lambda value: any(path.is_under(value, root) for root in self._texts(roots))
                )
            case Runs("one of", operand, programs):
                return self._of_text(operand, lambda value: shell.program_of(value) in self._texts(programs))
            case Runs(_, operand, programs):
                return self._of_text(operand, lambda value: self._runs_none(value, self._texts(programs)))
            case IsType(operand, wanted):
                return self._is_type(operand, wanted)
            case Presence():
                return self._presence(condition)
            case Quantified():
                return self._quantified(condition)
            case FromUser(operand):
                return self._from_user(operand)
            case HasRole(role):
                return role in self.facts.roles
            case TimeBetween():
                return between(condition, self.facts.now)
            case TimeWithin(start, end):
                return within(start, end, self.facts.now)
            case SessionHas(label):
                return has_label(self.facts.history.labels, label, self.levels)
            case SessionExceeds(clearance):
                return exceeds(self.facts.history.labels, clearance, self.levels)
            case Seen(tracker, keys):
                values = self.keys(keys)
                if isinstance(values, Fault):
                    return values
                return told(self.facts.history.seen(tracker, values, self.facts.now))
            case FromSource():
                return self._from_source(condition)
            case Happened() | FromResults() | DerivedFrom() | RuleRef() | MacroUse():
                raise AssertionError(f"a PolicySet has no {type(condition).__name__}: {condition}")

    def _of_text(self, operand: Operand, test: Callable[[str], bool]) -> Truth:
        found = self.typed(operand, JsonType.TEXT)
        return found if isinstance(found, Fault) else test(cast(str, found.value))

    @staticmethod
    def _runs_none(value: str, programs: frozenset[str]) -> bool:
        running = shell.programs_of(value)
        return running is not None and not any(program in programs for program in running)

    def _is_type(self, operand: Operand, wanted: JsonType) -> Truth:
        found = self.value(operand)
        if isinstance(found, Fault):
            return found
        kind = kind_of(found.value)
        if kind is None:
            return Fault("wrong-type", found.place)
        return number.is_integer(found.value) if wanted is JsonType.INTEGER else kind is wanted

    def _presence(self, condition: Presence) -> Truth:
        found = self.value(condition.operand)
        match condition.kind:
            case "absent":
                return isinstance(found, Fault)
            case "missing":
                return isinstance(found, Fault) or found.value is None
            case "has":
                return not isinstance(found, Fault) and found.value is not None

    def _quantified(self, condition: Quantified) -> Truth:
        source = self.typed(condition.source, JsonType.LIST)
        if isinstance(source, Fault):
            return source
        items = cast("list[Json]", source.value)
        if not items and condition.kind == "each":
            return Fault("empty-list", source.place)
        parts = [
            self._with(condition.name, Found(item, f"{source.place}[{index}]")).truth(condition.body)
            for index, item in enumerate(items)
        ]
        return both(parts) if condition.kind == "each" else either(parts)

    def _with(self, name: str, element: Found) -> Evaluator:
        return replace(self, elements={**self.elements, name: element})

    def _from_user(self, operand: Operand) -> Truth:
        found = self.value(operand)
        if isinstance(found, Fault):
            return found
        if kind_of(found.value) not in (JsonType.TEXT, JsonType.NUMBER):
            return wrong(found)
        return text.said_by_user(cast(str, found.value), self.facts.user_words)

    def _from_source(self, condition: FromSource) -> Truth:
        found = self.value(condition.operand)
        if isinstance(found, Fault):
            return found
        if kind_of(found.value) not in (JsonType.TEXT, JsonType.NUMBER):
            return wrong(found)
        history = self.facts.history
        stands = history.derived if condition.loosely else history.in_results
        return told(stands(found.value, condition.source))

    # --- comparisons ------------------------------------------------------------------------------------------------

    def _compare(self, condition: Compare) -> Truth:
        if condition.op in ("==", "!="):
            equal = self._equal(condition.left, condition.right, condition.text)
            return equal if condition.op == "==" else negated(equal)
        left = self.typed(condition.left, JsonType.NUMBER)
        right = self.typed(condition.right, JsonType.NUMBER)
        if isinstance(left, Fault):
            return left
        if isinstance(right, Fault):
            return right
        low, high = cast(Decimal, left.value), cast(Decimal, right.value)
        return {"<": low < high, "<=": low <= high, ">": low > high, ">=": low >= high}[condition.op]

    def _equal(self, left: Operand, right: Operand, options: TextOptions) -> Truth:
        one, other = self.value(left), self.value(right)
        for found in (one, other):
            if isinstance(found, Fault):
                return found
            if not is_json(found.value):
                return Fault("wrong-type", found.place)
        one, other = cast(Found, one), cast(Found, other)
        if is_written_null(left) or is_written_null(right):
            return one.value is None and other.value is None
        if kind_of(one.value) is kind_of(other.value):
            return same(one.value, other.value, options)
        for found in (one, other):
            if found.value is None:
                return Fault("null", found.place)
        return Fault("wrong-type", one.place or other.place)

    def _member(self, condition: Member) -> Truth:
        listed = self._set(condition.within)
        match listed:
            case RangeSet(low, high):
                found = self.typed(condition.operand, JsonType.NUMBER)
                return found if isinstance(found, Fault) else low <= cast(Decimal, found.value) <= high
            case MailSet(names, subdomains):
                return self._of_text(
                    condition.operand, lambda value: self._at(mail.address_domain(value), names, subdomains)
                )
            case WebSet(names, subdomains):
                return self._of_text(
                    condition.operand, lambda value: self._at(web.https_host(value), names, subdomains)
                )
        found = self.value(condition.operand)
        if isinstance(found, Fault):
            return found
        comparable = [item for item in self._items(listed) if kind_of(item) is kind_of(found.value)]
        if not comparable:
            return wrong(found)
        return any(same(found.value, item, condition.text) for item in comparable)

    def _at(self, name: str | None, listed: SetLiteral | SetName, subdomains: bool) -> bool:
        hosts = frozenset(filter(None, (host.canonical(item) for item in self._texts(listed))))
        return name is not None and host.is_listed(name, hosts, subdomains=subdomains)

    def _holds(self, condition: Holds) -> Truth:
        whole, part = self.value(condition.operand), self.value(condition.part)
        if isinstance(whole, Fault):
            return whole
        if condition.kind == "contains" and isinstance(whole.value, list):
            return self._contains_element(whole, part, condition)
        whole, part = of_type(whole, JsonType.TEXT), of_type(part, JsonType.TEXT)
        if isinstance(whole, Fault):
            return whole
        if isinstance(part, Fault):
            return part
        where, what = (folded(cast(str, found.value), condition.text) for found in (whole, part))
        match condition.kind:
            case "starts with":
                return where.startswith(what)
            case "ends with":
                return where.endswith(what)
            case "contains":
                return what in where

    @staticmethod
    def _contains_element(whole: Found, part: Found | Fault, condition: Holds) -> Truth:
        if not is_json(whole.value):
            return Fault("wrong-type", whole.place)
        if isinstance(part, Fault):
            return part
        if not is_json(part.value):
            return Fault("wrong-type", part.place)
        if part.value is None and not is_written_null(condition.part):
            return Fault("null", part.place)
        return any(same(item, part.value, condition.text) for item in cast("list[Json]", whole.value))

    # --- sets -------------------------------------------------------------------------------------------------------

    def _set(self, named: ValueSet) -> SetLiteral | RangeSet | MailSet | WebSet:
        return self._set(self.sets[named.name]) if isinstance(named, SetName) else named

    def _items(self, named: SetLiteral | SetName) -> list[Scalar]:
        listed = cast(SetLiteral, self._set(named))
        return [*listed.items, *(item for name in listed.names for item in self._items(SetName(name)))]

    def _texts(self, named: SetLiteral | SetName) -> frozenset[str]:
        return frozenset(item for item in self._items(named) if isinstance(item, str))
