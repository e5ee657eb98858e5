"""policy_dsl/findings.py and docs/findings: one page per code, whose examples are run.

On a page the first `lw` block gives exactly one finding, of the page's code, and the `text` block is what it prints;
the last `lw` block is the same policy put right, and gives none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from policy_dsl.findings import CODES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "findings"


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", CODES)
def test_page(code: str, checked: Any) -> None:
    page = (DOCS / f"{code}.md").read_text(encoding="utf-8")
    kind = CODES[code]
    assert page.startswith(f"# {code}\n\n*{kind.severity}*: {kind.summary}.\n")
    servers = re.search(r"<!-- servers: (.*) -->", page)
    wrong, right = _blocks(page, "lw")
    [printed] = _blocks(page, "text")

    def findings(text: str) -> list[Any]:
        tools = DOCS / "tools.json" if "use tools" in text else None
        found: list[Any] = checked(text, tools, servers=servers[1].split() if servers else (), path=f"{code}.lw")
        return found

    [found] = findings(wrong)
    assert found.code == code
    assert found.severity == kind.severity
    assert found.docs == f"docs/findings/{code}.md"
    assert found.render() + "\n" == printed
    assert findings(right) == []


def test_every_page_is_a_code_and_stands_in_the_table() -> None:
    assert {page.stem for page in DOCS.glob("*.md")} - {"README"} == set(CODES)
    rows = [f"| [{code}]({code}.md) | {kind.severity} | {kind.summary} |" for code, kind in CODES.items()]
    assert "\n".join(rows) in (DOCS / "README.md").read_text(encoding="utf-8")
