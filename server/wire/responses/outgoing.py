"""What leaves of a streamed response: its events with their numbers, its items with their places.

Everything is counted as it leaves, over all rounds of the answer, so a client sees one stream without gaps.
"""

from __future__ import annotations

from typing import Any

from .events import TEXTS, item_event, item_events, part_event, printed, text_event
from .output import Earlier, HeldItem, says_something
from .streamed_item import StreamedItem, StreamedText


class Outgoing:
    """`left` are the items by their places, None for one that has begun and not ended."""

    def __init__(self, before: Earlier) -> None:
        self.left: list[dict[str, Any] | None] = list(before.items)
        self.sequence = before.sequence

    def send(self, event: dict[str, Any]) -> bytes:
        """One event, with its number."""
        event["sequence_number"] = self.next_number()
        return printed(event)

    def next_number(self) -> int:
        """The number of an event that leaves now."""
        self.sequence += 1
        return self.sequence - 1

    def next_place(self) -> int:
        """The place of an item that begins to leave."""
        self.left.append(None)
        return len(self.left) - 1

    def whole(self, tree: dict[str, Any]) -> bytes:
        """An item of which nothing has left yet."""
        place = self.next_place()
        self.left[place] = tree
        return b"".join(map(self.send, item_events(tree, place)))

    def announce(self, item: StreamedItem, text: StreamedText, stem: str) -> bytes:
        """The beginning of a part. What is still to say of it follows in deltas."""
        text.stem = stem
        if item.place is None:
            return b""
        part = {**text.part, text.word: ""}
        if part.get("annotations"):
            part["annotations"] = []
        return self.send(part_event("added", stem, item.id, item.place, text.at, part))

    def end_text(self, item: StreamedItem, text: StreamedText, part: dict[str, Any], logprobs: Any) -> bytes:
        """The end of a text, and of its part if that was announced."""
        text.finished = True
        if item.place is None:
            return b""
        name, place, at = item.id, item.place, text.at
        out = self.send(text_event("done", text.kind, name, place, at, {text.word: part[text.word]}, logprobs))
        return out + self.send(part_event("done", text.stem, name, place, at, part)) if text.stem else out

    def close_item(self, item: StreamedItem, tree: dict[str, Any]) -> bytes:
        """The end of an item, which left as `tree`."""
        item.closed = True
        if item.place is None:
            return b""
        self.left[item.place] = tree
        return self.send(item_event("done", item.place, tree))

    def rest(self, item: HeldItem, streamed: StreamedItem, tree: dict[str, Any], added: list[str]) -> bytes:
        """What is left to say of an item when it is settled."""
        if streamed.place is None:
            return self.whole(tree) if says_something(tree) else b""
        if streamed.closed:
            return b""
        out = bytearray()
        by_place = {(text.member, text.at): text for text in streamed.texts}
        for text, more in zip(item.texts, added, strict=True):
            arriving = by_place[text.member, text.at]
            if arriving.finished:
                continue
            if more:
                if arriving.stem is None and item.kind == "message":
                    out += self.announce(streamed, arriving, TEXTS[arriving.kind].part)
                delta = more if text.choice.said["content"] else text.glue + more
                out += self.send(
                    text_event("delta", arriving.kind, streamed.id, streamed.place, text.at, {"delta": delta})
                )
            out += self.end_text(streamed, arriving, text.left(more), None)
        return bytes(out + self.close_item(streamed, tree))
