"""memory/precedents: the nearest earlier cases, and what a judge is handed of them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memory import Abstraction, Case, Condition, Context, GateReading, Label, Report, State
from memory.encoders import HashingEncoder
from memory.precedents import MOST_CHARACTERS, MOST_ITEMS, Precedent, Precedents, as_data, labels_of
from memory.support import distance

ENCODER = HashingEncoder()
ATTACKS = yaml.safe_load((Path(__file__).parent / "exemplar_attacks.yaml").read_text())
KEYS = {
    "": {"rules", "cases"},
    "rules": {"id", "label", "phase", "condition", "exceptions", "evidence"},
    "cases": {"id", "label", "distance", "decided", "tool", "attributes", "left_out", "words"},
    "condition": {"tool", "tests", "left_out"},
    "tests": {"attribute", "values", "left_out"},
    "attributes": {"attribute", "value"},
    "evidence": {"confirming", "against", "reporters", "bound", "threshold", "open"},
}
"""Every key that a judge may see, by where it stands."""

values = st.sampled_from(["a", "b", "c"])
names = st.sampled_from(["agent", "arg to", "domain to", "has cc"])
attributes = st.dictionaries(names, values, max_size=4).map(lambda found: tuple(sorted(found.items())))
contexts = st.builds(
    Context, st.sampled_from(["send", "read"]), attributes, st.sampled_from(["", "pay", "pay bill", "drop", "drop it"])
)
labels = st.sampled_from(["allow", "forbid"])


def _case(number: int, context: Context) -> Case:
    return Case(f"dec-{number:04d}", number, number, context, "allow", "allow", "hash")


@given(st.lists(st.tuples(contexts, labels), max_size=30), contexts, st.integers(1, 6), st.none() | labels)
def test_the_nearest_cases_are_those_that_a_sorted_list_of_all_begins_with(
    earlier: list[tuple[Context, Label]], context: Context, k: int, label: Label | None
) -> None:
    cases = [_case(number, one) for number, (one, _) in enumerate(earlier)]
    said = {case.id: label for case, (_, label) in zip(cases, earlier, strict=True)}
    found = Precedents(cases, said, ENCODER).nearest(context, k, label)
    wanted = [case for case in cases if case.context.tool == context.tool and label in (None, said[case.id])]
    far = {case.id: distance(case.context, context, ENCODER) for case in wanted}
    assert len(found) == min(k, len(wanted))
    for one, best in zip(found, sorted(far.values()), strict=False):
        assert one.distance == pytest.approx(best, abs=2e-6)
        assert one.distance == pytest.approx(far[one.case.id], abs=2e-6)
        assert one.label == said[one.case.id]
    assert len({one.case.id for one in found}) == len(found)


def test_the_nearest_by_attributes_is_found_behind_hundreds_that_are_nearer_by_words() -> None:
    """The words of 500 cases are nearer than those of the case that is nearest in all: looking at 64 is not enough."""
    context = Context("send", (("agent", "a"), ("arg to", "x"), ("role r", "true")), "pay the invoice")
    cases = [
        _case(number, Context("send", (("agent", "b"), ("arg to", "y")), f"pay the invoice {number}"))
        for number in range(500)
    ]
    cases.append(_case(999, Context("send", context.attributes, "nothing alike")))
    precedents = Precedents(cases, dict.fromkeys((case.id for case in cases), "allow"), ENCODER)
    assert [one.case.id for one in precedents.nearest(context, 1)] == ["dec-0999"]


def test_equally_near_cases_go_by_id_in_every_order() -> None:
    context = Context("send", (("agent", "a"),), "pay")
    cases = [_case(number, context) for number in range(300)]
    said: dict[str, Label] = dict.fromkeys((case.id for case in cases), "allow")
    for some in (cases, cases[::-1]):
        found = Precedents(some, said, ENCODER).nearest(context, 5)
        assert [one.case.id for one in found] == [f"dec-{number:04d}" for number in range(5)]
        assert {one.distance for one in found} == {0.0}


def test_a_case_without_a_label_is_no_precedent() -> None:
    context = Context("send", (), "pay")
    precedents = Precedents([_case(1, context), _case(2, context)], {"dec-0002": "forbid"}, ENCODER)
    assert [(one.case.id, one.label) for one in precedents.nearest(context, 5)] == [("dec-0002", "forbid")]
    assert precedents.nearest(context, 5, "allow") == []
    assert precedents.nearest(Context("read", (), "pay"), 5) == []
    with pytest.raises(ValueError, match="k must be at least 1, not `0`"):
        precedents.nearest(context, 0)


def _report(decision: str, label: Label, weight: float, standing: Any = "accepted") -> Report:
    return Report(1, 1, decision, "ann", "user", "", label, weight, standing)


@pytest.mark.parametrize(
    ("reports", "audited", "label"),
    [
        ([], {}, None),
        ([("allow", 0.5, "accepted")], {}, "allow"),
        ([("allow", 0.5, "accepted"), ("forbid", 0.25, "accepted"), ("forbid", 0.5, "accepted")], {}, "forbid"),
        ([("allow", 0.5, "accepted"), ("forbid", 0.5, "accepted")], {}, None),
        ([("allow", 0.5, "quarantined"), ("forbid", 0.1, "accepted")], {}, "forbid"),
        ([("allow", 0.5, "retracted")], {}, None),
        ([("allow", 0.5, "superseded")], {}, None),
        ([("allow", 9.0, "accepted")], {"dec-0001": "forbid"}, "forbid"),
        ([("automated", 0.0, "accepted")], {}, None),
    ],
)
def test_a_label_is_what_an_auditor_said_or_most_weight(
    reports: list[tuple[Any, float, str]], audited: dict[str, Label], label: Label | None
) -> None:
    state = State("acme", cases={"dec-0001": _case(1, Context("send", ()))}, audited=audited)
    state.reports = [_report("dec-0001", "allow" if said == "automated" else said, *rest) for said, *rest in reports]
    assert labels_of(state).get("dec-0001") == label


def test_a_report_of_a_case_that_is_gone_labels_nothing() -> None:
    state = State("acme", reports=[_report("dec-0001", "allow", 1.0)], audited={"dec-0002": "forbid"})
    assert labels_of(state) == {}


def _abstraction(text: str) -> Abstraction:
    reading = GateReading("beta", True, "open", 23.4567, 1.0, 6, 2, 0.861234, 41.2, 0.6, 0.05)
    condition = Condition("send", (("agent", (text,)), (f"arg {text}", ("a", text))))
    return Abstraction("L-abcdefghij", 1, "forbid", condition, 1, 1, "h", (), 0.3, 0.05, "active", reading=reading)


def _attacked(text: str) -> dict[str, Any]:
    context = Context(f"send{text}", (("agent", text), (f"arg {text}", text)), text)
    return as_data([_abstraction(text)], [Precedent(_case(1, context), "allow", 0.125)])


def _strings(tree: Any, place: str = "") -> Iterator[str]:
    """All string values; fails where a key is none of ours."""
    if isinstance(tree, dict):
        assert set(tree) == KEYS[place]
        for key, value in tree.items():
            yield from _strings(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from _strings(value, place)
    elif isinstance(tree, str):
        yield tree
    else:
        assert tree is None or isinstance(tree, (bool, int, float))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack["note"])
def test_a_text_stays_inside_its_string(attack: dict[str, str]) -> None:
    text = attack["text"] if attack["text"] != "LONG" else "long " * 10_000
    written = json.dumps(_attacked(text), ensure_ascii=False)
    assert written.isprintable(), "nothing in it moves a cursor, hides, or begins a line"
    read = json.loads(written)
    harmless = json.loads(json.dumps(_attacked("harmless")))
    assert _shape(read) == _shape(harmless)
    assert all(len(string) <= MOST_CHARACTERS for string in _strings(read))


def _shape(tree: Any) -> Any:
    """The tree with every text that came from outside taken out of it."""
    if isinstance(tree, dict):
        return {key: _shape(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_shape(value) for value in tree]
    return "" if isinstance(tree, str) and tree not in ("allow", "forbid", "active", "dec-0001") else tree


@given(st.text(max_size=1_000))
def test_no_text_brings_a_key_or_anything_invisible(text: str) -> None:
    data = _attacked(text)
    for string in _strings(data):
        assert len(string) <= MOST_CHARACTERS
        assert not {unicodedata.category(character) for character in string} & {
            "Cc",
            "Cf",
            "Cs",
            "Co",
            "Cn",
            "Zl",
            "Zp",
        }
    assert json.loads(json.dumps(data)) == data
    json.dumps(data, ensure_ascii=False).encode()


def test_a_judge_is_told_what_was_learned_and_on_what_grounds() -> None:
    context = Context("send", (("agent", "bot"),), "pay Ünï")
    data = as_data([_abstraction("bot")], [Precedent(_case(1, context), "forbid", 0.125)])
    assert data == {
        "rules": [
            {
                "id": "L-abcdefghij",
                "label": "forbid",
                "phase": "active",
                "condition": {
                    "tool": "send",
                    "tests": [
                        {"attribute": "agent", "values": ["bot"], "left_out": 0},
                        {"attribute": "arg bot", "values": ["a", "bot"], "left_out": 0},
                    ],
                    "left_out": 0,
                },
                "exceptions": [],
                "evidence": {
                    "confirming": 23.46,
                    "against": 1.0,
                    "reporters": 6,
                    "bound": 0.8612,
                    "threshold": 0.6,
                    "open": True,
                },
            }
        ],
        "cases": [
            {
                "id": "dec-0001",
                "label": "forbid",
                "distance": 0.125,
                "decided": "allow",
                "tool": "send",
                "attributes": [{"attribute": "agent", "value": "bot"}],
                "left_out": 0,
                "words": "pay Ünï",
            }
        ],
    }


def test_what_is_left_out_is_counted() -> None:
    many = tuple((f"has {number:03d}", "true") for number in range(MOST_ITEMS + 5))
    condition = Condition("send", tuple((name, tuple(str(n) for n in range(MOST_ITEMS + 2))) for name, _ in many))
    rule = Abstraction("L-abcdefghij", 1, "allow", condition, 1, 1, "h", (), 0.3, 0.05)
    data = as_data([rule], [Precedent(_case(1, Context("send", many)), "allow", 0.0)])
    assert data["rules"][0]["evidence"] is None
    assert data["rules"][0]["condition"]["left_out"] == data["cases"][0]["left_out"] == 5
    assert data["rules"][0]["condition"]["tests"][0]["left_out"] == 2
    assert len(data["cases"][0]["attributes"]) == MOST_ITEMS
