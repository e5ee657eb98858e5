"""`leastward doctor`: is this installation what it seems to be, and would it start."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .diagnosis import Diagnosis
from .errors import CommandError
from .output import console, write_json
from .policy_files import read_policies

if TYPE_CHECKING:
    from importlib.metadata import Distribution

    from policy_dsl import PolicySet

    from ..settings import Settings
    from ..versions import VersionedPolicies

OWN_PACKAGES = ("policy_dsl", "guardrail", "memory", "server", "training")

MALICIOUS = {"litellm": ("1.82.7", "1.82.8"), "guardrails-ai": ("0.10.1",)}
"""Releases on PyPI that carried malware, so that having them installed was enough (litellm: PYSEC-2026-2)."""

_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]look[/]", "bad": "[red]bad[/]"}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help="examine the installation and the configuration",
        description="Is this installation what it seems to be, and would the gate start: Python, versions against the "
        "lock, packages shadowed by other files, releases known as malware, start-up files, configuration, policies, "
        "database, port, judge; and do those answer that the configuration names: model servers, MCP servers, the "
        "servers of HTTP tools, issuers.",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration to examine (default: leastward.yaml)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    diagnoses = [*_installation(), *_configuration(options.config)]
    if options.json:
        write_json({"diagnoses": [asdict(diagnosis) for diagnosis in diagnoses]})
    else:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for diagnosis in diagnoses:
            table.add_row(_MARKS[diagnosis.state], diagnosis.about, diagnosis.says)
        console().print(table)
    return int(any(diagnosis.state == "bad" for diagnosis in diagnoses))


# --- the installation -------------------------------------------------------------------------------------------------


def _installation() -> Iterator[Diagnosis]:
    from importlib.metadata import PackageNotFoundError, distribution

    yield _python()
    try:
        own = distribution("leastward")
    except PackageNotFoundError:
        yield Diagnosis("package", "bad", "leastward is not installed here: its metadata cannot be found")
        return
    yield Diagnosis("package", "ok", f"leastward {own.version}")
    yield from _shadows(_root(own))
    yield from _versions(own)
    yield from _malicious()
    yield from _startup_files()


def _python() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    return Diagnosis("python", "ok" if sys.version_info >= (3, 11) else "bad", f"{sys.implementation.name} {version}")


def _root(own: Distribution) -> Path:
    """Where our packages should lie: the checkout of an editable installation, else site-packages."""
    import json
    from urllib.parse import unquote, urlsplit

    origin = json.loads(own.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return Path(unquote(urlsplit(origin["url"]).path)).resolve()
    return Path(str(own.locate_file(""))).resolve()


def _shadows(root: Path) -> Iterator[Diagnosis]:
    """Our package names are plain words, so a file of the same name earlier on the path would run in our place."""
    from importlib.util import find_spec

    for name in OWN_PACKAGES:
        spec = find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        found = spec.origin if spec and spec.origin else places[0] if places else None
        if found is None and not (root / name).is_dir():
            continue
        if found is None:
            yield Diagnosis(name, "bad", "cannot be imported")
        elif not Path(found).resolve().is_relative_to(root / name):
            yield Diagnosis(name, "bad", f"is shadowed by {found}; it should come from {root / name}")
        else:
            yield Diagnosis(name, "ok", f"from {root / name}")


def _versions(own: Distribution) -> Iterator[Diagnosis]:
    """Installed versions of what we depend on, beside the lock where the checkout has one."""
    from importlib.metadata import PackageNotFoundError, version

    locked = _locked(_root(own) / "requirements.lock")
    for requirement in own.requires or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            optional = ";" in requirement
            yield Diagnosis(name, "ok" if optional else "bad", f"is not installed, wanted {requirement}")
            continue
        wanted = locked.get(_normal(name))
        if wanted not in (None, installed):
            yield Diagnosis(name, "warning", f"{installed}, but the lock has {wanted}")
        else:
            yield Diagnosis(name, "ok", installed)


def _locked(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {
        _normal(match[1]): match[2]
        for match in re.finditer(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", path.read_text(), re.MULTILINE)
    }


def _normal(name: str) -> str:
    """A project name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _malicious() -> Iterator[Diagnosis]:
    from importlib.metadata import PackageNotFoundError, version

    for name, releases in MALICIOUS.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed in releases:
            says = f"{installed} is malware: take this machine off the network and rotate every credential on it"
            yield Diagnosis(name, "bad", says)
        else:
            yield Diagnosis(name, "ok", f"{installed}, not one of the malicious releases")


_KNOWN_STARTUP_FILES = re.compile(
    r"(__editable__.*|_?editable_impl_.*|_leastward|distutils-precedence|_virtualenv|a1_coverage|coverage.*|pytest.*|sphinx.*"
    r"|matplotlib.*|protobuf.*|google.*|zope.*|easy-install|setuptools)\.pth"
)
"""Files that Python runs at start-up and that well-known tools put there."""


def _startup_files() -> Iterator[Diagnosis]:
    """`.pth` files with code run in every Python of this environment; credential stealers have come as one."""
    import site

    unknown = []
    for folder in [*site.getsitepackages(), site.getusersitepackages()]:
        for path in sorted(Path(folder).glob("*.pth")):
            text = path.read_text(errors="replace")
            runs_code = any(line.startswith(("import ", "import\t")) for line in text.splitlines())
            if runs_code and not _KNOWN_STARTUP_FILES.fullmatch(path.name):
                unknown.append(str(path))
    if unknown:
        yield Diagnosis("start-up files", "warning", f"run code at every start of Python: {', '.join(unknown)}")
    else:
        yield Diagnosis("start-up files", "ok", "no unknown .pth file runs code")


# --- the configuration ------------------------------------------------------------------------------------------------


