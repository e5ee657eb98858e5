"""server/approvals/shown.py: what approvers see can hide nothing, and says the whole call."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import encode_json, strict_json
from server.approvals import Approval, canonical, shown, visible, written

CASES = yaml.safe_load((Path(__file__).parent / "shown.yaml").read_text())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PENDING = Approval(
    id="apr-00000000000000000000000000", tenant="acme", principal_key="k", agent="bot", user=None, run="run-1",
    decision="dec-1", door="chat", server=None, tool="t", arguments="{}", digest="d", policy_hash="f", rule="big",
    prompt=None, by_roles=(), uses=1, valid_seconds=600, state="pending", asked_at="2026", expires_at="2027",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_rendering(case: dict[str, Any]) -> None:
    # Canonical order is not what is looked at here, so the text goes in as it stands.
    approval = replace(PENDING, tool=case["tool"], server=case.get("server"), arguments=case["arguments"])
    seen = shown(approval)
    assert seen["call"] == case["call"]
    assert seen["notes"] == case.get("notes", [])
    assert strict_json.parse(seen["arguments"]) == strict_json.parse(case["arguments"])


@given(TEXT)
def test_every_character_shows_and_nothing_is_lost(text: str) -> None:
    seen = visible(text)
    assert seen.isprintable()
    assert not any(unicodedata.category(char) in ("Cf", "Cc", "Zl", "Zp") for char in seen)
    quoted = visible(encode_json(text).decode())
    assert strict_json.parse(quoted) == text


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=4))
def test_no_text_of_the_agent_makes_a_line(tool: str, arguments: dict[str, str]) -> None:
    lines = written("srv", tool, arguments).split("\n")
    assert len(lines) == (len(arguments) + 2 if arguments else 1)
    assert all(line.startswith("  ") for line in lines[1:-1])
    assert lines[-1].endswith(")")


def test_all_that_people_and_agents_wrote_is_escaped() -> None:
    bad = "x\n\u202e\x1b[2J"
    texts = dict.fromkeys(("agent", "user", "tool", "server", "rule", "prompt", "decided_by", "because"), bad)
    seen = shown(replace(PENDING, by_roles=(bad,), arguments=canonical({bad: [bad]}).decode(), **texts))
    told = encode_json(seen).decode()
    for name, value in seen.items():
        said = value if isinstance(value, str) else encode_json(value).decode()
        assert "\u202e" not in said, name
        assert "\x1b" not in said, name
        assert name == "call" or "\n" not in said, name
    assert "digest" not in seen
    assert "principal_key" not in told
