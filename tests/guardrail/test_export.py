"""guardrail/export.py: the Policy Decision Record says everything that the Record does, in its own documented form."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from msgspec.structs import replace

from guardrail import Act, Advised, IntentDigest, Record, Shadowed, exported
from guardrail.chain import encode, opening, place
from policy_dsl import RuleError

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "docs/schemas/policy-decision-record-1.json").read_text(encoding="utf-8")
)
HEAD, _ = opening("inc-x", "2026-11-22T12:00:00.000000Z", 1, None)
PLAIN = Record(
    kind="decision",
    id="dec-1",
    at="2026-11-22T12:00:00.000000Z",
    tenant="acme",
    agent="bot",
    user=None,
    roles=("finance",),
    run="run-1",
    door="chat",
    tool="send_money",
    call_id="call_1",
    arguments="0" * 64,
    effect="allow",
    rule="pay/send_money",
    reason="rule",
    errors=(RuleError("other", "missing", "a[0]"),),
    policy_hash="sha256:f",
    memory_version=0,
    mode="enforce",
    text_calls="",
    upstream="primary",
    model="m",
    released="1" * 64,
    intent=IntentDigest("sha256:" + "a" * 64, "payment", 1),
    approvals=("apr-1",),
    shadow=Shadowed("forbid", "later"),
    ends_session=True,
)
LEARNED = replace(
    PLAIN,
    effect="ask",
    rule="L-0123456789",
    reason="learned",
    memory_version=3,
    memory=Advised(
        abstraction="L-0123456789",
        against=1.0,
        base="allow",
        base_reason="rule",
        base_rule="pay/send_money",
        bound=0.8612,
        confirming=23.0,
        effect="ask",
        fired=("L-0123456789", "L-abcdefghij"),
        gate="beta",
        log_e=3.7189,
        reporters=6,
        threshold=0.6,
        version=2,
    ),
)
ACT = Record(
    **{
        name: getattr(PLAIN, name) for name in Record.__struct_fields__ if name not in ("kind", "tool", "act", "intent")
    },
    kind="act",
    tool=None,
    act=Act("checked by hand", "ada", "secret(hr)", "declassify"),
)


@pytest.mark.parametrize("record", [PLAIN, LEARNED, ACT], ids=["decision", "learned", "act"])
def test_it_is_of_the_documented_form(record: Record) -> None:
    _, row = place(HEAD, record)
    document = exported(row, json.loads(row.body))
    jsonschema_rs.validate(SCHEMA, document)
    assert document["chain"] == {"incarnation": "inc-x", "sequence": 1, "position": 2, "link": row.link.hex()}


def test_intent_policy_and_approvals_are_bound_together() -> None:
    _, row = place(HEAD, PLAIN)
    document = exported(row, json.loads(row.body))
    assert document["call"]["intent"] == {"hash": "sha256:" + "a" * 64, "name": "payment", "version": 1}
    assert document["decided_by"]["policy_hash"] == "sha256:f"
    assert document["decision"]["approvals"] == ["apr-1"]


def test_what_memory_said_stands_beside_what_the_policy_says() -> None:
    _, row = place(HEAD, LEARNED)
    document = exported(row, json.loads(row.body))
    said = document["decision"]["memory"]
    assert (document["decision"]["effect"], said["effect"], said["base"], said["base_rule"]) == (
        "ask", "ask", "allow", "pay/send_money",
    )  # fmt: skip
    assert document["decided_by"]["memory_version"] == 3


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        (3, ("judge",)),
        (2, ("judge", "memory")),
        (1, ("judge", "memory", "act", "approvals", "ends_session", "intent", "released", "shadow")),
    ],
)
def test_a_row_of_an_earlier_chain_version_is_exported_too(version: int, lacking: tuple[str, ...]) -> None:
    _, row = place(HEAD, PLAIN)
    old = json.loads(encode(PLAIN, "inc-x", 1))
    for member in lacking:
        del old[member]
    jsonschema_rs.validate(SCHEMA, exported(row, old | {"v": version}))
