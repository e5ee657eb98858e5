"""Recorded calls under two policies: which come out otherwise.

Each policy sees the whole recording in sessions of its own, so that what one of them released or refused earlier counts
for its own later decisions only.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from .desk import BAD_LINE, Desk
from .errors import ProblemFound
from .output import console, plain

if TYPE_CHECKING:
    from rich.console import Console

    from policy_dsl import PolicySet

SHOWN: Final = 50
"""Flips that a person is shown; JSON has all of them."""

PATIENCE: Final = 2.0
"""Seconds after which a bar shows how far the recording has been replayed."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One recorded call, by its line in the recording, with the two answers as `decide` prints them."""

    line: int
    tool: str
    session: str | None
    old: dict[str, Any]
    new: dict[str, Any]

    @property
    def kind(self) -> str:
        return f"{self.old['effect']} -> {self.new['effect']}"


@dataclass(frozen=True, slots=True)
class Flips:
    """`unjudged` are the calls that one of the two grants subject to a judge: nobody asks him about a recording, so
    they count as refused there."""

    calls: int
    bad_lines: int
    unjudged: int
    flips: tuple[Flip, ...]

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(flip.kind for flip in self.flips).items()))

    def as_json(self) -> dict[str, Any]:
        listed = [
            {"line": one.line, "tool": one.tool, "session": one.session, "old": one.old, "new": one.new}
            for one in self.flips
        ]
        told = {"calls": self.calls, "bad_lines": self.bad_lines, "unjudged": self.unjudged}
        return {**told, "counts": self.counts(), "flips": listed}

    def print(self, out: Console) -> None:
        out.print(f"\ntraffic: {self.calls} calls, {len(self.flips)} come out otherwise")
        if self.unjudged:
            out.print(
                f"  {self.unjudged} of them a rule grants subject to a judge, who is not asked here: "
                "they count as refused under it (`decide --judge` asks)"
            )
        for kind, count in self.counts().items():
            out.print(plain(f"  {kind}: {count}"))
        for flip in self.flips[:SHOWN]:
            out.print(plain(f"  line {flip.line}: {flip.tool}: {_told(flip.old)} -> {_told(flip.new)}"))
        if len(self.flips) > SHOWN:
            out.print(f"  and {len(self.flips) - SHOWN} more: --json lists all")


def _told(answer: dict[str, Any]) -> str:
    return f"{answer['effect']} ({answer.get('rule') or answer['reason']})"


def replay(path: str, old: PolicySet, new: PolicySet) -> Flips:
    """Every call of a recording under both policies. Raises ProblemFound where the recording cannot be read."""
    desks = (Desk(old), Desk(new))
    flips: list[Flip] = []
    calls = unjudged = 0
    try:
        with Path(path).open("rb") as recording, _bar(recording, Path(path).stat().st_size) as advance:
            for number, line in enumerate(recording, 1):
                advance(len(line))
                answers = _both(desks, line.rstrip(b"\r\n"))
                if answers is None:
                    continue
                calls += 1
                was, is_now = answers
                unjudged += "needs-judge" in (was["reason"], is_now["reason"])
                if was["effect"] != is_now["effect"]:
                    tool, session = _about(line)
                    flips.append(Flip(number, tool, session, was, is_now))
    except OSError as error:
        raise ProblemFound(f"{path} cannot be read: {error.strerror}") from error
    return Flips(calls, desks[0].bad_lines, unjudged, tuple(flips))


def _both(desks: tuple[Desk, Desk], line: bytes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    was = desks[0].take(line)
    with contextlib.redirect_stderr(io.StringIO()):  # the first desk has already said what is wrong with the line
        is_now = desks[1].take(line)
    if was is None or is_now is None or was == BAD_LINE:
        return None
    return json.loads(was), json.loads(is_now)


def _about(line: bytes) -> tuple[str, str | None]:
    try:
        read = json.loads(line)
        return str(read["tool"]), read.get("session")
    except (ValueError, KeyError, TypeError):
        return "?", None


@contextlib.contextmanager
def _bar(recording: IO[bytes], size: int) -> Iterator[Any]:
    """A bar on stderr that appears when it takes longer than PATIENCE."""
    from time import monotonic

    from rich.progress import Progress

    started = monotonic()
    progress = Progress(console=console(to_stderr=True), transient=True)
    task = progress.add_task("replaying", total=size)

    def advance(by: int) -> None:
        progress.advance(task, by)
        if not progress.live.is_started and monotonic() - started > PATIENCE:
            progress.start()

    try:
        yield advance
    finally:
        progress.stop()
