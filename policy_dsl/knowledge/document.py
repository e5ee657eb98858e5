"""A policy as a document that a person reads, and that document back to the language.

One sentence a line, in the order of the files, so that the round trip is exact: what is read back has the same
statements. Left out are tests, imports and `use tools`, which say nothing to the one who has to follow the policy.
"""

from __future__ import annotations

import random
import re
from typing import Final

from .. import strict_json
from ..ast import PolicySet
from .reading import Unread, read_back
from .specification import specifications

_MARK: Final = re.compile(r"^- (?:\[[^\]\s]*\] (?=[A-Z(`]))?")


def identifier(policy: PolicySet, name: str) -> str:
    """What replaces the document: its name, and the beginning of its hash, so that two versions never share one."""
    return f"<|policy:{name}@{policy.hash.removeprefix('sha256:')[:8]}|>"


def document(policy: PolicySet, seed: int) -> str:
    """The policy in words. The same policy and seed give the same text."""
    rng = _rng(seed, "document")
    return "\n".join(f"- {one.sentence(rng)}" for one in specifications(policy))


def sentences(policy: PolicySet, seed: int) -> dict[str, str]:
    """Rule id -> the sentence that says it."""
    rng = _rng(seed, "sentences")
    return {rule: told for one in specifications(policy) for told in [one.sentence(rng)] for rule in one.rules}


def read_document(text: str) -> str:
    """A rendered document back in the language. Raises Unread with the line."""
    written = ["language 1"]
    for number, line in enumerate(text.splitlines(), 1):
        sentence = _MARK.sub("", line)
        try:
            written.append(read_back(sentence))
        except Unread as error:
            raise Unread(f"line {number}: {error}") from error
    return "\n".join(written) + "\n"


def _rng(seed: int, what: str) -> random.Random:
    return random.Random(strict_json.encode([seed, what]))  # noqa: S311  # phrasings, no secret
