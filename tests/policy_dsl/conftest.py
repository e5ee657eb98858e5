"""What the tests of the language share: the corpus of policies, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import ToolPattern, spelling

HERE = Path(__file__).parent


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `policy_path` runs once for each policy of the corpus."""
    if "policy_path" in metafunc.fixturenames:
        paths = sorted((HERE / "corpus").glob("*.lw"))
        metafunc.parametrize("policy_path", paths, ids=[path.stem for path in paths])


@pytest.fixture
def policy_text(policy_path: Path) -> str:
    return policy_path.read_bytes().decode()


@pytest.fixture(scope="session")
def as_read() -> Callable[[Any], Any]:
    """A tree the way a text gives it back: quotes around a tool are noted, a decimal with no fraction is an integer."""

    def read(node: Any) -> Any:
        if isinstance(node, tuple):
            return tuple(read(item) for item in node)
        if isinstance(node, Decimal):
            return Decimal(f"{node:f}")
        if not is_dataclass(node) or isinstance(node, type):
            return node
        changed = {part.name: read(getattr(node, part.name)) for part in fields(node) if part.init}
        if isinstance(node, ToolPattern):
            changed["quoted"] = '"' in spelling.tool(node)
        return replace(node, **changed)

    return read
