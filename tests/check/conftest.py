"""Reads a policy's text and checks it against a tool file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from policy_dsl import EMPTY_CATALOGUE, Catalogue, Finding, check, parse, policy_set

Checked = Callable[..., list[Finding]]

NOW = 1_795_305_600_000_000
"""2026-11-22, so that no test depends on the day it runs."""


@pytest.fixture
def checked() -> Checked:
    def run(
        text: str, tools: Path | None = None, *, servers: Sequence[str] = (), path: str = "<policy>"
    ) -> list[Finding]:
        catalogue = EMPTY_CATALOGUE
        if tools is not None:
            lists = [Catalogue.read(tools, server=server) for server in servers] or [Catalogue.read(tools)]
            catalogue = Catalogue.merged(lists)
        return check(policy_set([parse(text, path)], catalogue), catalogue, NOW)

    return run
