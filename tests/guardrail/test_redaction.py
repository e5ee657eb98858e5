"""guardrail/redaction.py: what of a tool's answer nobody reads."""

from __future__ import annotations

import pytest

from guardrail import Redactions
from policy_dsl import parse, policy_set


def _redactions(*lines: str) -> Redactions:
    return Redactions(policy_set([parse("\n".join(("language 1", *lines, "")), "p.lw")]))


CARD = 'redact results of { get_*, card } matching /[0-9]{4}/ with "####"'
NAME = 'redact results of get_name matching /Ada [A-Z][a-z]+/ with "[name]"'


@pytest.mark.parametrize(
    ("tool", "text", "read"),
    [
        ("get_profile", "card 1234 5678", "card #### ####"),
        ("card", "1234", "####"),
        ("other", "1234", "1234"),
        ("get_name", "Ada Lovelace 1815", "[name] ####"),
        ("get_profile", "no number", "no number"),
        ("get_profile", "", ""),
        ("get_profile", "٣٤٥٦ and é1234é", "٣٤٥٦ and é####é"),
    ],
)
def test_only_what_matches_goes_and_only_of_the_tools_that_are_named(tool: str, text: str, read: str) -> None:
    assert _redactions(CARD, NAME).apply(tool, text) == read


def test_matches_that_overlap_are_replaced_as_one() -> None:
    both = _redactions('redact results of t matching /abcd/ with "1"', 'redact results of t matching /cdef/ with "2"')
    assert both.apply("t", "xabcdefx") == "x1x"


def test_nothing_of_the_answer_is_left_where_there_are_too_many_matches() -> None:
    assert _redactions('redact results of t matching /a/ with "-"').apply("t", "a" * 1_000_000) == "[redacted]"


def test_a_policy_that_redacts_nothing_is_false() -> None:
    assert not _redactions("allow t()")
    assert _redactions(CARD)
