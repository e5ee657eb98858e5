"""A folder with a policy as an editor has it: `text` with a caret where the pointer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.lsp.workspace import Bundle, Workspace

CARET = "\u2038"
TOOLS = (Path(__file__).parent / "bank.tools.json").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Pointed:
    bundle: Bundle
    path: Path
    offset: int

    @property
    def text(self) -> str:
        return self.bundle.texts[self.path]


Point = Callable[..., Pointed]


@pytest.fixture
def point(tmp_path: Path) -> Point:
    """`point(text, {"other.lw": ...})`: the bundle of `policy.lw`, beside a tool list and other files."""
    (tmp_path / "bank.tools.json").write_text(TOOLS, encoding="utf-8")

    def pointed(text: str, files: Mapping[str, str] | None = None) -> Pointed:
        for name, content in (files or {}).items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        workspace = Workspace()
        path = tmp_path / "policy.lw"
        offset = text.find(CARET)
        workspace.put(path, text.replace(CARET, ""))
        return Pointed(workspace.bundle(path), path, offset)

    return pointed
