"""Anthropic's Messages API on the wire: pure functions and one state machine, no I/O. MESSAGES is the Dialect.

    client bytes    -> request.py -> offers.py (what is kept), history.py (results, refusals put back) -> upstream
    upstream bytes  -> answer.py or stream.py -> held_message.py -> (Decisions) -> client

Words, beside those of the package above:

    block          one member of a message's `content`; blocks.py is the table of those that the gate knows
    spoken block   text, thinking or redacted thinking: it leaves in order, and at once where the answer is streamed
    call block     `tool_use`: held until it is judged, and leaves behind all spoken blocks of its answer
    provider block what a tool that ran at the provider said or is to do: refused in an answer, because nothing could
                   judge it before it ran
    HeldMessage    the blocks of one answer while its calls wait for their Decisions
    Earlier        what earlier rounds of one answer gave, where the gate itself asked the model again

docs/wire-anthropic-messages.md says what passes and what is refused.
"""

from __future__ import annotations

from ..dialect import Dialect
from .dialect import Messages
from .token_count import COUNT_TOKENS_PATH, read_token_count

MESSAGES: Dialect = Messages()

__all__ = ["COUNT_TOKENS_PATH", "MESSAGES", "read_token_count"]
