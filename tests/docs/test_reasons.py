"""docs/reasons.md and docs/http.md name every code that a person or a program can meet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

from policy_dsl import Reason, RuleError
from server import recorded
from server.upstream.errors import CODES
from server.wire import PROBLEMS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = set(
    re.findall(r"`([a-z_-]+)`", (ROOT / "docs/reasons.md").read_text() + (ROOT / "docs/http.md").read_text())
)
# A code as the server writes it: `code="..."`, or the second argument of EdgeError; recorded.py names its own.
WRITTEN = re.compile(r"""code="([a-z_-]+)"|EdgeError\(\s*\d+,\s*"([a-z-]+)\"""")


def test_every_reason_is_documented() -> None:
    assert {reason.value for reason in Reason} <= DOCUMENTED
    assert set(get_args(get_type_hints(RuleError)["code"])) <= DOCUMENTED
    assert set(PROBLEMS) <= DOCUMENTED
    assert set(CODES) <= DOCUMENTED


def test_every_code_that_the_server_writes_is_documented() -> None:
    written = set()
    for module in [*(ROOT / "server").glob("*.py"), *(ROOT / "server/wire").rglob("*.py")]:
        written |= {code for match in WRITTEN.findall(module.read_text()) for code in match if code}
    written |= {recorded.NEEDS_APPROVAL, recorded.BARE}
    assert len(written) > 20
    assert written <= DOCUMENTED


def test_problems_are_said_in_the_same_words() -> None:
    page = (ROOT / "docs/reasons.md").read_text()
    for code, sentence in PROBLEMS.items():
        assert f"| `{code}` | {sentence}" in page
