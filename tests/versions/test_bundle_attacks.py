"""server/versions/bundle.py, refusals.py: what is no bundle of a trusted signer is refused, however it is bent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.versions import Bundle, BundleRefused, Manifest, SigningKey, TrustedKeys, guard_in, opened
from server.versions.bundle import MOST_BYTES, PAYLOAD_TYPE, signed_text

Tree = dict[str, Any]
Bend = Callable[[Tree], object]


def code(data: bytes, trusted: TrustedKeys) -> str:
    """Why it is refused, by the whole way to a Guard."""
    with pytest.raises(BundleRefused) as refused:
        guard_in(opened(data, trusted))
    assert not refused.value.message[0].isupper()
    return refused.value.code


def test_the_bundle_that_is_bent_below_is_good(make_bundle: Any, trusted: TrustedKeys) -> None:
    bundle = make_bundle()
    found = opened(bundle.encoded(), trusted)
    assert found.signers == ("ops",)
    assert guard_in(found).policy_hash == bundle.manifest.policy_hash
    assert set(found.files) == {"gate.lw", "more.lw", "tools.json"}


# --- the envelope: nobody signed again --------------------------------------------------------------------------------


def _first(tree: Tree) -> str:
    return next(iter(tree["signatures"]))


def _flip(tree: Tree) -> None:
    value = tree["signatures"][_first(tree)]
    tree["signatures"][_first(tree)] = ("B" if value[0] == "A" else "A") + value[1:]


def _manifest_with(tree: Tree, **changes: Any) -> None:
    tree["manifest"] = json.dumps({**json.loads(tree["manifest"]), **changes}, separators=(",", ":"), sort_keys=True)


ENVELOPES: dict[str, tuple[str, Bend]] = {
    # GHSA-g2pf-6v5v-qcc8: OPA took a bundle from which the signature had been taken.
    "no signature": ("untrusted-bundle", lambda tree: tree["signatures"].clear()),
    "no member for signatures": ("unreadable-bundle", lambda tree: tree.pop("signatures")),
    "a signature that is bent": ("bad-signature", _flip),
    "a signature cut short": ("unreadable-bundle", lambda tree: tree["signatures"].update({_first(tree): "AAAA"})),
    "a signature that is no text": ("unreadable-bundle", lambda tree: tree["signatures"].update({_first(tree): 1})),
    "signatures without end": (
        "unreadable-bundle",
        lambda tree: tree["signatures"].update({f"k{n}": tree["signatures"][_first(tree)] for n in range(17)}),
    ),
    "the signature under another's name": (
        "untrusted-bundle",
        lambda tree: tree["signatures"].update({"sha256:00": tree["signatures"].pop(_first(tree))}),
    ),
    "a manifest that was changed": ("bad-signature", lambda tree: _manifest_with(tree, serial=10**6)),
    "a manifest with one space more": ("bad-signature", lambda tree: tree.update(manifest=tree["manifest"] + " ")),
    "a manifest that is an object": ("unreadable-bundle", lambda tree: tree.update(manifest={})),
    "a file that was changed": ("bad-hash", lambda tree: tree["files"].update({"more.lw": "language 1\n"})),
    "a file that is missing": ("bad-hash", lambda tree: tree["files"].pop("more.lw")),
    "a file that nobody signed": ("bad-hash", lambda tree: tree["files"].update({"x.lw": "language 1\n"})),
    "a file that is no text": ("unreadable-bundle", lambda tree: tree["files"].update({"more.lw": 1})),
    "too many files": (
        "bundle-too-large",
        lambda tree: tree["files"].update({f"f{n}.lw": "" for n in range(300)}),
    ),
    "a member that nobody knows": ("unreadable-bundle", lambda tree: tree.update(also=1)),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_bent_envelope_is_refused(name: str, make_bundle: Any, trusted: TrustedKeys) -> None:
    wanted, bend = ENVELOPES[name]
    tree = json.loads(make_bundle().encoded())
    bend(tree)
    assert code(json.dumps(tree).encode(), trusted) == wanted


def test_what_is_cut_is_refused_wherever_it_is_cut(make_bundle: Any, trusted: TrustedKeys) -> None:
    data = make_bundle().encoded()
    for length in range(0, len(data), 7):
        assert code(data[:length], trusted) == "unreadable-bundle"


@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_no_changed_byte_changes_what_is_loaded(place: int, value: int, one_bundle: tuple[bytes, TrustedKeys]) -> None:
    data, trusted = one_bundle
    at = place % len(data)
    bent = data[:at] + bytes([value]) + data[at + 1 :]
    try:
        assert opened(bent, trusted).digest == opened(data, trusted).digest
    except BundleRefused:
        return


@pytest.fixture(scope="session")
def one_bundle(key: SigningKey, trusted: TrustedKeys) -> tuple[bytes, TrustedKeys]:
    return _of({"a.lw": "language 1\nallow read(path)\n"}, ("a.lw",)).signed(key).encoded(), trusted


def test_a_member_twice_is_refused(make_bundle: Any, trusted: TrustedKeys) -> None:
    data = make_bundle().encoded()
    assert code(data.replace(b'"files":{', b'"files":{"more.lw":"language 1\\n",', 1), trusted) == "unreadable-bundle"
    assert code(data[:-1] + b',"files":{}}', trusted) == "unreadable-bundle"


def test_what_is_too_large_is_not_even_parsed(trusted: TrustedKeys) -> None:
    assert code(b"[" * (MOST_BYTES + 1), trusted) == "bundle-too-large"


def test_another_key_signs_for_itself_alone(make_bundle: Any, other_key: SigningKey, trusted: TrustedKeys) -> None:
    """Signatures of unknown keys prove nothing and do no harm: that is how keys are rotated."""
    mine = make_bundle()
    theirs = Bundle(mine.manifest, mine.files, {}).signed(other_key)
    assert code(theirs.encoded(), trusted) == "untrusted-bundle"
    assert opened(mine.signed(other_key).encoded(), trusted).signers == ("ops",)
    both = TrustedKeys.read({"next": other_key.public.text, "ops": next(iter(trusted.named.values())).text})
    assert opened(mine.signed(other_key).encoded(), both).signers == ("next", "ops")


def test_a_signature_over_something_else_is_none(make_bundle: Any, key: SigningKey, trusted: TrustedKeys) -> None:
    """CVE-2022-35929: what a signature is for stands in what is signed."""
    bundle = make_bundle()
    text = bundle.manifest.encoded()
    for message in (text, f"DSSEv1 4 text {len(text)} ".encode() + text, hashlib.sha256(text).digest()):
        assert message != signed_text(text)
        forged = Bundle(bundle.manifest, bundle.files, {key.public.fingerprint: key.sign(message)})
        assert code(forged.encoded(), trusted) == "bad-signature"
    assert signed_text(b"xy") == b"DSSEv1 37 " + PAYLOAD_TYPE.encode() + b" 2 xy"


# --- what a trusted signer signed, and is refused still ---------------------------------------------------------------


def _of(files: dict[str, str], named: tuple[str, ...], **changes: Any) -> Bundle:
    """A bundle without any check, as a hostile tool of the signer's would make it."""
    from server.versions.bundle import FORMAT, listed
    from server.versions.loading import policy_of

    try:
        policy_hash = policy_of(named, None, files).hash
    except BundleRefused:
        policy_hash = "sha256:0"
    members: dict[str, Any] = {
        "files": tuple(listed(path, text) for path, text in sorted(files.items())),
        "format": FORMAT,
        "policies": named,
        "policy_hash": policy_hash,
        "serial": 1,
        "tools": None,
    }
    return Bundle(Manifest(**{**members, **changes}), files, {})


