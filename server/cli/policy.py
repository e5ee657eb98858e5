"""`leastward policy`: sign policies, publish them as versions, and put versions in force."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly, ProblemFound
from .output import console, plain, print_lines, write_json
from .policy_files import policy_paths, read_policies
from .remote import add_remote_options, ask, look

if TYPE_CHECKING:
    from rich.table import Table

    from ..versions import Bundle, SigningKey

    Lines = Iterator["str | Table"]

_DESCRIPTION = """\
Policy versions: a bundle of policy files is signed with a key that the gates trust, published, and put in force at all
gates of a database within two seconds. `keygen` and `sign` work on files; all others ask a running gate with a key that
has the scope `admin`, or `policy` for `list`, `show` and `diff`."""

SUFFIX = ".bundle"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "policy", help="sign, publish and activate policy versions", description=_DESCRIPTION
    )
    actions = parser.add_subparsers(dest="action", required=True)

    keygen = actions.add_parser(
        "keygen", help="make a signing key; prints its public half, for `policies.trusted_keys`"
    )
    keygen.add_argument("file", metavar="FILE", help="where the key is written, for its owner alone")
    sign = actions.add_parser("sign", help="make a signed bundle of policy files, or sign a bundle once more")
    sign.add_argument("files", nargs="+", metavar="FILE", help=f"policy files, a folder of them, or one `{SUFFIX}`")
    sign.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the files `use`")
    sign.add_argument("--signing-key", required=True, metavar="FILE", help="the key that `keygen` made")
    sign.add_argument("--serial", type=int, metavar="N", help="above every earlier one (default: milliseconds of now)")
    sign.add_argument("-o", "--output", required=True, metavar="FILE", help=f"the bundle to write, `NAME{SUFFIX}`")

    listing = actions.add_parser("list", help="the versions, and which is in force")
    show = actions.add_parser("show", help="one version with its files")
    diff = actions.add_parser("diff", help="what a version grants that the one in force does not")
    publish = actions.add_parser("publish", help="send a bundle to the gate; it is in force nowhere yet")
    publish.add_argument("file", metavar="BUNDLE", help="what `sign` wrote")
    publish.add_argument("--because", default="", metavar="TEXT", help="why, for the record")
    activate = actions.add_parser("activate", help="put a later version in force")
    rollback = actions.add_parser("rollback", help="put an earlier version in force again")
    for action in (show, diff, activate, rollback):
        action.add_argument("version", type=int, metavar="N", help="its number, as `list` shows it")
    for action in (activate, rollback):
        action.add_argument("--because", required=True, metavar="TEXT", help="why, for the record")
        action.add_argument("--expected", type=int, metavar="N", help="the version in force, 0 for none, as you saw it")
        action.add_argument("--widens", action="store_true", help="it may allow what the one in force does not")
    for action in (listing, show, diff, publish, activate, rollback):
        add_remote_options(action, always=True)
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    tree, lines = _ACTIONS[options.action](options)
    if options.json:
        write_json(tree)
    else:
        print_lines(lines)
    return 0


_Said = tuple[dict[str, Any], "Lines"]


# --- on files ---------------------------------------------------------------------------------------------------------


def _keygen(options: argparse.Namespace) -> _Said:
    from ..versions import KeyRefused, SigningKey

    try:
        public = SigningKey.make(Path(options.file)).public
    except KeyRefused as error:
        raise ProblemFound(str(error)) from error
    return {"public": public.text, "fingerprint": public.fingerprint}, iter((public.text,))


def _sign(options: argparse.Namespace) -> _Said:
    from ..versions import BundleRefused, KeyRefused, SigningKey

    try:
        key = SigningKey.read(Path(options.signing_key))
        bundle = _unsigned(options).signed(key)
    except KeyRefused as error:
        raise ProblemFound(str(error)) from error
    except BundleRefused as error:
        raise ProblemFound(f"{error.code}: {error.rendered}") from error
    try:
        Path(options.output).write_bytes(bundle.encoded())
    except OSError as error:
        raise ProblemFound(f"{options.output} cannot be written: {error.strerror}") from error
    return _signed(bundle, key, options.output)


def _unsigned(options: argparse.Namespace) -> Bundle:
    from time import time_ns

    from ..versions import collected, unverified

    if options.files[0].endswith(SUFFIX):
        if len(options.files) > 1 or options.tools is not None or options.serial is not None:
            raise CalledWrongly(f"a `{SUFFIX}` is signed as it is, by itself")
        return unverified(_read(options.files[0]))
    paths = [path for named in options.files for path in policy_paths(named)]
    policy = read_policies(paths, options.tools)
    serial = time_ns() // 1_000_000 if options.serial is None else options.serial
    return collected(paths, options.tools, policy, serial)


def _signed(bundle: Bundle, key: SigningKey, output: str) -> _Said:
    manifest = bundle.manifest
    tree = {
        "bundle": output,
        "digest": bundle.digest,
        "policy_hash": manifest.policy_hash,
        "serial": manifest.serial,
        "files": [one.path for one in manifest.files],
        "fingerprint": key.public.fingerprint,
    }
    return tree, iter(
        (f"{output}: {len(manifest.files)} files, {bundle.digest[:19]}, policy {manifest.policy_hash[:19]}",)
    )


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ProblemFound(f"{path} cannot be read: {error.strerror}") from error


# --- at a gate --------------------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> _Said:
    tree = look(options, "/v1/policies")
    return tree, _table(tree)


def _table(tree: dict[str, Any]) -> Lines:
    from rich.table import Table

    table = Table("version", "policy", "signed by", "published", "by", "in force")
    told = {one["version"]: one for one in reversed(tree["activations"])}
    for one in tree["versions"]:
        made = told.get(one["version"])
        since = "" if made is None or one["version"] != tree["in_force"] else f"since {made['at'][:19]}, {made['by']}"
        cells = (one["version"], one["policy_hash"][:19], ", ".join(one["signed_by"]), one["published_at"][:19])
        table.add_row(*(plain(cell) for cell in (*cells, one["published_by"], since)))
    yield table
    if tree["serves"]["error"] is not None:
        yield f"this gate allows nothing: {tree['serves']['error']}"


def _show(options: argparse.Namespace) -> _Said:
    tree = look(options, f"/v1/policies/{options.version}")
    return tree, _page(tree)


def _page(tree: dict[str, Any]) -> Lines:
    yield f"version {tree['version']}, {tree['policy_hash']}, serial {tree['serial']}"
    yield f"signed by {', '.join(tree['signed_by'])}"
    yield f"published by {tree['published_by']} at {tree['published_at'][:19]}"
    for path, text in tree["files"].items():
        yield f"--- {path}"
        yield from text.rstrip("\n").split("\n")


def _diff(options: argparse.Namespace) -> _Said:
    tree = look(options, f"/v1/policies/{options.version}/diff")
    return tree, _compared(tree)


def _compared(tree: dict[str, Any]) -> Lines:
    for title, lines in tree["sections"].items():
        yield title
        for line in lines:
            yield f"  {line}"
    yield tree["verdict"]


def _publish(options: argparse.Namespace) -> _Said:
    import json

    try:
        bundle = json.loads(_read(options.file))  # the gate reads strictly what comes of it, and verifies it
    except ValueError as error:
        raise ProblemFound(f"{options.file} is no bundle: it is not JSON") from error
    tree = ask(options, "/v1/policies", {"bundle": bundle, "because": options.because})
    return tree, iter((f"version {tree['version']}, signed by {', '.join(tree['signed_by'])}, is published",))


def _put(options: argparse.Namespace) -> _Said:
    """Show what changes, then change it: only if what is in force is still what was compared with."""
    differences = look(options, f"/v1/policies/{options.version}/diff")
    if not options.json:
        for line in _compared(differences):
            console().print(plain(line))
    widens = options.widens or (differences["widens"] and _confirmed(options))
    seen = differences["against"] if options.expected is None else options.expected
    body = {"expected": seen, "because": options.because, "widens": widens}
    made = ask(options, f"/v1/policies/{options.version}/{options.action}", body)
    return {"activation": made, "diff": differences}, iter((f"version {made['version']} is in force",))


def _confirmed(options: argparse.Namespace) -> bool:
    if options.json or not sys.stdin.isatty():
        raise ProblemFound(
            f"version {options.version} may allow what the one in force does not: --widens says that it may"
        )
    return input("It may allow more than before. Put it in force? [y/N] ").strip().lower() in ("y", "yes")


_ACTIONS = {
    "keygen": _keygen,
    "sign": _sign,
    "list": _list,
    "show": _show,
    "diff": _diff,
    "publish": _publish,
    "activate": _put,
    "rollback": _put,
}
