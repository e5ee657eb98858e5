"""server/policies.py: loading, looking again, and keeping the last good set."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from guardrail import Session, ToolCall
from guardrail.model import ANYONE
from server.policies import Policies, PoliciesError

GOOD = "language 1\nallow a(...)\n"
OTHER = "language 1\nallow b(...)\n"


def policies(folder: Path, *patterns: str, tools: str | None = None) -> tuple[Policies, list[str]]:
    told: list[str] = []
    return Policies(patterns or ("*.lw",), tools, folder, reloaded=told.append), told


def effect(held: Policies, tool: str) -> str:
    return held.current.decide(ToolCall(tool, {}), Session(ANYONE)).effect


def looked(held: Policies) -> None:
    """Two looks: a change is loaded once it has been at rest for one interval."""
    held.look()
    held.look()


def test_a_good_set_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "one.lw").write_text(GOOD)
    (tmp_path / "two.lw").write_text(OTHER)
    held, told = policies(tmp_path)
    assert not held.is_loaded
    held.load()
    assert held.is_loaded
    assert (effect(held, "a"), effect(held, "b"), effect(held, "c")) == ("allow", "allow", "forbid")
    assert told == ["loaded"]
    assert held.loaded_at is not None


def test_before_the_first_load_there_is_nothing_to_decide_by(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        _ = policies(tmp_path)[0].current


@pytest.mark.parametrize(
    ("files", "patterns", "said"),
    [
        ({}, ("*.lw",), "no file matches `*.lw`"),
        ({"a.lw": GOOD}, ("*.lw", "b/*.lw"), "no file matches `b/*.lw`"),
        ({"a.lw": "language 1\nallow a(\n"}, ("*.lw",), "a.lw:"),
        ({"a.lw": 'language 1\nuse tools "missing.json"\nallow a(...)\n'}, ("*.lw",), "missing.json"),
        ({"a.lw": "language 1\nallow a(x) when x in unknown\n"}, ("*.lw",), "unknown"),
        ({"a.lw": "language 999\n"}, ("*.lw",), "999"),
    ],
)
def test_a_bad_set_is_not(files: dict[str, str], patterns: tuple[str, ...], said: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    held, told = policies(tmp_path, *patterns)
    with pytest.raises(PoliciesError) as caught:
        held.load()
    assert said in caught.value.rendered
    assert not held.is_loaded
    assert told == []


def test_what_check_calls_an_error_is_refused(tmp_path: Path) -> None:
    tools = [{"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": {"type": "number"}}}}]
    (tmp_path / "tools.json").write_text(json.dumps(tools))
    (tmp_path / "a.lw").write_text('language 1\nuse tools "tools.json"\nallow pya(amount)\n')
    with pytest.raises(PoliciesError) as caught:
        policies(tmp_path)[0].load()
    assert "pya" in caught.value.rendered


def test_the_tools_of_the_settings_are_an_authority(tmp_path: Path) -> None:
    tools = [{"name": "a", "inputSchema": {"type": "object", "properties": {}}}]
    (tmp_path / "tools.json").write_text(json.dumps(tools))
    (tmp_path / "one.lw").write_text("language 1\nallow *(...)\n")
    held, _ = policies(tmp_path, tools="tools.json")
    held.load()
    assert (effect(held, "a"), effect(held, "b")) == ("allow", "forbid")


def test_a_change_is_taken_once_it_is_at_rest(tmp_path: Path) -> None:
    (tmp_path / "one.lw").write_text(GOOD)
    held, told = policies(tmp_path)
    held.load()
    looked(held)
    before = held.current
    (tmp_path / "one.lw").write_text(OTHER)
    held.look()
    assert held.current is before
    held.look()
    assert (effect(held, "a"), effect(held, "b")) == ("forbid", "allow")
    assert told[-1] == "loaded"


def test_a_file_that_is_being_written_is_not_taken(tmp_path: Path) -> None:
    """The first half of a policy may be a policy too, without the forbids at its end."""
    path = tmp_path / "one.lw"
    path.write_text(GOOD + "forbid a\n")
    held, _ = policies(tmp_path)
    held.load()
    looked(held)
    for rest in (GOOD, GOOD + "forbid ", GOOD + "forbid a\nallow b(...)\n"):
        path.write_text(rest)
        held.look()
        assert effect(held, "a") == "forbid"
    held.look()
    assert (effect(held, "a"), effect(held, "b")) == ("forbid", "allow")


def test_the_last_good_set_stays(tmp_path: Path) -> None:
    (tmp_path / "one.lw").write_text(GOOD)
    held, told = policies(tmp_path)
    held.load()
    before = held.current
    (tmp_path / "one.lw").write_text("language 1\nallow a(\n")
    looked(held)
    assert held.current is before
    assert held.error is not None
    assert "one.lw:" in held.error
    assert "^" in held.error
    looked(held)
    assert told.count("failed") == 1  # said once, not every second
    (tmp_path / "one.lw").unlink()
    looked(held)
    assert held.current is before
    assert "no file matches" in held.error
    (tmp_path / "one.lw").write_text(OTHER)
    looked(held)
    assert held.error is None
    assert effect(held, "b") == "allow"


def test_what_was_broken_and_comes_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "one.lw").write_text(GOOD)
    held, told = policies(tmp_path)
    held.load()
    before = held.current
    (tmp_path / "one.lw").write_text("nonsense")
    looked(held)
    assert held.error is not None
    (tmp_path / "one.lw").write_text(GOOD)
    looked(held)
    assert held.error is None
    assert held.current is before
    assert told[-1] == "unchanged"


def test_files_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "one.lw").write_text(GOOD)
    held, _ = policies(tmp_path)
    held.load()
    (tmp_path / "two.lw").write_text(OTHER)
    looked(held)
    assert effect(held, "b") == "allow"
    (tmp_path / "two.lw").unlink()
    looked(held)
    assert effect(held, "b") == "forbid"


def test_a_tool_list_is_watched_too(tmp_path: Path) -> None:
    def write(*names: str) -> None:
        tools = [{"name": name, "inputSchema": {"type": "object", "properties": {}}} for name in names]
        (tmp_path / "tools.json").write_text(json.dumps(tools))

    write("a")
    (tmp_path / "one.lw").write_text('language 1\nuse tools "tools.json"\nallow *(...)\n')
    held, _ = policies(tmp_path)
    held.load()
    assert effect(held, "b") == "forbid"
    write("a", "b")
    looked(held)
    assert effect(held, "b") == "allow"
    (tmp_path / "tools.json").unlink()
    looked(held)
    assert held.error is not None
    assert effect(held, "b") == "allow"
    write("b")  # the policy file did not change, but what it misses is back
    looked(held)
    assert held.error is None
    assert effect(held, "a") == "forbid"


def test_a_write_that_leaves_size_and_times_alone_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "one.lw"
    path.write_text(GOOD)
    held, _ = policies(tmp_path)
    held.load()
    looked(held)
    times = path.stat()
    time.sleep(0.02)
    path.write_text(OTHER)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_mtime_ns == times.st_mtime_ns
    looked(held)
    assert effect(held, "b") == "allow"


def test_nothing_is_read_again_where_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.lw"
    path.write_text(GOOD)
    held, told = policies(tmp_path)
    held.load()
    looked(held)
    told.clear()
    for _ in range(5):
        held.look()
    assert told == []
