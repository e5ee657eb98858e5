"""Counting tokens: the same request, another path, and an answer in which no model speaks."""

from __future__ import annotations

from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse

from ..errors import MalformedAnswer

COUNT_TOKENS_PATH: Final = "/messages/count_tokens"
"""Where an upstream counts, behind its base URL."""


def read_token_count(body: bytes) -> bytes:
    """The answer that leaves for an upstream's answer of status 200: the count, and nothing else that it said.

    The request is read, filtered and encoded as any other of this dialect. Raises MalformedAnswer.
    """
    try:
        tree: Any = parse(body, numbers="kept")
    except StrictJsonError as error:
        raise MalformedAnswer(f"the answer is not strict JSON: {error.code}") from None
    count = tree.get("input_tokens") if isinstance(tree, dict) else None
    if type(count) is not int or count < 0:
        raise MalformedAnswer("the answer is not a count of tokens")
    return encode({"input_tokens": count})
