"""server/demo/transcripts.py and the committed transcripts themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.demo import TranscriptError, examples, read_tools, read_transcripts

DEMO = examples() / "demo"


def test_the_committed_transcripts_are_small_and_hold_both_kinds() -> None:
    transcripts = read_transcripts(DEMO)
    assert {bool(one.attack_calls) for one in transcripts} == {False, True}
    assert sum(path.stat().st_size for path in DEMO.glob("*.jsonl")) < 40_000
    assert len({one.name for one in transcripts}) == len(transcripts)


def test_every_call_is_of_a_tool_that_the_agent_offers() -> None:
    offered = {tool["function"]["name"] for tool in read_tools(examples() / "banking.lw")}
    assert {call.tool for one in read_transcripts(DEMO) for call in one.calls} <= offered


@pytest.mark.parametrize("text", ["", "not JSON\n", '{"prompt":"x"}\n', "[]\n"])
def test_what_is_no_transcript_is_named_by_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(TranscriptError, match=r"no transcript|`a\.jsonl` line 1"):
        read_transcripts(tmp_path)
