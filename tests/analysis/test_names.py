"""policy_dsl/analysis/names.py: every name of a tool falls into a class, and is treated as its example is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import EMPTY_CATALOGUE, PolicySet, ast
from policy_dsl.analysis.names import ToolClass, tool_classes
from policy_dsl.analysis.parties import glob_fits


def _policy(globs: list[str]) -> PolicySet:
    rules = {
        f"r{place}": ast.Rule(ast.Effect.FORBID, (ast.ToolPattern(None, glob),), None, None, None)
        for place, glob in enumerate(globs)
    }
    return PolicySet((), rules, {}, {}, (), "sha256:test", EMPTY_CATALOGUE)


@given(st.lists(st.text("ab*", min_size=1, max_size=4), min_size=1, max_size=4), st.text("abx", min_size=1, max_size=6))
@settings(max_examples=400)
def test_every_name_is_in_a_class(globs: list[str], name: str) -> None:
    classes, complete = tool_classes(_policy(globs), _policy([]))
    assert complete
    fitting = [glob_fits(glob, name) for glob in globs]
    assert fitting in [[glob_fits(glob, one.tool) for glob in globs] for one in classes]


def test_literal_names_are_classes_of_their_own() -> None:
    classes, _ = tool_classes(_policy(["get_a", "get_*"]), _policy(["send"]))
    assert classes == [
        ToolClass(None, "get_a", True),
        ToolClass(None, "send", True),
        ToolClass(None, "get_", False),
        ToolClass(None, "x", False),
    ]


def test_too_many_patterns_are_not_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy_dsl.analysis.names.MAX_STATES", 50)
    globs = [f"*{one}*b*a*" for one in ("ab", "ba", "aab", "abb", "bba", "baab")]
    classes, complete = tool_classes(_policy([*globs, "send"]), _policy([]))
    assert (classes, complete) == ([ToolClass(None, "send", True)], False)
