"""server/wire/streamed_choice.py: what has come of one choice becomes the HeldChoice that a whole answer would give."""

from __future__ import annotations

from server.wire import HeldCall
from server.wire.stream_calls import CallParts
from server.wire.streamed_choice import StreamedChoice
from server.wire.text_scan import TextScanner


def test_calls_are_numbered_in_the_order_of_a_whole_answer() -> None:
    choice = StreamedChoice(3)
    written = TextScanner(("hermes",))
    plain = written.push('before <tool_call>{"name":"w","arguments":{}}</tool_call>')
    choice.said["content"], choice.scanners["content"] = [plain], written
    for at, name in ((5, "second"), (1, "first")):
        choice.parts[at] = CallParts()
        choice.parts[at].add({"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}})
    choice.function = CallParts()
    choice.function.add_function({"name": "legacy", "arguments": '{"a":1}'})
    choice.complete()
    assert choice.held.said == {"content": "before "}
    assert choice.held.calls == (
        HeldCall(3, 0, "first", "first", {}, "tool", None),
        HeldCall(3, 1, "second", "second", {}, "tool", None),
        HeldCall(3, 2, "", "legacy", {"a": 1}, "function", None),
        HeldCall(3, 3, "", "w", {}, "text:hermes", None),
    )


def test_calls_that_share_an_id_are_unreadable() -> None:
    choice = StreamedChoice(0)
    for at in (0, 1):
        choice.parts[at] = CallParts()
        choice.parts[at].add({"id": "same", "type": "function", "function": {"name": "f", "arguments": "{}"}})
    choice.complete()
    assert [call.problem for call in choice.held.calls] == ["duplicate-id", "duplicate-id"]
