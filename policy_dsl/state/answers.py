"""The answers of tools, indexed when they come, so that asking where a value comes from takes no longer for many.

An index keeps each different part of the answers once, normalised, and for each word and each pair of neighbouring
words the places where it stands. A value that stands in a part has its rarest pair there, so a few places are looked
at. Whether a value holds a whole part is answered from the value: its words are followed from each place on as long as
some part begins so. The answers are those of values/provenance.py, for one Kind of answer at a time.

Bounds: CHARACTERS_KEPT in all, and PLACES_KEPT places for one word or pair; past them a value that is not found is
`forgotten` and not denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ..values import provenance, text
from ..values.provenance import Part

CHARACTERS_KEPT: Final = 256 * 1024
"""Characters of answers that one session keeps, normalised and each part once. Costs up to 16 MiB where no word
repeats."""

KINDS_KEPT: Final = 256
"""Different kinds of answers that one session keeps."""

PLACES_KEPT: Final = 64
"""Places of one word, or pair of words, that are known and looked at."""

_OFFSET_BITS: Final = CHARACTERS_KEPT.bit_length()

_Places = dict[Any, int | list[int]]


class Kind(NamedTuple):
    """What a source asks of an answer. `counts` is whether it may be used to grant: it was observed, or is trusted."""

    server: str | None
    tool: str
    labels: frozenset[tuple[str, str | None]]
    counts: bool

    @classmethod
    def of(cls, written: Iterable[Any]) -> Kind:
        """The Kind again, from its parts as they are written down."""
        server, tool, labels, counts = written
        return cls(server, tool, frozenset((name, compartment) for name, compartment in labels), counts)

    @property
    def written(self) -> list[Any]:
        return [self.server, self.tool, sorted(map(list, self.labels), key=str), self.counts]


class Index:
    """The answers of one Kind. `lost` is whether some could not be kept."""

    __slots__ = ("_beginnings", "_ends", "_numbers", "_pairs", "_words", "lost", "parts")

    def __init__(self) -> None:
        self.lost = False
        self.parts: dict[str, None] = {}
        self._numbers: set[int | Decimal] = set()
        self._words: _Places = {}
        self._pairs: _Places = {}
        self._beginnings: set[int] = set()
        self._ends: set[int] = set()

    def add(self, part: str, listed: list[str]) -> None:
        """Index a normalised part that is not known yet. `listed` are the parts so far, in order."""
        base = len(listed) << _OFFSET_BITS
        listed.append(part)
        self.parts[part] = None
        before = None
        for found in provenance.WORD.finditer(part):
            word, place = found[0], base | found.start()
            _note(self._words, word, place)
            if before is not None:
                _note(self._pairs, hash((before[0], word)), before[1])
            before = word, place
        self._numbers.update(text.numbers(part))
        chain = 0
        for word in (beginning := provenance.beginning(part)):
            chain = hash((chain, word))
            self._beginnings.add(chain)
        if beginning:
            self._ends.add(chain)

    def has_number(self, value: int | Decimal) -> bool:
        return value in self._numbers

    def has(self, wanted: str, listed: list[str]) -> bool | None:
        """Whether a normalised text stands in a part; None where there are more places than are known."""
        places, offset = self._fewest(wanted)
        for place in places:
            part, start = listed[place >> _OFFSET_BITS], (place & (1 << _OFFSET_BITS) - 1) - offset
            if start >= 0 and part.startswith(wanted, start) and text.is_alone(part, start, start + len(wanted)):
                return True
        return None if len(places) == PLACES_KEPT else False

    def _fewest(self, wanted: str) -> tuple[list[int], int]:
        """The known places of the rarest pair of words, and how far into `wanted` they are."""
        words = [(found[0], found.start()) for found in provenance.WORD.finditer(wanted)]
        if len(words) == 1:
            return _listed(self._words.get(words[0][0])), words[0][1]
        best: tuple[list[int], int] | None = None
        for (first, offset), (second, _) in pairwise(words):
            places = _listed(self._pairs.get(hash((first, second))))
            if best is None or len(places) < len(best[0]):
                best = places, offset
            if len(places) <= 1:
                break
        return best or ([], 0)

    def is_held_by(self, words: list[str]) -> bool:
        """Whether the words of a value hold those of a whole part."""
        beginnings, ends = self._beginnings, self._ends
        for start in range(len(words)):
            chain = 0
            for word in words[start : start + provenance.WORDS_HELD]:
                chain = hash((chain, word))
                if chain in ends:
                    return True
                if chain not in beginnings:
                    break
        return False


def _note(places: _Places, what: Any, place: int) -> None:
    found = places.get(what)
    if found is None:
        places[what] = place
    elif type(found) is int:
        places[what] = [found, place]
    elif isinstance(found, list) and len(found) < PLACES_KEPT:
        found.append(place)


def _listed(found: int | list[int] | None) -> list[int]:
    return [] if found is None else [found] if isinstance(found, int) else found


class Answers:
    """All answers of one session. `lost` are the kinds of which some are not kept at all."""

    __slots__ = ("_indexes", "_listed", "_room", "all_lost", "lost")

    def __init__(self) -> None:
        self._indexes: dict[Kind, Index] = {}
        self._listed: list[str] = []
        self._room = CHARACTERS_KEPT
        self.lost: set[Kind] = set()
        self.all_lost = False

    def fresh(self, kind: Kind, result: Any) -> list[str]:
        """The parts of an answer that are not known yet, normalised."""
        known = self._indexes.get(kind)
        found: dict[str, None] = {}
        for part in provenance.parts(result):
            normalised = text.normalised(provenance.spelled(part))
            if normalised and (known is None or normalised not in known.parts):
                found[normalised] = None
        return list(found)

    def add(self, kind: Kind, parts: Iterable[str]) -> None:
        """Index parts as `fresh` gave them, as far as there is room."""
        index = self._indexes.get(kind)
        if index is None:
            if len(self._indexes) >= KINDS_KEPT:
                self.lose(kind)
                return
            index = self._indexes[kind] = Index()
        for part in parts:
            if len(part) > self._room:
                index.lost = True
            elif part not in index.parts:
                self._room -= len(part)
                index.add(part, self._listed)

    def lose(self, kind: Kind) -> None:
        """Know that there was an answer of a kind, and nothing more."""
        if len(self.lost) < KINDS_KEPT:
            self.lost.add(kind)
        else:
            self.all_lost = True

    @property
    def kinds(self) -> Iterable[Kind]:
        return self._indexes

    @property
    def version(self) -> int:
        """Changes with the kinds that there are."""
        return len(self._indexes) + len(self.lost) + self.all_lost

    def find(self, value: Part, kinds: Iterable[Kind]) -> tuple[bool, bool, bool]:
        """Whether the value stands in an answer that counts, in one that does not, and whether some are forgotten."""
        counting = claimed = forgotten = False
        wanted = text.sought(value) if isinstance(value, str) else ""
        if wanted is None:
            return False, False, False
        for kind in kinds:
            index = self._indexes[kind]
            found = index.has_number(value) if not isinstance(value, str) else index.has(wanted, self._listed)
            if found and kind.counts:
                return True, claimed, forgotten
            claimed = claimed or bool(found)
            forgotten = forgotten or found is None or (index.lost and not found)
        return counting, claimed, forgotten

    def is_held_by(self, value: Part, kinds: Iterable[Kind]) -> bool:
        """Whether the value holds a whole part of an answer."""
        words = provenance.words(text.normalised(provenance.spelled(value)))
        return any(self._indexes[kind].is_held_by(words) for kind in kinds)

    def export(self) -> list[Any]:
        indexed = [[kind.written, index.lost, list(index.parts)] for kind, index in self._indexes.items()]
        return [indexed, sorted((kind.written for kind in self.lost), key=str), self.all_lost]

    def restore(self, kept: list[Any]) -> None:
        indexed, lost, self.all_lost = kept
        for named, incomplete, parts in indexed:
            kind = Kind.of(named)
            self.add(kind, parts)
            self._indexes[kind].lost = incomplete
        self.lost = set(map(Kind.of, lost))
