"""Why a bundle is refused.

BundleRefused     it is not put on the shelf, and not in force; `code` is stable, `rendered` has all that is wrong
"""

from __future__ import annotations


class BundleRefused(Exception):
    """`message` is one lower-case line; `rendered`, where there is more to say, is for a person."""

    def __init__(self, code: str, message: str, rendered: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.rendered = message if rendered is None else rendered
