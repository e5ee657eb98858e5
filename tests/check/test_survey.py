"""policy_dsl/check/survey.py: patterns, and rules as the passes see them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl.ast import Argument, Compare, Not, ToolPattern
from policy_dsl.catalogue import Catalogue
from policy_dsl.check.survey import fits, glob_fits, survey
from policy_dsl.parse import parse
from policy_dsl.policyset import policy_set

NAMES = st.text("ab/.", max_size=6)


@given(st.text("ab.*", max_size=6), NAMES)
@settings(print_blob=True, max_examples=500)
def test_a_glob_fits_what_the_same_expression_matches(glob: str, name: str) -> None:
    expression = "[^/]*".join(re.escape(part) for part in glob.split("*"))
    assert glob_fits(glob, name) is (re.fullmatch(expression, name) is not None)


@pytest.mark.parametrize(
    ("server", "tool", "at", "fit"),
    [
        (None, "send", None, True),
        (None, "send", "bank", True),
        ("bank", "send", "bank", True),
        ("bank", "send", "mail", False),
        ("bank", "send", None, True),  # a tool that is listed without a server may live at any
        (None, "SEND", "bank", False),
    ],
)
def test_fits(server: str | None, tool: str, at: str | None, fit: bool) -> None:
    [listed] = Catalogue.from_tools([{"name": "send"}], server=at)
    assert fits(ToolPattern(server, tool), listed) is fit


def test_a_reference_stands_for_the_whole_condition_at_its_own_place() -> None:
    text = "language 1\nask pay(a) as small when a < 5 unless a == 3\nask pay(a) as other when small\n"
    read = survey(policy_set([parse(text)]), Catalogue(()))
    condition = read.sites[1].condition
    small = read.sites[0].condition
    assert condition == small
    spans = set()

    def look(node: object) -> None:
        if isinstance(node, Compare | Not | Argument):
            spans.add(node.span)
        for part in getattr(node, "items", ()) or [getattr(node, name, None) for name in ("item", "left")]:
            if part is not None:
                look(part)

    look(condition)
    assert {text[span.start : span.end] for span in spans} == {"small"}


def test_groups_and_scopes_are_folded_in() -> None:
    text = 'language 1\ngroup g = { get_*, h }\ngroup h = { send }\nfor agent "a" {\n  forbid g\n}\n'
    tools = Catalogue.from_tools([{"name": "get_a"}, {"name": "send"}, {"name": "other"}])
    [site] = survey(policy_set([parse(text)], tools), tools).sites
    assert [pattern.tool for pattern in site.patterns] == ["get_*", "send"]
    assert [tool.name for tool in site.tools] == ["get_a", "send"]
    assert site.scope.agents == ("a",)
