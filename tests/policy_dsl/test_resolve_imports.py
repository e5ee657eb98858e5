"""Files that import files: from where they stand and from installed packages; nothing is run, read twice or left out.

Names files.py, resolve/{imports,collected}.py.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from policy_dsl import BundleError, load, parse, policy_set

TOOLS = '[{"name": "f", "inputSchema": {"type": "object", "properties": {}}}]'


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.lw"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"language 1\n{text}", encoding="utf-8")


def test_a_file_is_found_from_the_folder_of_the_one_that_names_it(tmp_path: Path) -> None:
    _write(
        tmp_path,
        main='import "team/pay.lw"\nallow a() as one',
        team__pay='import "../sets.lw"\nallow b(x) as two when x in known',
        sets="set known = { 1 }",
    )
    policy = load([tmp_path / "main.lw"])
    assert [Path(file.path).name for file in policy.files] == ["main.lw", "pay.lw", "sets.lw"]
    assert list(policy.rules) == ["one", "two"]


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is reached: named twice, by two spellings, by two that import it."""
    _write(
        tmp_path,
        a='import "./sub/../c.lw"\nimport "b.lw"',
        b='import "c.lw"',
        c="allow f() as only",
    )
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    policy = load(["a.lw", "c.lw", tmp_path / "c.lw", "a.lw"])
    assert [file.path for file in policy.files] == ["a.lw", "b.lw", "c.lw"]


def test_an_unnamed_rule_of_an_imported_file_is_known_by_that_file(tmp_path: Path) -> None:
    _write(tmp_path, a='import "x/b.lw"\nallow f()', x__b="\nallow g()")
    assert list(load([tmp_path / "a.lw"]).rules) == ["a:3", "b:3"]


def test_two_imported_files_of_one_name_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, a='import "x/b.lw"\nimport "y/b.lw"', x__b="", y__b="")
    with pytest.raises(BundleError) as caught:
        load([tmp_path / "a.lw"])
    assert caught.value.code == "same-stem"


def test_the_pure_half_refuses_what_was_not_given() -> None:
    """Left out in silence, the forbids of the missing file would not bind."""
    file = parse('language 1\nimport "b.lw"', "x/a.lw")
    with pytest.raises(BundleError) as caught:
        policy_set([file])
    assert caught.value.code == "not-imported"
    with pytest.raises(BundleError):
        policy_set([file, parse("language 1", "y/b.lw")])
    assert len(policy_set([file, parse("language 1", "x/b.lw")]).files) == 2


def test_the_hash_covers_what_is_imported(tmp_path: Path) -> None:
    _write(tmp_path, a='import "b.lw"', b="allow f() as r")
    before = load([tmp_path / "a.lw"]).hash
    _write(tmp_path, b="allow f(x) as r")
    assert load([tmp_path / "a.lw"]).hash != before


def test_imports_cannot_nest_without_end(tmp_path: Path) -> None:
    _write(tmp_path, **{f"f{n}": f'import "f{n + 1}.lw"' for n in range(70)}, f70="")
    with pytest.raises(BundleError) as caught:
        load([tmp_path / "f0.lw"])
    assert caught.value.code == "too-deep"


# --- packages -------------------------------------------------------------------------------------------------------

PACKAGE = {
    "acme_rules_of_test/__init__.py": 'raise SystemExit("reading a policy ran code")',
    "acme_rules_of_test/mail.lw": 'language 1\nimport "sub/more.lw"\nuse tools "t.json"\nallow f() as sent',
    "acme_rules_of_test/sub/more.lw": 'language 1\nimport "../sets.lw"\nforbid g as more when x in s',
    "acme_rules_of_test/sets.lw": "language 1\nset s = { 1 }",
    "acme_rules_of_test/t.json": TOOLS,
    "acme_rules_of_test/out.lw": 'language 1\nimport "../../secret.lw"',
    "acme_rules_of_test/lists.lw": 'language 1\nuse tools "../t.json"',
}


@pytest.fixture(params=["folder", "zip"])
def installed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of policies on the module path, as files and packed."""
    place = tmp_path / "site"
    place.mkdir()
    for name, text in PACKAGE.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "site.zip", "w") as packed:
            for name in PACKAGE:
                packed.write(place / name, name)
        place = tmp_path / "site.zip"
    monkeypatch.syspath_prepend(str(place))
    return tmp_path


def test_a_package_is_read_and_never_run(installed: Path) -> None:
    _write(installed, a='import "mail.lw" from package "acme_rules_of_test"')
    policy = load([installed / "a.lw"])
    assert [file.path for file in policy.files][1:] == [
        "package:acme_rules_of_test/mail.lw",
        "package:acme_rules_of_test/sub/more.lw",
        "package:acme_rules_of_test/sets.lw",
    ]
    assert list(policy.rules) == ["more", "sent"]
    assert [tool.name for tool in policy.catalogue] == ["f"]
    assert "acme_rules_of_test" not in sys.modules


@pytest.mark.parametrize("name", ["out.lw", "lists.lw"])
def test_a_file_of_a_package_names_nothing_outside_it(installed: Path, name: str) -> None:
    _write(installed, a=f'import "{name}" from package "acme_rules_of_test"')
    with pytest.raises(BundleError) as caught:
        load([installed / "a.lw"])
    assert caught.value.code == "outside-package"


@pytest.mark.parametrize("name", ["none.lw", "sub"])
def test_a_file_that_a_package_does_not_have_is_told_at_the_import(installed: Path, name: str) -> None:
    _write(installed, a=f'import "{name}" from package "acme_rules_of_test"')
    with pytest.raises(BundleError) as caught:
        load([installed / "a.lw"])
    assert caught.value.code == "unreadable"
    assert (caught.value.path, caught.value.span.line) == (str(installed / "a.lw"), 2)
