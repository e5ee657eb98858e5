"""training/example.py: a folder is read as it was written, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import Data, DataError, manifest_hash, read, write


def test_what_is_written_is_read(data: Data, tmp_path: Path) -> None:
    manifest = write(tmp_path, data)
    found = read(tmp_path)
    assert (found.train, found.test, found.probes, found.corpus) == (data.train, data.test, data.probes, data.corpus)
    assert (found.documents, found.rules, found.policies) == (data.documents, data.rules, data.policies)
    assert found.manifest == manifest
    other = tmp_path / "other"
    assert manifest_hash(found) == manifest_hash(read(_copy(tmp_path, other)))


def _copy(folder: Path, other: Path) -> Path:
    write(other, read(folder))
    return other


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl", "referral.jsonl", "corpus.jsonl", "policies.json"])
def test_an_edited_file_is_refused_by_its_name(data: Data, tmp_path: Path, name: str) -> None:
    write(tmp_path, data)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes().replace(b"allow", b"ask", 1))
    with pytest.raises(DataError, match=rf"{name}` was changed: its sha256"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"format": 0}, "this version reads"),
        ({"files": {}}, "gives no hash for `train.jsonl`"),
        ({"files": None}, "does not list its files"),
    ],
)
def test_a_manifest_that_says_other_things_is_refused(
    data: Data, tmp_path: Path, change: dict[str, object], fault: str
) -> None:
    manifest = write(tmp_path, data)
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(DataError, match=fault):
        read(tmp_path)


def test_a_folder_without_a_manifest_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read `.*manifest\.json`"):
        read(tmp_path)


def test_a_line_that_is_no_example_is_told_by_its_number(data: Data, tmp_path: Path) -> None:
    import hashlib

    manifest = write(tmp_path, data)
    content = (tmp_path / "test.jsonl").read_bytes() + b'{"id": 1}\n'
    (tmp_path / "test.jsonl").write_bytes(content)
    manifest["files"]["test.jsonl"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=rf"test\.jsonl:{len(data.test) + 1}` is not as written"):
        read(tmp_path)
