"""What can go wrong with a call to an HTTP tool after it was decided."""

from __future__ import annotations

from typing import Final, Literal, get_args

Code = Literal[
    "bad-arguments",  # the arguments are not those of the operation, or cannot be written into a request
    "url-refused",  # not a URL that all clients read alike, or of a scheme or port that is not open
    "address-refused",  # the name leads to an address that no setting opens
    "no-address",  # the name leads nowhere
    "redirect-refused",  # the tool asked to go where no tool of the gate is
    "too-many-redirects",  # one call was sent on more often than the setting allows
    "answer-refused",  # compressed, binary, not strict JSON, or of a kind that the gate cannot read
    "tool-unreachable",  # no answer, or none that is plain HTTP/1.1; whether the tool acted is unknown
    "answer-too-large",  # the answer is larger than the limit
    "tool-too-slow",  # the answer was not complete in time; whether the tool acted is unknown
]
CODES: Final[tuple[str, ...]] = get_args(Code)

STATUS: Final[dict[Code, int]] = {
    "bad-arguments": 400,
    "url-refused": 400,
    "address-refused": 403,
    "no-address": 502,
    "redirect-refused": 502,
    "too-many-redirects": 502,
    "answer-refused": 502,
    "tool-unreachable": 502,
    "answer-too-large": 502,
    "tool-too-slow": 504,
}
"""What the HTTP edge answers."""


class ToolFault(Exception):
    """`code` is stable; `message` repeats neither arguments nor anything that the tool sent."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message

    @property
    def status(self) -> int:
        return STATUS[self.code]
