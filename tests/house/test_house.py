"""The rules of the house that a program can hold: names, sizes, public surfaces, words, what may be committed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("policy_dsl", "guardrail", "memory", "server", "training", "evals")
MODULES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
SILENT_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"}


def _committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_is_of_readable_size(module: Path) -> None:
    text = module.read_text()
    assert module.stem not in SILENT_NAMES
    doc = ast.get_docstring(ast.parse(text))
    assert doc, "every module opens with what it is for"
    lines = text.count("\n")
    assert lines <= 500 or re.search(r"500 lines\s+because", doc), (
        f"{lines} lines: split it, or say why at its top (`over 500 lines because`)"
    )


@pytest.mark.parametrize("package", [p for p in PACKAGES if (ROOT / p / "__init__.py").exists()])
def test_all_names_exactly_what_is_public(package: str) -> None:
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)  # ruff keeps their order (RUF022)
    for name in module.__all__:
        assert hasattr(module, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed_and_explains_its_words(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()
    assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text()))


def _is_public(module: str, names: list[str]) -> bool:
    """Whether the module is a package (or part of its surface) that offers these names itself."""
    package, _, part = module.partition(".")
    if part in importlib.import_module(package).__all__:
        return True
    found = importlib.import_module(module)
    return hasattr(found, "__path__") and set(names) <= set(found.__all__)


def test_across_packages_only_public_names_are_imported() -> None:
    """`from policy_dsl.parse import x` from another package reaches past the public surface."""
    reached = []
    for module in MODULES:
        own = module.relative_to(ROOT).parts[0]
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                parts = node.module.split(".")
                names = [name.name for name in node.names]
                if parts[0] in PACKAGES and parts[0] != own and len(parts) > 1 and not _is_public(node.module, names):
                    reached.append(f"{module.relative_to(ROOT)}: from {node.module}")
    # The benchmarks and suites drive the server's own parts, which are no library: that floor may name its modules.
    assert [r for r in reached if not r.startswith("evals/")] == []


def test_nothing_committed_names_a_machine() -> None:
    planted = re.compile(r"(^|[\s\"'(=:])/(work|farm)/|index-url|find-links")
    allowed = {"Makefile"}  # the two pip options that keep index lines out of the lock
    found = []
    for path in _committed():
        if path.name in allowed or path == Path(__file__).resolve():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(text.splitlines(), 1) if planted.search(line)
        ]
    assert found == []


def test_no_committed_file_is_large() -> None:
    large = [p for p in _committed() if p.stat().st_size > 600_000]
    assert large == []
