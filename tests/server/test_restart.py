"""What sessions remember is there after a restart: killed, not ended. Through a real `leastward serve`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

POLICY = """language 1
allow { get, read, mail, drop }(...) as all
limit get to 2 released per session as two
limit pay to 100 of amount released per agent ever as purse
allow pay(amount) as pay
forbid mail as no-leak when after released read
forbid drop as over end session
"""


def test_limits_events_and_ends_outlive_the_process(start_process: Callable[..., Any], outside: Any) -> None:
    def effects(gate: Any, *calls: list[str]) -> list[str]:
        before = len(gate.records())
        gate.model.script = [outside.saying({"calls": list(calls)})]
        assert gate.client.chat().status == 200
        return [record["effect"] for record in gate.records()[before:]]

    first = start_process(POLICY, refusals={"style": "message"})
    assert effects(first, ["get", "{}"], ["read", "{}"], ["pay", '{"amount":60}']) == ["allow"] * 3
    first.end(signal.SIGKILL)
    second = start_process(POLICY, refusals={"style": "message"})
    calls = ["get", "{}"], ["get", "{}"], ["mail", "{}"], ["pay", '{"amount":41}'], ["pay", '{"amount":40}']
    assert effects(second, *calls) == ["allow", "forbid", "forbid", "forbid", "allow"]
    second.end(signal.SIGKILL)
    third = start_process(POLICY, refusals={"style": "message"})
    assert effects(third, ["get", "{}"], ["pay", '{"amount":1}'], ["drop", "{}"]) == ["forbid"] * 3
    third.end(signal.SIGKILL)
    fourth = start_process(POLICY, refusals={"style": "message"})
    assert effects(fourth, ["read", "{}"]) == ["forbid"]
