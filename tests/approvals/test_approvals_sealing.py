"""server/approvals/sealing.py: a state is opened by the gate that made it, for whom it made it, unchanged, in time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from base64 import urlsafe_b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail import ToolCall
from server.approvals import Approval, Approvals, BadState, Bounds, Seals
from server.exchange import Caller

ROOT = Path(__file__).resolve().parents[2]
KEY = bytes(range(32))
UNTIL = "2026-11-22T13:00:00.000000Z"
APPROVAL = Approval(
    id="apr-00000000000000000000000000",
    tenant="acme",
    principal_key="('acme', 'bot')",
    agent="bot",
    user=None,
    run="run-1",
    decision="dec-1",
    door="mcp",
    server="s",
    tool="t",
    arguments="{}",
    digest="d" * 64,
    policy_hash="f" * 64,
    rule="big",
    prompt=None,
    by_roles=(),
    uses=1,
    valid_seconds=600,
    state="pending",
    asked_at="2026",
    expires_at="2027",
)
SEALS = Seals(KEY)
STATE = SEALS.seal(APPROVAL, UNTIL)


def test_what_was_sealed_is_opened() -> None:
    found = SEALS.opened(STATE, APPROVAL.principal_key)
    assert tuple(found) == (APPROVAL.id, "run-1", "d" * 64, "f" * 64, UNTIL)
    assert SEALS.seal(APPROVAL, UNTIL) != STATE, "a nonce is used once"
    assert APPROVAL.id.encode() not in urlsafe_b64decode(STATE.removeprefix("lwa1.") + "==")


@given(st.integers(0, len(STATE) - 1), st.characters(codec="ascii"))
def test_a_changed_character_opens_nothing(at: int, char: str) -> None:
    changed = STATE[:at] + char + STATE[at + 1 :]
    if changed != STATE:
        with pytest.raises(BadState):
            SEALS.opened(changed, APPROVAL.principal_key)


@given(st.integers(0, len(STATE) - 1), st.text(max_size=10))
def test_a_cut_or_longer_state_opens_nothing(at: int, more: str) -> None:
    for changed in (STATE[:at], STATE[at:], STATE + more):
        if changed != STATE:
            with pytest.raises(BadState):
                SEALS.opened(changed, APPROVAL.principal_key)


@pytest.mark.parametrize("text", ["", "lwa1.", "lwa1." + "A" * 40, "lwa2." + STATE[5:], "\x00", "é" * 60])
def test_what_was_never_sealed_opens_nothing(text: str) -> None:
    with pytest.raises(BadState):
        SEALS.opened(text, APPROVAL.principal_key)


def test_another_principal_and_another_key_open_nothing() -> None:
    with pytest.raises(BadState):
        SEALS.opened(STATE, "('acme', 'other')")
    with pytest.raises(BadState):
        Seals(bytes(32)).opened(STATE, APPROVAL.principal_key)
    with pytest.raises(ValueError, match="32 bytes"):
        Seals(b"short")


def test_a_call_that_is_kept_opens_for_its_own_approval_only() -> None:
    kept = replace(APPROVAL, sealed=SEALS.close_call(APPROVAL.id, {"pin": "1234"}))
    assert SEALS.open_call(kept) == {"pin": "1234"}
    assert b"1234" not in (kept.sealed or b"")
    for other in (replace(kept, id="apr-00000000000000000000000001"), replace(kept, sealed=None)):
        with pytest.raises(BadState):
            SEALS.open_call(other)
    with pytest.raises(BadState):  # a state is no call, and a call no state
        SEALS.open_call(replace(kept, sealed=STATE.encode()))


def test_the_queue_seals_under_the_key_of_the_settings_or_its_own(
    gate: Any, store: Any, clock: Any, people: dict[str, Caller]
) -> None:
    bot = people["bot"]
    asked = asyncio.run(gate.call(bot, gate.run_of(bot), ToolCall("send_money", {"amount": 5}, "c"))).approval
    key = bot.principal.key
    state = gate.approvals.seal(asked)
    assert gate.approvals.opened(state, key).approval == asked.id
    assert Approvals(store, clock).opened(state, key).approval == asked.id, "another replica opens it"
    set_by_hand = Approvals(store, clock, Bounds(state_key=KEY))
    with pytest.raises(BadState):
        set_by_hand.opened(state, key)
    assert set_by_hand.opened(set_by_hand.seal(asked), key).digest == asked.digest
    clock.go(3_600 + 600)
    with pytest.raises(BadState):
        gate.approvals.opened(state, key)


def test_a_gate_that_seals_nothing_does_not_load_cryptography() -> None:
    script = "import sys, server.approvals; sys.exit(any(name in sys.modules for name in ('cryptography', 'mcp')))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
