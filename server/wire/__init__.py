"""The protocols of model servers on the wire: pure functions and small state machines, no I/O.

A Dialect is one of them: CHAT stands here, RESPONSES in `responses`, MESSAGES in `messages`. Direction of flow:

    client bytes    -> Dialect.request -> keeping, with_refusals, continued -> encode -> upstream
    upstream bytes  -> Dialect.answer or Dialect.stream -> HeldCalls -> (Decisions) -> settled / settle -> client

Words:

    ToolResult   what the client says that a tool answered
    Offer        something a request offers the model to use: a tool, a function, a member that makes the provider act
    HeldCall     one call of an answer, completely read, that waits for its Decision; with a `problem` if unreadable
    Observed     a call that ran at the provider, by a tool that the policy kept in the request, and its answer
    Refusal      why a HeldCall is not released; refusal_text is what the model and the reader are told
    PastRefusal  a Refusal with what is needed to find its place in the next request's history
    SoFar        what earlier rounds of one answer fixed, where the gate itself asked the model again
    scan         names of the grammars of calls written as text that are looked for (GRAMMARS, or empty)

What leaves is encoded from the tree that was read; no byte of a request or an answer is passed on. Every fault is a
WireError (errors.py draws the tree). docs/wire-*.md say what passes and what is refused.
"""

from __future__ import annotations

from .calls import MAX_CALLS, PROBLEMS, HeldCall
from .chat import CHAT
from .chat_answer import MAX_CHOICES, ChatAnswer, parse_chat_answer
from .chat_request import ChatRequest, parse_chat_request
from .chat_stream import ChatStream
from .dialect import Dialect, ModelAnswer, ModelRequest, ModelStream, SentRequest
from .errors import MalformedAnswer, MalformedRequest, WireError, openai_error, parse_upstream_error
from .held_choice import Answered, SoFar
from .instructions import Instructions, Naming
from .offer import Offer
from .provided import SERVER as PROVIDER
from .provided import Observed
from .refusal import PastRefusal, Refusal, refusal_text
from .reserved import Reserved
from .results import ToolResult
from .sse import DONE_EVENT, sse_event
from .text_grammars import GRAMMARS
from .text_scan import Scan

__all__ = [
    "CHAT",
    "DONE_EVENT",
    "GRAMMARS",
    "MAX_CALLS",
    "MAX_CHOICES",
    "PROBLEMS",
    "PROVIDER",
    "Answered",
    "ChatAnswer",
    "ChatRequest",
    "ChatStream",
    "Dialect",
    "HeldCall",
    "Instructions",
    "MalformedAnswer",
    "MalformedRequest",
    "ModelAnswer",
    "ModelRequest",
    "ModelStream",
    "Naming",
    "Observed",
    "Offer",
    "PastRefusal",
    "Refusal",
    "Reserved",
    "Scan",
    "SentRequest",
    "SoFar",
    "ToolResult",
    "WireError",
    "openai_error",
    "parse_chat_answer",
    "parse_chat_request",
    "parse_upstream_error",
    "refusal_text",
    "sse_event",
]
