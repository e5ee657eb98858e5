"""server/acts.py: a label comes off by a recorded act of somebody else, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

POLICY = """language 1
label results of read as secret(hr)
allow { read, mail }() as both
forbid mail as kept when session has secret
"""
PEOPLE = {
    "lead": {"agent": "console", "user": "lead", "scopes": ["approve"]},
    "agent": {"scopes": ["approve", "call"]},
    "agent-as-lead": {"scopes": ["approve"], "roles": ["lead"]},
}


@pytest.fixture
def labelled(start_gate: Callable[..., Any], outside: Any) -> Any:
    """A gate with a run that carries secret(hr)."""
    gate = start_gate(POLICY, keys=PEOPLE, refusals={"style": "message"})
    gate.model.script = [outside.saying({"calls": [["mail", "{}"]]}) for _ in range(4)]
    return gate


HISTORY = [
    {"role": "user", "content": "Go on."},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "read", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "salary 100"},
]


def _mail(gate: Any) -> tuple[str, str]:
    answer = gate.client.ask("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": HISTORY})
    return gate.records()[-1]["effect"], answer.headers["x-leastward-run"]


def test_a_label_is_taken_off_by_somebody_else(labelled: Any) -> None:
    effect, run = _mail(labelled)
    assert effect == "forbid"
    act = {"verb": "declassify", "label": "secret(hr)", "because": "checked by hand"}
    answer = labelled.with_key("lead").ask("POST", f"/v1/runs/{run}/acts", act)
    assert answer.status == 200
    record = labelled.records()[-1]
    assert (record["kind"], record["reason"], record["id"]) == ("act", "declassify", answer.tree["id"])
    assert record["act"] == {"because": "checked by hand", "by": "lead", "label": "secret(hr)", "verb": "declassify"}
    assert _mail(labelled)[0] == "allow"


@pytest.mark.parametrize(
    ("who", "act", "status", "code"),
    [
        ("agent", {"verb": "declassify", "label": "secret(hr)", "because": "x"}, 403, "own-run"),
        ("agent-as-lead", {"verb": "declassify", "label": "secret(hr)", "because": "x"}, 403, "own-run"),
        ("lead", {"verb": "declassify", "label": "secret(hr)"}, 400, "bad-act"),
        ("lead", {"verb": "declassify", "label": "untrusted", "because": "x"}, 400, "bad-act"),
        ("lead", {"verb": "endorse", "label": "secret", "because": "x"}, 400, "bad-act"),
        ("lead", {"verb": "forget", "because": "x"}, 400, "bad-act"),
        ("lead", {"verb": "endorse", "because": "x", "more": 1}, 400, "bad-act"),
        ("lead", [], 400, "bad-act"),
    ],
)
def test_what_is_no_act_changes_nothing(labelled: Any, who: str, act: Any, status: int, code: str) -> None:
    _, run = _mail(labelled)
    answer = labelled.with_key(who).ask("POST", f"/v1/runs/{run}/acts", act)
    assert (answer.status, answer.code) == (status, code)
    assert _mail(labelled)[0] == "forbid"


def test_an_unknown_run_and_a_key_without_the_scope(labelled: Any) -> None:
    act = {"verb": "endorse", "because": "x"}
    assert labelled.with_key("lead").ask("POST", "/v1/runs/run-none/acts", act).code == "unknown-run"
    assert labelled.client.ask("POST", "/v1/runs/run-none/acts", act).status == 403