def _configuration(named: str | None) -> Iterator[Diagnosis]:
    from .configuration import find_configuration, folder_of, read_settings
    from .neighbours import neighbours

    found = find_configuration(named)
    if found is None:
        yield Diagnosis("configuration", "ok", "there is none here; `leastward init` writes one")
        return
    try:
        settings = read_settings(named)
    except CommandError as error:
        yield Diagnosis("configuration", "bad", str(error))
        return
    yield Diagnosis("configuration", "ok", str(found))
    yield _policies(folder_of(named), settings)
    yield from _internalized(folder_of(named), settings)
    yield _shared(settings.database) if "://" in settings.database else _database(folder_of(named) / settings.database)
    yield _port(settings.listen.host, settings.listen.port)
    yield from _judge(settings)
    yield from neighbours(settings, folder_of(named))


def _policies(folder: Path, settings: Settings) -> Diagnosis:
    globs, tools = settings.policies, settings.tools
    if not isinstance(globs, list):
        return _policy_version(folder, settings.database, globs.trusted_keys)
    paths = sorted({str(path) for pattern in globs for path in folder.glob(pattern)})
    if not paths:
        return Diagnosis("policies", "bad", f"no file fits {', '.join(globs)}")
    try:
        policy = read_policies(paths, None if tools is None else str(folder / tools))
    except CommandError as error:
        return Diagnosis("policies", "bad", str(error))
    return Diagnosis("policies", "ok", f"{len(policy.rules)} rules in {len(paths)} files, {policy.hash[:19]}")


def _internalized(folder: Path, settings: Settings) -> Iterator[Diagnosis]:
    """Whether each model that has a file stands for the policy in force: that of the files here, or the version."""
    from ..internalized import Standings

    named = {name: upstream.internalized for name, upstream in settings.upstreams.items()}
    standings = Standings.of(named, folder, lambda upstream, result: None)
    policy = None if standings is None else _in_force(folder, settings)
    if standings is None or policy is None:
        return  # why there is no policy is said already
    standings.look()
    for (upstream, model), miss in standings.misses(policy).items():
        says = "was taught the policy" if miss is None else f"gets the policy in its prompt: {miss}"
        if miss == "other-policy":
            taught = ", ".join(one[:19] for one in standings.taught(upstream, model))
            says += f" (in force is {policy.hash[:19]}, it was taught {taught})"
        yield Diagnosis(f"{upstream}/{model}", "ok" if miss is None else "warning", says)


def _in_force(folder: Path, settings: Settings) -> PolicySet | None:
    """The policy that a gate started here would decide by; None where there is none."""
    if not isinstance(settings.policies, list):
        found = _versions_of(folder, settings.database, settings.policies.trusted_keys)
        return None if isinstance(found, str) or not found.is_loaded else found.current.program.policy
    paths = sorted({str(path) for pattern in settings.policies for path in folder.glob(pattern)})
    try:
        return read_policies(paths, None if settings.tools is None else str(folder / settings.tools))
    except CommandError:
        return None


def _policy_version(folder: Path, database: str, keys: dict[str, str]) -> Diagnosis:
    """Whether the policy version in force would load here."""
    policies = _versions_of(folder, database, keys)
    if isinstance(policies, str):
        return Diagnosis("policies", "warning", f"no policy version can be read: {policies}")
    if policies.in_force is None or policies.error is not None:
        state: Literal["warning", "bad"] = "warning" if policies.in_force is None else "bad"
        return Diagnosis("policies", state, str(policies.error))
    return Diagnosis("policies", "ok", f"version {policies.in_force.version}, {policies.current.policy_hash[:19]}")


def _versions_of(folder: Path, database: str, keys: dict[str, str]) -> VersionedPolicies | str:
    """The policy version in force as a gate reads it, or why its database cannot be read."""
    from ..store import Store, StoreError, located
    from ..versions import TrustedKeys, VersionedPolicies

    try:
        policies = VersionedPolicies(
            Store.open(located(folder, database), create=False).policies, TrustedKeys.read(keys)
        )
        policies.look()
    except StoreError as error:
        return error.message
    return policies


def _database(path: Path) -> Diagnosis:
    """Whether records could be made durable here. A running server's database is written to by nobody else for long."""
    import sqlite3
    from contextlib import closing

    if not path.exists():
        writable = path.parent.is_dir() and _can_write(path.parent)
        return Diagnosis(
            "database",
            "ok" if writable else "bad",
            f"{path} is not there yet" if writable else f"{path} cannot be made",
        )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=2)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return Diagnosis("database", "bad", f"{path} cannot be written: {error}")
    return Diagnosis("database", "ok", f"{path} can be written")


def _shared(url: str) -> Diagnosis:
    """A database of several gates. Its address may hold a password, so it is not shown."""
    from ..store import Store, StoreError

    try:
        Store.open(url, create=False)
    except StoreError as error:
        return Diagnosis("database", "bad", error.message)
    return Diagnosis("database", "ok", "the database that `database` names answers")


def _judge(settings: Settings) -> Iterator[Diagnosis]:
    from ..opening import open_judge
    from ..store import StoreError

    if settings.judge.model.model is None and settings.judge.classifier.folder is None:
        return
    try:
        open_judge(settings)
    except StoreError as error:
        yield Diagnosis("judge", "bad", error.message)
    else:
        yield Diagnosis("judge", "ok", "can be asked")


def _can_write(folder: Path) -> bool:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _port(host: str, port: int) -> Diagnosis:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        # A gate that is running already is the usual reason, and nothing is wrong with it.
        return Diagnosis("port", "warning", f"{host}:{port} cannot be bound: {error.strerror or error}")
    return Diagnosis("port", "ok", f"{host}:{port} is free")
