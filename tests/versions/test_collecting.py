"""server/versions/collecting.py: what is packed is what was loaded, and files only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import Catalogue, load
from server.versions import BundleRefused, SigningKey, TrustedKeys, collected, guard_in, opened
from server.versions.loading import policy_of

PLAIN = "language 1\nallow read(path)\n"


def pack(*paths: Path, tools: Path | None = None) -> Any:
    named = [str(path) for path in paths]
    extra = None if tools is None else str(tools)
    return collected(named, extra, load(named, None if tools is None else Catalogue.read(tools)), 1)


def test_files_of_several_folders_keep_their_places(tmp_path: Path, key: SigningKey, trusted: TrustedKeys) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/base.lw").write_text('language 1\nuse tools "../tools.json"\nallow stat(path)\n')
    (tmp_path / "team/a.lw").write_text(f'language 1\nimport "../shared/base.lw"\n{PLAIN[11:]}')
    (tmp_path / "team/b.lw").write_text("language 1\nforbid drop\n")
    tools = '[{"name": "%s", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}]'
    (tmp_path / "tools.json").write_text(tools % "stat")
    (tmp_path / "more.json").write_text(tools.replace("[", "[" + (tools % "drop")[1:-1] + ",", 1) % "read")
    bundle = pack(tmp_path / "team/b.lw", tmp_path / "team/a.lw", tools=tmp_path / "more.json")
    assert bundle.manifest.policies == ("team/b.lw", "team/a.lw")
    assert bundle.manifest.tools == "more.json"
    assert set(bundle.files) == {"team/a.lw", "team/b.lw", "shared/base.lw", "tools.json", "more.json"}
    paths = [str(tmp_path / "team/b.lw"), str(tmp_path / "team/a.lw")]
    on_disk = load(paths, Catalogue.read(tmp_path / "more.json"))
    assert guard_in(opened(bundle.signed(key).encoded(), trusted)).policy_hash == on_disk.hash


def test_a_link_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.lw").write_text(PLAIN)
    (tmp_path / "gate.lw").write_text(f'language 1\nimport "real/a.lw"\nimport "linked.lw"\n{PLAIN[11:]}')
    (tmp_path / "linked.lw").symlink_to("real/a.lw")
    with pytest.raises(BundleRefused, match="link") as refused:
        pack(tmp_path / "gate.lw")
    assert refused.value.code == "bad-path"
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "gate.lw").write_text('language 1\nimport "folder/a.lw"\n')
    with pytest.raises(BundleRefused, match="link"):
        pack(tmp_path / "gate.lw")


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.lw"
    path.write_text(PLAIN)
    policy = load([path])
    path.write_text(PLAIN + "allow drop(...)\n")
    with pytest.raises(BundleRefused, match="changed"):
        collected([str(path)], None, policy, 1)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BundleRefused):
        collected([str(path)], None, policy, 1)


@pytest.mark.parametrize("name", ["a b.lw", ".hidden.lw", "ä.lw"])
def test_a_name_that_a_bundle_cannot_have_is_said_to_its_author(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PLAIN)
    with pytest.raises(BundleRefused) as refused:
        pack(tmp_path / name)
    assert refused.value.code == "bad-path"


def test_out_of_memory_and_from_disk_a_policy_has_one_hash(tmp_path: Path) -> None:
    """server/versions/loading.py reads imports in the order in which the language's own loader does."""
    texts = {
        "a.lw": f'language 1\nimport "d/b.lw"\nimport "c.lw"\n{PLAIN[11:]}',
        "d/b.lw": 'language 1\nimport "../c.lw"\nallow stat(path)\n',
        "c.lw": "language 1\nforbid drop\nallow list()\n",
    }
    (tmp_path / "d").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert policy_of(("a.lw",), None, texts).hash == load([tmp_path / "a.lw"]).hash
    assert policy_of(("c.lw", "a.lw"), None, texts).hash == load([tmp_path / "c.lw", tmp_path / "a.lw"]).hash
