"""The layout of sentences with clauses: one line where one clause fits, else a line for each."""

from __future__ import annotations

import pytest

from policy_dsl import format, parse

LONG = "a_name_of_some_length"


@pytest.mark.parametrize(
    ("written", "laid"),
    [
        ("shadow forbid f", "shadow forbid f"),
        ("forbid f end session", "forbid f end session"),
        ('forbid f message "x" end session', 'forbid f\n  message "x"\n  end session'),
        ("ask f(a) valid 1 hours uses 12345", "ask f(a)\n  valid 1 hour\n  uses 12_345"),
        ("limit f to 20000 released per session as l when a", "limit f to 20_000 released per session as l when a"),
        (
            'limit f to 5 of a released by b per user ever when a message "m"',
            'limit f to 5 of a released by b per user ever\n  when a\n  message "m"',
        ),
        (
            f'limit f to 5 of {LONG} released by {LONG}, {LONG} per user each day in "UTC" when a',
            f'limit f to 5 of {LONG} released\n  by {LONG}, {LONG} per user each day in "UTC"\n  when a',
        ),
        (
            f"counter {LONG} = sum({LONG} + {LONG}) of released f({LONG} > 5) per user within 7 days",
            f"counter {LONG} = sum({LONG} + {LONG})\n  of released f({LONG} > 5)\n  per user within 7 days",
        ),
        ("rewrite f set a=1,remove b as r when a == 1", "rewrite f set a = 1, remove b as r when a == 1"),
        (
            f"rewrite f set {LONG} = {LONG}, remove {LONG} as r when a == 1",
            f"rewrite f set {LONG} = {LONG}, remove {LONG} as r\n  when a == 1",
        ),
        (
            f"rewrite f set {LONG} = {LONG}, remove {LONG}.{LONG}, remove {LONG} as r",
            f"rewrite f\n  set {LONG} = {LONG},\n  remove {LONG}.{LONG},\n  remove {LONG}\n  as r",
        ),
        ("label results of f(a == 1) as s(c) when b", "label results of f(a == 1) as s(c) when b"),
        ("clearance of {f} is none", "clearance of f is none"),
        ("hide {a, b}", "hide a, b"),
        (
            f"hide {LONG}, {LONG}2, {LONG}3, {LONG}4, {LONG}5",
            f"hide {{\n  {LONG},\n  {LONG}2,\n  {LONG}3,\n  {LONG}4,\n  {LONG}5,\n}}",
        ),
        ("trust claimed results of { a }", "trust claimed results of a"),
        (
            'for agent "a" { limit f to 1 released per session }',
            'for agent "a" {\n  limit f to 1 released per session\n}',
        ),
    ],
)
def test_a_sentence_is_laid(written: str, laid: str) -> None:
    text = format(parse(f"language 1\n{written}"))
    assert text == f"language 1\n{laid}\n"
    assert format(parse(text)) == text


@pytest.mark.parametrize(
    ("written", "laid"),
    [
        ("limit f to 5 # five\n released per session", "limit f to 5 released  # five\n  per session"),
        ("limit f to 5 released per session # five\n when a", "limit f to 5 released per session  # five\n  when a"),
        (
            "counter n = count # all\n of released f per session",
            "counter n = count  # all\n  of released f\n  per session",
        ),
        ('forbid f\n# why\nbecause "x"', 'forbid f\n  # why\n  because "x"'),
        ('forbid f as because # why\n because "x"', 'forbid f as because  # why\n  because "x"'),
        (
            'ask f() # head\n valid 5 minutes # five\n valid until "2027-01-01T00:00Z" # end\n uses 1',
            'ask f()  # head\n  valid 5 minutes  # five\n  valid until "2027-01-01T00:00Z"  # end\n  uses 1',
        ),
        ("rewrite f set a = 1, # one\n remove b", "rewrite f\n  set a = 1,  # one\n  remove b"),
        ("hide a, # one\n b", "hide {\n  a,  # one\n  b,\n}"),
    ],
)
def test_a_comment_breaks_a_sentence_where_it_stands(written: str, laid: str) -> None:
    text = format(parse(f"language 1\n{written}"))
    assert text == f"language 1\n{laid}\n"
    assert format(parse(text)) == text
