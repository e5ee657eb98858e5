"""Corpora: a test module that names one in CORPUS and takes `case` runs once for each case of it.

corpus/<name>.yaml is a list of groups. A group has what the policy writes (`at`, `root`, `programs`...) and `cases`,
each with the value of the call, what the operator says to it, and why.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

CORPORA = Path(__file__).parent / "corpus"


class Case(NamedTuple):
    kind: str
    written: Any
    value: Any
    want: bool
    why: str


class ExactLoader(yaml.SafeLoader):
    """Numbers with a point as Decimal, as the strict JSON parser gives them."""


ExactLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Decimal(loader.construct_scalar(node)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    name = metafunc.module.CORPUS[metafunc.function.__name__]
    groups = yaml.load((CORPORA / f"{name}.yaml").read_text(), ExactLoader)
    cases = []
    for group in groups:
        (kind,) = group.keys() - {"cases"}
        cases += [Case(kind, group[kind], **case) for case in group["cases"]]
    assert len(cases) >= 25
    metafunc.parametrize("case", cases, ids=[f"{case.why} {case.value!r}"[:60] for case in cases])
