"""A tokenizer whose vocabulary is the data: one token per word, digit, run of JSON marks or single character.

Digits stand one by one, so that a small model compares two numbers of equal length place by place instead of learning
an order of whole numbers by heart. Every character is kept, and the decoder joins without spaces, so that
`decode(encode(text)) == text` for any text made of known tokens: the reward parses the answer as strict JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ..prompting import ANSWER, END, START, THINK

_PIECE: Final = r" ?[A-Za-z_]+|[0-9]|[\"{}:,]+|\s|[^\sA-Za-z0-9_\"{}:,]"
_UNKNOWN: Final = "<unk>"
_MARKS: Final = (END, START, THINK, ANSWER)
_SAID: Final = (THINK, ANSWER)
"""Part of an answer: TRL and verl leave special tokens out of the text that a reward is given, and it reads these."""


def word_tokenizer(texts: Iterable[str], identifiers: Iterable[str]) -> Any:
    """The tokenizer of `texts`, each of `identifiers` one token. Token 0 ends a turn and pads, on the left."""
    whole = [*_MARKS, *sorted(set(identifiers))]
    marks = re.compile("|".join(re.escape(mark) for mark in sorted(whole, key=len, reverse=True)))
    words = {piece for text in texts for part in marks.split(text) for piece in re.findall(_PIECE, part)}
    vocabulary = {word: place for place, word in enumerate([*whole, _UNKNOWN, *sorted(words - {_UNKNOWN})])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECE), "isolated")
    inner.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=END, pad_token=END, unk_token=_UNKNOWN, padding_side="left"
    )
    made.add_special_tokens({"additional_special_tokens": [one for one in whole[1:] if one not in _SAID]})
    made.add_tokens([AddedToken(one, special=False, normalized=False) for one in _SAID])
    return made
