"""server/upstream/errors.py: the codes are the contract that the gate's answers and metrics are built on."""

from __future__ import annotations

import re

from server.upstream import UpstreamError
from server.upstream.errors import CODES


def test_codes_are_kebab_case_and_unique() -> None:
    assert len(set(CODES)) == len(CODES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in CODES)


def test_an_error_says_what_happened() -> None:
    error = UpstreamError("read-timeout", "silence for more than 3 seconds")
    assert (error.code, str(error)) == ("read-timeout", "silence for more than 3 seconds")
