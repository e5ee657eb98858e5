"""policy_dsl/check/subjects.py: everything that reads arguments is a subject, with the tools whose calls they are."""

from __future__ import annotations

import pytest

from policy_dsl import Catalogue, parse, policy_set
from policy_dsl.check.places import each_test
from policy_dsl.check.subjects import Subject, subjects
from policy_dsl.check.survey import survey

TOOLS = Catalogue.from_tools([{"name": name} for name in ("pay", "read", "send")])


def _subjects(text: str) -> list[Subject]:
    return list(subjects(survey(policy_set([parse(f"language 1\n{text}\n")], TOOLS), TOOLS)))


@pytest.mark.parametrize(
    ("text", "tools", "tests", "parts"),
    [
        ("forbid pay when a == 1 unless b == 2", ["pay"], 2, 0),
        ("counter c = sum(a) of requested pay by b, d per session", ["pay"], 0, 3),
        ("counter c = count of requested { pay, read } per session", ["pay", "read"], 0, 0),
        ("limit pay to 5 of a released by b per session when d == 1", ["pay"], 1, 3),
        ("limit pay to 5 released per session", ["pay"], 0, 1),
        ("rewrite send set a = b, remove d when e == 1 unless f == 1", ["send"], 2, 3),
        ("label results of read(a == 1) as secret when result == 2", ["read"], 2, 0),
    ],
)
def test_a_sentence_is_one_subject(text: str, tools: list[str], tests: int, parts: int) -> None:
    found = _subjects(text)[0] if text.startswith("forbid") else _subjects(text)[-1]
    assert [tool.name for tool in found.tools] == tools
    assert len(list(each_test(found.condition))) == tests
    assert len(found.parts) == parts


def test_an_event_is_about_earlier_calls_and_reads_the_one_that_is_decided() -> None:
    rule, event = _subjects("forbid send when after requested read(path == call.body)")
    assert [tool.name for tool in rule.tools] == ["send"]
    assert [tool.name for tool in event.tools] == ["read"]
    assert [tool.name for tool in event.calling] == ["send"]
    assert [value.path for value in event.called] == [("body",)]


def test_an_event_in_a_definition_is_of_no_call_in_particular() -> None:
    found = _subjects("define read-it = after requested read(path == call.body)\nforbid send when read-it")
    assert [(len(one.called), one.calling) for one in found if one.called] == [(1, ())]
