"""Rendered sentences back to the language, by the same phrases that rendered them.

All ways to read a text are found (a memo over sort and place keeps that polynomial); a text that can be read as two
different statements is refused, so that a phrase that means two things cannot hide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .phrases import ROWS, TOKEN, TOKENS, Phrase, Row, Slot, Sort

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SCALARS: Final = ("true", "false", "null")


class Unread(Exception):
    """A text that no phrase explains, or that two explain differently."""


def read_back(text: str, sort: Sort = "statement") -> str:
    """What a told term says in the language. Raises Unread."""
    reader = _Reader(TOKEN.findall(text))
    found = {written for end, written in reader.read(sort, 0) if end == len(reader.tokens)}
    if len(found) != 1:
        raise Unread(f"{'no phrase explains' if not found else 'two phrases explain'} `{text}`")
    return found.pop()


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self._memo: dict[tuple[Sort, int], frozenset[tuple[int, str]]] = {}

    def read(self, sort: Sort, at: int) -> frozenset[tuple[int, str]]:
        """Every way to read a term of this sort from here: where it ends, and what it says."""
        key = (sort, at)
        known = self._memo.get(key)
        if known is None:
            if sort in TOKENS:
                known = frozenset(self._token(sort, at))
            else:
                known = frozenset(
                    way for row in ROWS[sort].values() if row.written is not None for way in self._row(row, at)
                )
            self._memo[key] = known
        return known

    def _row(self, row: Row, at: int) -> Iterator[tuple[int, str]]:
        assert row.written is not None
        for phrase in row.phrases:
            for end, slots in self._phrase(phrase, 0, at):
                yield end, "".join(part if isinstance(part, str) else _joined(part, slots) for part in row.written)

    def _phrase(self, phrase: Phrase, step: int, at: int) -> Iterator[tuple[int, dict[str, tuple[str, ...]]]]:
        tokens = phrase.tokens
        while step < len(tokens) and isinstance(tokens[step], str):
            if at >= len(self.tokens) or self.tokens[at] != tokens[step]:
                return
            step, at = step + 1, at + 1
        if step == len(tokens):
            yield at, {}
            return
        slot = tokens[step]
        assert isinstance(slot, Slot)
        for end, values in self._slot(slot, at):
            for last, others in self._phrase(phrase, step + 1, end):
                yield last, {slot.name: values, **others}

    def _slot(self, slot: Slot, at: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        if slot.between is None:
            for end, written in self.read(slot.sort, at):
                yield end, (written,)
            return
        between = TOKEN.findall(slot.between)
        if not between:
            yield at, ()
        yield from self._several(slot.sort, between, at)

    def _several(self, sort: Sort, between: list[str], at: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        for end, written in self.read(sort, at):
            if end == at:
                continue
            yield end, (written,)
            if self.tokens[end : end + len(between)] == between:
                for last, others in self._several(sort, between, end + len(between)):
                    yield last, (written, *others)

    def _token(self, sort: Sort, at: int) -> Iterator[tuple[int, str]]:
        if at >= len(self.tokens):
            return
        token = self.tokens[at]
        quoted, number = token.startswith('"') and len(token) > 1, _NUMBER.fullmatch(token) is not None
        if sort == "code":
            if token.startswith("`") and len(token) > 1:
                yield at + 1, token[1:-1].replace("``", "`")
        elif (
            (sort == "text" and quoted)
            or (sort == "number" and number)
            or (sort == "scalar" and (quoted or number or token in _SCALARS))
            or (sort == "word" and _WORD.fullmatch(token))
        ):
            yield at + 1, token


def _joined(slot: Slot, slots: dict[str, tuple[str, ...]]) -> str:
    return (slot.between or "").join(slots.get(slot.name, ()))
