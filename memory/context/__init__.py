"""What memory may ask of a call: a Context from (call, facts, policy), and its tests as conditions of the language.

Reader       makes the Context of a call; one for each policy
Vocabulary   what a policy adds to it: its named sets, its labels, and which arguments of a tool it knows
Place        an argument, or a value inside it, as attributes name it: `to`, `filter.dates`, `"odd name"`
kinds        the table of attributes: each with its values, and how it is spelled as a condition

Flow: arguments -> leaves (reader) -> attributes (kinds) -> Context; Condition -> tree of the language (conditions) and
back (read_back); Context <-> bytes beside a Record (encoding). What holds of a Context holds of the call: an attribute
that was left out (a secret, a value too long, more than MOST_ATTRIBUTES of them) fails every test of it, so memory says
less and never more.

| contextual integrity | attributes |
|---|---|
| sender | `agent`, `user`, `role NAME` |
| recipient | `domain PLACE`, `host PLACE`, `in SET PLACE`, `user PLACE` |
| information type | `label NAME`, `arg PLACE`, `has PLACE`, `length PLACE`, `range PLACE`, `folder PLACE` |
| channel | the tool |
"""

from __future__ import annotations

from .conditions import condition_of
from .encoding import Unreadable, decode, encode
from .kinds import MOST_TEXT
from .places import Place, place_of_attribute
from .read_back import read_back
from .reader import MOST_ATTRIBUTES, MOST_DEPTH, MOST_WORDS, Reader, Redact, kept_as_they_are
from .target import Target, spelled_target, target_of
from .vocabulary import OutsideVocabulary, Vocabulary

__all__ = [
    "MOST_ATTRIBUTES",
    "MOST_DEPTH",
    "MOST_TEXT",
    "MOST_WORDS",
    "OutsideVocabulary",
    "Place",
    "Reader",
    "Redact",
    "Target",
    "Unreadable",
    "Vocabulary",
    "condition_of",
    "decode",
    "encode",
    "kept_as_they_are",
    "place_of_attribute",
    "read_back",
    "spelled_target",
    "target_of",
]
