"""Where comments and blank lines go between the lines of a formatted file."""

from __future__ import annotations

import pytest

from policy_dsl import format, parse


@pytest.mark.parametrize(
    ("written", "laid"),
    [
        ("forbid a # x", "forbid a  # x"),
        ("# x\nforbid a", "# x\nforbid a"),
        ("forbid # x\na", "forbid a  # x"),
        ("forbid # x\na # y", "# x\nforbid a  # y"),
        ("forbid\n# x\na", "# x\nforbid a"),
        ("forbid a # x\n# y", "forbid a  # x\n# y"),
        ("forbid a #x   ", "forbid a  #x"),
        ("forbid a\n\n\n\n# x\n\nforbid b", "forbid a\n\n# x\n\nforbid b"),
        ("forbid a\n  when x == 1 # x\n and y == 2", "forbid a\n  when x == 1  # x\n   and y == 2"),
        ("forbid a\n# x\n  when x == 1", "forbid a\n  # x\n  when x == 1"),
        ('for agent "a" {\n# x\n}', 'for agent "a" {\n  # x\n}'),
        ('for agent "a" {\n\nforbid a\n\n\n# x\n\n}', 'for agent "a" {\n  forbid a\n\n  # x\n}'),
        ("set s = { 1, # one\n 2 }", "set s = {\n  1,  # one\n  2,\n}"),
        ("set s = { 1,\n # two\n 2 }", "set s = {\n  1,\n  # two\n  2,\n}"),
        ("set s = { 1, 2 # two\n }", "set s = {\n  1,\n  2,  # two\n}"),
        ("set s = { 1, 2 } # s", "set s = { 1, 2 }  # s"),
        ("set s = { 1, t, 2, # two\n u }", "set s = {\n  1,\n  t,\n  2,  # two\n  u,\n}"),
        ("allow f(a, # a\n ...)", "allow f(\n  a,  # a\n  ...\n)"),
        ("forbid { a, # a\n b }", "forbid {\n  a,  # a\n  b,\n}"),
        ("forbid a when x in { 1, # one\n 2 }", "forbid a\n  when x in {\n    1,  # one\n    2,\n  }"),
    ],
)
def test_comments_stay_where_they_were(written: str, laid: str) -> None:
    text = f"language 1\n{laid}\n"
    assert format(parse(f"language 1\n{written}")) == text
    assert format(parse(text)) == text
