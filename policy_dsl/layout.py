"""Lines of a formatted file and the comments between them.

The formatter makes `Line`s that know which stretch of the source they stand for; `Comments` puts every comment back
where its writer had it: after the code it followed, or on a line of its own before the code that it preceded. A comment
inside what is now one line goes before that line, and a second formatting moves nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .ast import Comment

INDENT: Final = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output. `start` and `end` are the stretch of the source it stands for.

    `begins`: a statement begins here, so a blank line before it is kept. `closes`: it closes a block, so a comment on
    its own line before it belongs to the block.
    """

    indent: int
    text: str
    start: int
    end: int
    begins: bool = False
    closes: bool = False


class Comments:
    """The comments of one source text, in order."""

    def __init__(self, comments: Sequence[Comment], source: str) -> None:
        self._comments = sorted(comments, key=lambda comment: comment.span.start)
        self._starts = [comment.span.start for comment in self._comments]
        self._source = source

    def between(self, start: int, end: int) -> bool:
        """Whether a comment stands in this stretch of the source."""
        return bisect_left(self._starts, start) < bisect_left(self._starts, end)

    def put_into(self, lines: Sequence[Line]) -> str:
        """The text of the lines with the comments at their places and single blank lines where the source has any."""
        starts = [line.start for line in lines]
        before: list[list[Comment]] = [[] for _ in range(len(lines) + 1)]
        behind: list[Comment | None] = [None] * len(lines)
        for comment in self._comments:
            place = bisect_right(starts, comment.span.start)  # the first line that starts after the comment
            inside = place > 0 and comment.span.start < lines[place - 1].end
            if place == 0 or (comment.own_line and not inside):
                before[place].append(comment)
            elif comment.own_line:
                before[place - 1].append(comment)
            else:
                earlier = behind[place - 1]
                if earlier is not None:
                    before[place - 1].append(earlier)
                behind[place - 1] = comment
        return self._joined(lines, before, behind)

    def _joined(
        self, lines: Sequence[Line], before: Sequence[Sequence[Comment]], behind: Sequence[Comment | None]
    ) -> str:
        rows: list[str] = []
        opened = True  # the row before opens a block or the file: nothing parts from it

        def add(indent: int, text: str, start: int, may_part: bool) -> None:
            if may_part and not opened and self._blank_before(start):
                rows.append("")
            rows.append(" " * indent + text)

        for index, line in enumerate(lines):
            for comment in before[index]:
                add(line.indent + INDENT * line.closes, comment.text, comment.span.start, True)
                opened = False
            follows = behind[index]
            text = line.text if follows is None else f"{line.text}  {follows.text}"
            add(line.indent, text, line.start, line.begins)
            opened = line.text.endswith("{")
        for comment in before[-1]:
            add(0, comment.text, comment.span.start, True)
            opened = False
        return "\n".join(rows) + "\n"

    def _blank_before(self, start: int) -> bool:
        """Whether an empty line parts this place from what is before it."""
        newlines = 0
        start = min(start, len(self._source))
        while start > 0 and self._source[start - 1].isspace():
            start -= 1
            newlines += self._source[start] == "\n"
        return newlines > 1
