"""One small data set for all tests of the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from training import Data
from training.cases import Knobs, of_knobs

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C, where PyYAML was built with it
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data() -> Data:
    """Two policies of depth 2, one path in five unseen."""
    return of_knobs(Knobs(environment=1, tasks=2, depth=2), 11, policies=2, train=300, test=120, unseen=0.2)


def _policies() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "examples").rglob("*.lw")) + sorted((ROOT / "tests").rglob("*.lw")):
        yield str(path.relative_to(ROOT)), path.read_text()
    for path in sorted((ROOT / "tests/corpus/decide").rglob("*.yaml")):
        for case in yaml.load(path.read_text(), _LOADER):
            yield f"{path.stem}: {case['case']}", case["policy"]
            for name, text in (case.get("files") or {}).items():
                yield f"{path.stem}: {case['case']}: {name}", text


@pytest.fixture(scope="session")
def policies() -> list[tuple[str, str]]:
    """Every policy of examples/ and of the corpora, by a name to find it by."""
    return list(_policies())
