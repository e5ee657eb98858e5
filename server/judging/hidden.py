"""Detector `hidden`: characters that a person does not see and a model or a program reads.

What ordinary writing needs is left alone: joiners between letters of scripts that join (Unicode Standard 23.2) and
between emoji, one variation selector behind a character, the tags of the three flags that are written with them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_TAGS: Final = re.compile("[\U000e0000-\U000e007f]")
_FLAGS: Final = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f")
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}|[\U000e0100-\U000e01ef][ -~]")
_NOTHING: Final = re.compile("[\u200b\u2060-\u2064\ufeff\u180e\u115f\u1160\u3164\uffa0\u206a-\u206f]")
_JOINERS: Final = re.compile("[\u200c\u200d]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PRIVATE: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd\ufdd0-\ufdef\ufff0-\ufff8]")


def hidden(text: str) -> Iterator[str]:
    """`tag-characters` (CVE-like smuggling of ASCII in planes that no font shows), `turned-text` (CVE-2021-42574),
    `selector-run`, `invisible`, `joiner`, `control`, `private-character`, `mixed-letters`."""
    if _CONTROLS.search(text):
        yield "control"
    if text.isascii():
        return
    if _TAGS.search(_FLAGS.sub("", text)):
        yield "tag-characters"
    if _TURNS.search(text):
        yield "turned-text"
    if _SELECTORS.search(text):
        yield "selector-run"
    if _NOTHING.search(text):
        yield "invisible"
    if any(_is_between_latin(text, found.start()) for found in _JOINERS.finditer(text)):
        yield "joiner"
    if _PRIVATE.search(text):
        yield "private-character"
    if any(_is_mixed(word) for word in _WORDS.findall(text)):
        yield "mixed-letters"


_WORDS: Final = re.compile(r"[^\W\d_]{3,}")


def _is_between_latin(text: str, at: int) -> bool:
    """Whether a joiner stands where it joins nothing: beside a letter or digit of ASCII."""
    around = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
    return any(one.isascii() and one.isalnum() for one in around)


def _is_mixed(word: str) -> bool:
    """Latin beside Cyrillic or Greek in one word: how a name is made to look like another (UTS 39 section 5.1)."""
    if word.isascii():
        return False
    scripts = {unicodedata.name(one, "").split(" ", 1)[0] for one in word}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK"})
