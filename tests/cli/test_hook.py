"""server/hook.py and server/cli/hook.py: the events of coding agents."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "leastward.yaml": "policies: ['*.lw']\ndatabase: gate.db\n",
    "coding.lw": """language 1
allow Read(file_path) when file_path under "/src"
allow Bash(command, ...) as listing when command == "ls"
require approval for Bash as asks-first when command contains "git"
allow Bash(command, ...) as git when command == "git push"
forbid Write as never message "Nothing is written here."
allow github/get_issue(number)
allow Edit(file_path, old_string, new_string) when after succeeded Read
allow Fetch(url) when url from user
rewrite Fix set dry = true
allow Fix(dry)
""",
}

Hook = Callable[..., Any]


@pytest.fixture
def hook(leastward: Any) -> Hook:
    def run(*options: str, **event: Any) -> Any:
        text = event.pop("text", None) or json.dumps(event)
        ended = leastward("hook", *options, stdin=text, files=FILES)
        return json.loads(ended.stdout) if ended.exit == 0 else (ended.exit, ended.stderr)

    return run


def before(tool: str, **arguments: Any) -> dict[str, Any]:
    return {
        "hook_event_name": "PreToolUse",
        "session_id": "s",
        "cwd": "/src",
        "tool_name": tool,
        "tool_input": arguments,
        "tool_use_id": "toolu_1",
    }


def said(answer: Any) -> tuple[str, str]:
    told = answer["hookSpecificOutput"]
    assert told["hookEventName"] == "PreToolUse"
    return told["permissionDecision"], told["permissionDecisionReason"].partition(" (decision dec-")[0]


def test_a_call_is_refused_asked_or_left_to_the_host(hook: Hook, outside: Any, tmp_path: Path) -> None:
    assert hook(**before("Read", file_path="/src/a.py")) == {}
    assert said(hook(**before("Read", file_path="/etc/passwd"))) == ("deny", "leastward: no-rule.")
    assert said(hook(**before("Write", file_path="/src/a"))) == ("deny", "leastward: rule. Nothing is written here.")
    effect, reason = said(hook(**before("Bash", command="git push")))
    assert (effect, reason.startswith("leastward: needs-approval.")) == ("ask", True)
    assert hook(**before("mcp__github__get_issue", number=1)) == {}
    assert said(hook(**before("mcp__other__get_issue", number=1)))[0] == "deny"
    records = outside.read_records(tmp_path / "gate.db")
    assert [(one["door"], one["tool"], one["effect"]) for one in records] == [
        ("hook", "Read", "allow"),
        ("hook", "Read", "forbid"),
        ("hook", "Write", "forbid"),
        ("hook", "Bash", "ask"),
        ("hook", "github/get_issue", "allow"),
        ("hook", "other/get_issue", "forbid"),
    ]


def test_a_gate_that_is_not_in_order_says_what_is_wrong_and_shows_no_policy(hook: Hook, tmp_path: Path) -> None:
    event = before("Read", file_path="/src/a.py")
    assert hook("-c", "none.yaml", **event) == (2, "leastward: none.yaml: cannot be read: no such file or directory\n")
    (tmp_path / "bad.lw").write_text('language 1\nallow pay(to) when to = "sesame"\n')
    (tmp_path / "bad.yaml").write_text("policies: [bad.lw]\n")
    says = "leastward: the policy does not load: `leastward doctor -c bad.yaml` says why\n"
    assert hook("-c", "bad.yaml", **event) == (2, says)


def test_allow_is_only_said_where_it_was_asked_for(hook: Hook) -> None:
    assert said(hook("--allow", **before("Bash", command="ls")))[0] == "allow"
    changed = hook(**before("Fix", dry=False))["hookSpecificOutput"]
    assert (changed["permissionDecision"], changed["updatedInput"]) == ("ask", {"dry": True})
    changed = hook("--allow", **before("Fix", dry=False))["hookSpecificOutput"]
    assert (changed["permissionDecision"], changed["updatedInput"]) == ("allow", {"dry": True})
    changed = hook("--allow", **before("Fix", dry=1))["hookSpecificOutput"]
    assert changed["updatedInput"] == {"dry": True}, "to Python the two are equal"


def test_what_came_back_is_known_to_the_next_process(hook: Hook) -> None:
    edit = before("Edit", file_path="/src/a", old_string="a", new_string="b")
    assert said(hook(**edit))[0] == "deny"
    read = before("Read", file_path="/src/a")
    assert hook(**read) == {}
    assert said(hook(**edit))[0] == "deny"
    assert hook(**{**read, "hook_event_name": "PostToolUse", "tool_response": {"text": "x"}}) == {}
    assert hook(**edit) == {}


def test_prompts_are_the_users_words_only_where_the_host_is_trusted(hook: Hook) -> None:
    prompt = {"hook_event_name": "UserPromptSubmit", "prompt": "read https://a.example/x please"}
    fetch = before("Fetch", url="https://a.example/x")
    assert hook(**prompt) == {}
    assert said(hook(**fetch))[0] == "deny"
    assert hook("--speaks-for-user", **prompt) == {}
    assert hook(**fetch) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"hook_event_name":"PreToolUse","tool_name":"Read","tool_name":"Write","tool_input":{}}',
        '{"hook_event_name":"PreToolUse","tool_name":"Read"}',
        '{"hook_event_name":"PreToolUse","tool_name":"","tool_input":{}}',
        '{"hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"a":NaN}}',
        '{"tool_name":"Read","tool_input":{}}',
        '{"hook_event_name":"BeforeTool","tool_name":"Read","tool_input":{"file_path":"/src/a.py"}}',
        '{"hook_event_name":"PermissionRequest","tool_name":"Read","tool_input":{"file_path":"/src/a.py"}}',
        '{"hook_event_name":"beforeShellExecution","command":"ls"}',
    ],
)
def test_what_is_no_event_blocks(hook: Hook, text: str) -> None:
    code, told = hook(text=text or " ")
    assert code == 2
    assert told.startswith("leastward: ")


def test_a_broken_gate_blocks(leastward: Any) -> None:
    event = json.dumps(before("Read", file_path="/src/a.py"))
    for files in ({"leastward.yaml": "policies: ['none/*.lw']\n"}, {"leastward.yaml": "nonsense: 1\n"}):
        ended = leastward("hook", stdin=event, files=files)
        assert (ended.exit, ended.stdout) == (2, "")


def test_other_events_are_nothing_to_it(hook: Hook) -> None:
    assert hook(hook_event_name="SessionStart", session_id="s") == {}


def test_several_at_once_take_turns(command: list[str], hook: Hook, tmp_path: Path) -> None:
    assert hook(**before("Read", file_path="/src/a.py")) == {}  # writes the files
    events = [json.dumps(before("Read", file_path=path)) for path in ("/src/1", "/etc/2", "/src/3")]
    started = [
        subprocess.Popen([*command, "hook"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in events
    ]
    for process, event in zip(started, events, strict=True):
        assert process.stdin is not None
        process.stdin.write(event)
        process.stdin.close()
    told = []
    for process in started:
        assert process.stdout is not None
        with process, process.stdout:
            told.append(json.loads(process.stdout.read()))
    assert [process.returncode for process in started] == [0, 0, 0]
    assert told[0] == told[2] == {}
    assert said(told[1])[0] == "deny"
