"""What may stand next: the words of a beginning of a text, and the kinds of token that the parser would take there.

For those who help to write a policy (an editor, a highlighter). The parser itself is asked, so nothing here can know
another language than it reads. A text that is no beginning of a policy is read as far as it is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from .parse import driver, grammar

NAMING: Final = frozenset({"NAME", "STRING", "NUMBER", "PATTERN", "PATTERN_TEXT"})
"""Kinds of token that are written in endlessly many ways."""


@dataclass(frozen=True, slots=True)
class Word:
    """One token: its kind in the grammar, how it is written, and its offsets [start, end)."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def is_keyword(self) -> bool:
        return self.kind not in NAMING and self.text[:1].isalpha()


@dataclass(frozen=True, slots=True)
class Following:
    """`accepts` are the kinds of token that fit after `words`. `stopped` is the offset of the first that does not fit,
    None where the whole text is a beginning of a policy."""

    words: tuple[Word, ...]
    accepts: frozenset[str]
    stopped: int | None

    def takes(self, *kinds: str) -> bool:
        return any(kind in self.accepts for kind in kinds)

    @property
    def keywords(self) -> tuple[str, ...]:
        """The words of the language that fit, in order of the alphabet."""
        known = written()
        return tuple(sorted({word for kind in self.accepts for word in known.get(kind, ()) if word[:1].isalpha()}))


def following(text: str) -> Following:
    """What `text` holds, and what may come after it."""
    far = driver().beginning(text)
    words = tuple(Word(token.type, str(token), token.start_pos or 0, token.end_pos or 0) for token in far.tokens)
    accepts = frozenset(kind for kind in far.accepts if _is_word(kind))
    return Following(words, accepts, None if far.at == len(text) else far.at)


@cache
def written() -> Mapping[str, tuple[str, ...]]:
    """How each kind of token is written, for the kinds that have finitely many words or signs."""
    apart = NAMING | {"CLOCK"} | set(grammar().lexer_conf.ignore)
    return {
        terminal.name: _spellings(terminal.pattern.value, plain=terminal.pattern.type == "str")
        for terminal in grammar().terminals
        if _is_word(terminal.name) and terminal.name not in apart
    }


def _spellings(pattern: str, *, plain: bool) -> tuple[str, ...]:
    if plain:
        return (pattern,)
    words = _SPACES.sub(" ", _BOUNDARY.sub("", pattern))
    plural = words.endswith(")s?")
    listed = words.removesuffix("s?").strip("()").split("|")
    return tuple(form for word in listed for form in ((word, f"{word}s") if plural else (word,)))


def keywords() -> frozenset[str]:
    """Every word of the language, names and values apart; a few are two words that belong together."""
    return frozenset(word for words in written().values() for word in words if word[:1].isalpha())


def _is_word(kind: str) -> bool:
    """Not for words that the lexer knows only to refuse them."""
    return not kind.startswith(("LATER_", "RESERVED", "$"))


_BOUNDARY: Final = re.compile(r"\(\?!\[.*\]\)$")
_SPACES: Final = re.compile(r"\[\s+\]\+")  # lark has taken the escapes in the brackets apart
