"""Docs cannot drift: every fenced block that can be run is run.

`lw` parses; `console` is run line by line in a folder of its own and its output compared (a line `...` stands for any
lines); `python` is compiled, and run where it asserts something; `yaml` and `json` are read.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from policy_dsl import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")})
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks(*kinds: str) -> list[Block]:
    return [block for block in _every_block() if block.kind in kinds]


def _every_block() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


@pytest.mark.parametrize("block", _blocks("lw"), ids=str)
def test_policies_parse(block: Block) -> None:
    text = block.text if block.text.startswith("language") else f"language 1\n{block.text}"
    parse(text, str(block))


@pytest.mark.parametrize("block", _blocks("python"), ids=str)
def test_python_compiles_and_its_assertions_hold(block: Block) -> None:
    code = compile(block.text, str(block), "exec")
    if "assert" in block.text:
        exec(code, {"__name__": "docs"})


@pytest.mark.parametrize("block", _blocks("yaml", "json", "jsonl"), ids=str)
def test_data_is_readable(block: Block) -> None:
    if block.kind == "yaml":
        yaml.safe_load(block.text)
    else:
        for text in block.text.splitlines() if block.kind == "jsonl" else [block.text]:
            json.loads(text)


@pytest.mark.parametrize("block", _blocks("console"), ids=str)
def test_sessions_print_what_they_say(block: Block, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "leastward"
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom server.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    folder = tmp_path / "here"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, wanted = step.partition("\n")
        done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
        pattern = "".join(r"(?:.*\n)*" if said == "..." else re.escape(said) + "\n" for said in wanted.splitlines())
        assert re.fullmatch(pattern, done.stdout + done.stderr), f"$ {line}\n{done.stdout}{done.stderr}"


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
