"""Rows that were made a moment ago: one decision asks many rules, and each asks for the row of the same words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .port import Encoder, Rows


class Kept:
    """An encoder that keeps the rows of the last `most` texts. Same id, same rows.

    Threads may share one: the worst of a race is a row that is made twice.
    """

    def __init__(self, encoder: Encoder, most: int = 1_024) -> None:
        if most < 1:
            raise ValueError(f"most must be at least 1, not `{most}`")
        self._encoder, self._most = encoder, most
        self._rows: dict[str, Rows] = {}

    @property
    def id(self) -> str:
        return self._encoder.id

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def encode(self, texts: Sequence[str]) -> Rows:
        if len(texts) == 1 and (row := self._rows.get(texts[0])) is not None:
            return row[np.newaxis]
        if len(texts) > self._most:
            return self._encoder.encode(texts)
        found = {text: row for text in texts if (row := self._rows.pop(text, None)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found.update(zip(missing, self._encoder.encode(missing), strict=True))
        self._rows.update(found)
        for text in list(self._rows)[: max(0, len(self._rows) - self._most)]:
            self._rows.pop(text, None)
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        for at, text in enumerate(texts):
            rows[at] = found[text]
        return rows
