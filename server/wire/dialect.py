"""What a protocol of model servers offers the gate, so that one gate serves all of them.

A Dialect is one API (chat completions, Responses, Messages): how its requests and answers are read, what it says when
something is refused, and how an answer of the gate's own looks. server/gate.py knows nothing else about any of them.

Direction of flow, the same for each:

    client bytes    -> request -> keeping, with_results, with_refusals, continued -> sent -> upstream
    upstream bytes  -> answer, or stream.feed ... stream.close -> HeldCalls -> (Decisions) -> settled / settle -> client
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from .calls import HeldCall
from .instructions import Instructions
from .offer import Offer
from .provided import Observed
from .refusal import PastRefusal, Refusal
from .results import ToolResult
from .text_scan import Scan

Refusals = Mapping[HeldCall, Refusal]

Kept = frozenset[str]
"""Names of tools that run at the provider and were kept in the request (provided.py)."""


class ModelRequest(Protocol):
    """A strictly read request. It never changes; every step that changes something gives a new one."""

    @property
    def model(self) -> str: ...
    @property
    def stream(self) -> bool: ...
    @property
    def offers(self) -> tuple[Offer, ...]:
        """Everything the request offers the model to use, what runs at the provider included."""
        ...

    def keeping(self, kept: Callable[[Offer], bool]) -> ModelRequest:
        """Without the offers that `kept` does not keep. Raises MalformedRequest (`tool-not-allowed`, 403) where the
        request demands a dropped one."""
        ...

    def user_words(self) -> tuple[str, ...]:
        """The texts that the client says the user wrote, in order."""
        ...

    def results(self) -> tuple[ToolResult, ...]:
        """What tools answered, as the client claims it."""
        ...

    def with_results(self, change: Callable[[str, str], str]) -> ModelRequest:
        """With every text of a tool's answer replaced by `change(tool, text)`."""
        ...

    def with_refusals(self, past: Sequence[PastRefusal]) -> ModelRequest:
        """With earlier refused calls back at their places, each with its refusal as the result."""
        ...

    def with_instructions(self, told: Instructions) -> ModelRequest:
        """With these in front of the instructions that the client gives the model."""
        ...

    def continued(self, answer: Any, refusals: Refusals) -> ModelRequest:
        """For the next round of the same answer: the model's own words, and a refusal for each of its calls. `answer`
        is one of this dialect's, all of whose calls were refused."""
        ...

    def encode(self) -> bytes: ...
    def sent(self) -> SentRequest: ...


class SentRequest(Protocol):
    """What an upstream was asked, for as long as it takes to answer: bytes, and no tree."""

    @property
    def body(self) -> bytes: ...
    def request(self) -> ModelRequest:
        """The request as it was sent, for `continued`."""
        ...


class ModelAnswer(Protocol):
    """A strictly read answer that came in one piece."""

    @property
    def calls(self) -> tuple[HeldCall, ...]: ...
    @property
    def observed(self) -> tuple[Observed, ...]:
        """The calls that ran at the provider, in order."""
        ...

    @property
    def choices(self) -> int:
        """Alternatives in the answer: 1 wherever the API knows none."""
        ...

    @property
    def so_far(self) -> Any:
        """What the next round of the same answer has to go on with; this dialect's own business."""
        ...

    def rewrite(self, changes: Mapping[HeldCall, dict[str, Any]]) -> None:
        """Let calls leave with other arguments than they came with."""
        ...

    def settled(self, refusals: Refusals) -> bytes:
        """The answer that leaves: without the refused calls, each stated in its text. Raises ValueError for an
        unreadable call without a refusal."""
        ...

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        """What later requests are to be told of these refusals."""
        ...


class ModelStream(Protocol):
    """A streamed answer: what leaves at once, and at the end the calls. A fault is raised by `feed` or `close`, and
    from then on always again; what came before it has left."""

    def feed(self, data: bytes) -> bytes:
        """What leaves now for `data` from the upstream."""
        ...

    def close(self) -> tuple[HeldCall, ...]:
        """The upstream closed the connection. Raises MalformedAnswer unless the stream was properly ended."""
        ...

    @property
    def observed(self) -> tuple[Observed, ...]:
        """As of an answer. After `close`."""
        ...

    @property
    def choices(self) -> int: ...
    @property
    def so_far(self) -> Any: ...
    def rewrite(self, changes: Mapping[HeldCall, dict[str, Any]]) -> None: ...
    def settle(self, refusals: Refusals, *, done: bool = True) -> bytes:
        """What leaves after `close`. With `done=False` another round follows: only held words that are no call leave,
        and every call must be refused."""
        ...

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]: ...


class Dialect(Protocol):
    """One API of model servers."""

    @property
    def name(self) -> str:
        """The door as it stands in Records: `chat`, `responses`, `messages`."""
        ...

    @property
    def path(self) -> str:
        """Where an upstream answers, behind its base URL: `/chat/completions`."""
        ...

    def request(self, body: bytes) -> ModelRequest:
        """Raises MalformedRequest."""
        ...

    def answer(self, body: bytes, scan: Scan, so_far: Any = None, kept: Kept = frozenset()) -> ModelAnswer:
        """An answer of status 200; `kept` are the provider's tools that it may have used. Raises MalformedAnswer."""
        ...

    def stream(self, scan: Scan, so_far: Any = None, kept: Kept = frozenset()) -> ModelStream: ...

    def error(self, status: int, message: str, *, code: str) -> bytes:
        """The body of an error, in the API's own shape."""
        ...

    def upstream_error(self, status: int, body: bytes) -> tuple[int, bytes]:
        """An upstream's answer with a status other than 200, as (status, body) for the client."""
        ...

    def error_event(self, body: bytes) -> bytes:
        """`body` of an error as the event that ends a stream which has begun."""
        ...

    def own(self, request: ModelRequest, calls: Sequence[HeldCall], text: str, *, id: str, at: int) -> bytes:
        """An answer that the gate gives by itself: `text`, then `calls` with the arguments that they hold and the ids
        that they came with. A whole body or all events of a stream, as `request` asks for. `id` is 26 characters that
        no other answer has, `at` seconds since 1970."""
        ...
