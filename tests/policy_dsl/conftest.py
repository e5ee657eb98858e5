"""What the tests of the language share: the corpus of policies, and where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `policy_path` runs once for each policy of the corpus."""
    if "policy_path" in metafunc.fixturenames:
        paths = sorted((HERE / "corpus").glob("*.lw"))
        metafunc.parametrize("policy_path", paths, ids=[path.stem for path in paths])


@pytest.fixture
def policy_text(policy_path: Path) -> str:
    return policy_path.read_bytes().decode()
