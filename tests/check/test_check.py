"""policy_dsl/check: corpus/<code>/ holds policies with one kind of mistake, and want.yaml what is said about each.

A `bad-*.lw` gives exactly the findings listed under its name: the underlined text, the line, the whole message and the
help. A `good-*.lw` gives none. The tools are those of the folder's own tools.json, else of corpus/tools.json; `servers`
in want.yaml offers them at each of those servers, `tools: false` at none; those under `untyped`
have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import EMPTY_CATALOGUE, Catalogue, check, parse, policy_set
from policy_dsl.findings import CODES

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(CORPUS.glob("*/*.lw"))
WANT: dict[str, dict[str, Any]] = {
    folder.name: yaml.safe_load((folder / "want.yaml").read_text(encoding="utf-8"))
    for folder in sorted(CORPUS.iterdir())
    if folder.is_dir()
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_findings(case: Path, checked: Any) -> None:
    code, want = case.parent.name, WANT[case.parent.name]
    own = case.parent / "tools.json"
    bare = want.get("tools") is False or case.stem in want.get("untyped", ())
    tools = None if bare else own if own.exists() else CORPUS / "tools.json"
    text = case.read_text(encoding="utf-8")
    found = [
        {
            "code": finding.code,
            "at": text[finding.span.start : finding.span.end],
            "line": finding.span.line,
            "says": finding.message,
            "help": finding.help,
        }
        for finding in checked(text, tools, servers=want.get("servers", ()))
    ]
    wanted = [{"code": code, "help": None, **expected} for expected in want.get(case.stem, [])]
    assert found == wanted
    assert bool(found) is case.stem.startswith("bad")


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_bad_and_a_good_policy(code: str) -> None:
    stems = [case.stem for case in CORPUS.glob(f"{code}/*.lw")]
    assert any(stem.startswith("bad") for stem in stems)
    assert any(stem.startswith("good") for stem in stems)
    assert {stem for stem in stems if stem.startswith("bad")} == set(WANT[code]) - {"servers", "tools", "untyped"}


def test_every_folder_is_a_code() -> None:
    assert set(WANT) == set(CODES)


def test_findings_of_several_files_stand_in_the_order_of_the_policy_set() -> None:
    tools = Catalogue.read(CORPUS / "tools.json")
    texts = {"b.lw": "language 1\nallow nobody()\nallow no_one()\n", "a.lw": "language 1\nallow somebody()\n"}
    policy = policy_set([parse(text, path) for path, text in texts.items()], tools)
    found = [(finding.path, finding.span.line) for finding in check(policy, tools)]
    assert sorted(found) == [("a.lw", 2), ("b.lw", 2), ("b.lw", 3)]
    assert found == sorted(found, key=lambda at: ([file.path for file in policy.files].index(at[0]), at[1]))


def test_the_catalogue_is_the_policys_own_where_none_is_given() -> None:
    tools = Catalogue.read(CORPUS / "tools.json")
    policy = policy_set([parse("language 1\nallow nobody()\n")], tools)
    assert check(policy) == check(policy, tools)
    assert [finding.code for finding in check(policy, EMPTY_CATALOGUE)] == ["untyped"]