PLAIN = "language 1\nallow read(path)\n"
PATHS = (
    "../a.lw", "a/../b.lw", "/a.lw", "./a.lw", "a//b.lw", "a\\b.lw", "C:/a.lw", ".a.lw", "a/.b.lw", "a.lw/", "a.txt",
    "a.lw\x00.json", "\u0430.lw", "a b.lw", "package:p/a.lw", "~/a.lw", "a" * 70 + ".lw", "d/" * 9 + "a.lw", "",
    "\x1b[2Ja.lw",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_name_that_is_no_plain_name_is_refused(path: str, key: SigningKey, trusted: TrustedKeys) -> None:
    with pytest.raises(BundleRefused) as refused:
        opened(_of({path: PLAIN}, (path,)).signed(key).encoded(), trusted)
    assert refused.value.code == "bad-path"
    assert refused.value.message.isprintable()
    assert refused.value.message.isascii()


def test_two_files_of_one_name_are_refused(key: SigningKey, trusted: TrustedKeys) -> None:
    assert code(_of({"a.lw": PLAIN, "A.lw": PLAIN}, ("a.lw", "A.lw")).signed(key).encoded(), trusted) == "bad-path"
    good = _of({"a.lw": PLAIN}, ("a.lw",))
    twice = Bundle(msgspec.structs.replace(good.manifest, files=good.manifest.files * 2), good.files, {})
    assert code(twice.signed(key).encoded(), trusted) == "bad-path"


BEND_MANIFEST: dict[str, dict[str, Any]] = {
    "another format": {"format": "leastward.policy/2"},
    "serial 0": {"serial": 0},
    "a serial that no reader counts": {"serial": 2**53},
    "no policies": {"policies": ()},
    "a policy that is not there": {"policies": ("b.lw",)},
    "a policy twice": {"policies": ("a.lw", "a.lw")},
    "tools that are not there": {"tools": "t.json"},
}


@pytest.mark.parametrize("name", BEND_MANIFEST)
def test_a_manifest_that_says_nonsense_is_refused(name: str, key: SigningKey, trusted: TrustedKeys) -> None:
    assert code(_of({"a.lw": PLAIN}, ("a.lw",), **BEND_MANIFEST[name]).signed(key).encoded(), trusted) == "bad-manifest"


def test_a_manifest_has_one_spelling(key: SigningKey, trusted: TrustedKeys) -> None:
    """Two texts of one content would be two versions of it."""
    good = _of({"a.lw": PLAIN}, ("a.lw",))
    plain = good.manifest.encoded().decode()
    for text in (plain + "\n", plain.replace('"serial":1', '"serial":1.0'), plain[:-1] + ',"serial":1}', "{}", "[]"):
        tree = json.loads(good.encoded())
        made = key.sign(signed_text(text.encode()))
        tree["manifest"] = text
        signed = json.loads(Bundle(good.manifest, good.files, {key.public.fingerprint: made}).encoded())
        tree["signatures"] = signed["signatures"]
        assert code(json.dumps(tree).encode(), trusted) == "bad-manifest"


POLICIES: dict[str, tuple[str, dict[str, str]]] = {
    "no policy": ("bad-policy", {"a.lw": "language 1\nallow read(path"}),
    "an error of check": (
        "bad-policy",
        {"a.lw": f'language 1\nuse tools "t.json"\n{PLAIN[11:]}', "t.json": '[{"name": "stat", "inputSchema": {}}]'},
    ),
    "a test that fails": ("tests-failed", {"a.lw": f'{PLAIN}test "x" {{\n  call read(path: "a") => forbid\n}}\n'}),
    "an import that is not there": ("bad-policy", {"a.lw": f'language 1\nimport "b.lw"\n{PLAIN[11:]}'}),
    "an import from outside": ("bad-policy", {"a.lw": f'language 1\nimport "../b.lw"\n{PLAIN[11:]}'}),
    "an import of a package": ("bad-policy", {"a.lw": f'language 1\nimport "b.lw" from package "email"\n{PLAIN[11:]}'}),
    "a file that nobody needs": ("bad-policy", {"a.lw": PLAIN, "b.lw": PLAIN}),
    "a tool list that is none": (
        "bad-policy",
        {"a.lw": f'language 1\nuse tools "t.json"\n{PLAIN[11:]}', "t.json": "{"},
    ),
    "tools of the wrong shape": (
        "bad-policy",
        {"a.lw": f'language 1\nuse tools "t.json"\n{PLAIN[11:]}', "t.json": "7"},
    ),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_would_not_load_is_refused(name: str, key: SigningKey, trusted: TrustedKeys) -> None:
    wanted, files = POLICIES[name]
    assert code(_of(files, ("a.lw",)).signed(key).encoded(), trusted) == wanted


def test_files_that_come_to_another_policy_here_are_refused(key: SigningKey, trusted: TrustedKeys) -> None:
    bundle = _of({"a.lw": PLAIN}, ("a.lw",), policy_hash=f"sha256:{'0' * 64}")
    assert code(bundle.signed(key).encoded(), trusted) == "bad-hash"
