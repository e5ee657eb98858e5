"""editors/vscode: what the extension declares is there, and nothing of it can be changed by an opened folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from server.cli import VERBS

HERE = Path(__file__).resolve().parents[2] / "editors" / "vscode"


def _json(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def test_every_file_that_the_extension_names_is_there() -> None:
    package = _json("package.json")
    contributes = package["contributes"]
    named = [package["main"], *(one["configuration"] for one in contributes["languages"])]
    named += [one["path"] for one in contributes["grammars"]]
    assert [name for name in named if not (HERE / name).is_file()] == []
    assert contributes["grammars"][0]["scopeName"] == _json("syntaxes/leastward.tmLanguage.json")["scopeName"]


def test_the_command_is_a_verb_and_a_machine_setting() -> None:
    setting = _json("package.json")["contributes"]["configuration"]["properties"]["leastward.command"]
    assert setting["default"][0] == "leastward"
    assert setting["default"][1] in VERBS
    assert setting["scope"] == "machine"  # a folder that somebody opens must not choose what is run


def test_the_words_that_the_editor_selects_are_names_of_the_language() -> None:
    pattern = re.compile(_json("language-configuration.json")["wordPattern"])
    assert [found[0] for found in pattern.finditer("allow read_* as pay-known")] == [
        "allow",
        "read_*",
        "as",
        "pay-known",
    ]


def test_the_client_is_a_script_that_node_reads() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    checked = subprocess.run([node, "--check", str(HERE / "extension.js")], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
