"""Asking a model for one answer in a given JSON schema, through litellm (extra `llm`): any provider, one's own server.

litellm is imported when the first question is asked: it takes seconds and 180 MB, and most gates ask nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from policy_dsl import StrictJsonError, parse_json, quoted

MAX_ANSWER: Final = 64 * 1024
"""Characters of an answer; a longer one is refused unread."""


class NoLibrary(Exception):
    """litellm is not installed."""


class NoAnswer(Exception):
    """The model gave no text; the message names what went wrong without quoting the model."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask. `model` as litellm names it (`gpt-4o`, `hosted_vllm/Qwen/Qwen3-8B`); `base_url` is the server's,
    where it is one's own. Keys are read from the environment by litellm. `timeout` is seconds for one answer."""

    model: str
    base_url: str | None = None
    timeout: float = 30.0

    def answer(
        self, messages: Sequence[Mapping[str, str]], name: str, schema: Mapping[str, Any], temperature: float
    ) -> str:
        """The text of one answer to `messages`, held to `schema` where the provider can. Raises NoLibrary, NoAnswer."""
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks the network for prices
        try:
            litellm: Any = import_module("litellm")
        except ImportError as error:
            raise NoLibrary("a model needs litellm: install `leastward[llm]`") from error
        try:
            litellm.suppress_debug_info = True  # it prints pages of help otherwise
            response: Any = litellm.completion(
                model=self.model,
                api_base=self.base_url,
                messages=list(messages),
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": name, "schema": schema, "strict": True},
                },
                temperature=temperature,
                timeout=self.timeout,
                num_retries=0,
            )
            text = response.choices[0].message.content
        except Exception as error:  # litellm re-raises a type per provider; whatever it is, there is no answer
            raise NoAnswer(f"no answer ({type(error).__name__})") from error
        if not isinstance(text, str):
            raise NoAnswer("no text")
        return text


class BadAnswer(Exception):
    """The answer is refused as a whole; half of an answer is something that nobody proposed."""


def read_list(text: str, member: str, most: int) -> Sequence[object]:
    """The list in an answer that is an object with that member alone. Raises BadAnswer, and nothing else."""
    if len(text) > MAX_ANSWER:
        raise BadAnswer(f"more than {MAX_ANSWER} characters")
    try:
        answer = parse_json(text)
    except StrictJsonError as error:
        raise BadAnswer(f"no strict JSON: {error}") from error
    if not isinstance(answer, dict) or answer.keys() != {member}:
        raise BadAnswer(f"not an object with {quoted(member)} alone")
    listed = answer[member]
    if not isinstance(listed, list) or len(listed) > most:
        raise BadAnswer(f"{quoted(member)} is no list of at most {most}")
    return listed
