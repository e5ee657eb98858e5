"""The OpenAI Responses API on the wire: RESPONSES, a Dialect (../dialect.py). No I/O, no policy.

Direction of flow:

    client bytes    -> ResponsesRequest -> keeping, with_results, with_refusals, continued -> encode -> upstream
    upstream bytes  -> ResponsesAnswer or ResponsesStream.feed -> HeldCalls -> (Decisions) -> settled, settle -> client

Words:

    item      one member of `input` or `output`; items.py and history.py say in tables which kinds there are
    words     an item that holds the model's words: a message, reasoning; its parts have the texts
    call      an item that the client runs: a function call, a custom tool's call on free text
    elsewhere an item of a tool that runs at the provider, or of a built-in one; it never leaves
    place     the index of an item or the number of an event among those that left, in all rounds of an answer
    Earlier   what earlier rounds of one answer fixed, where the gate itself asked the model again

Modules: items (what an answer may hold) -> output (items held and settled) -> answer; events, streamed_item -> stream;
offers, history -> request. docs/wire-openai-responses.md says what passes and what is refused.
"""

from __future__ import annotations

from ..dialect import Dialect
from .dialect import Responses

__all__ = ["RESPONSES"]

RESPONSES: Dialect = Responses()
