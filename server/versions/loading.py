"""From a bundle to the Guard of its policy: parsed, resolved, checked and tested, out of memory alone.

What `leastward check` and `leastward test` refuse is refused here again: whoever publishes may not have run them, and
a version of the language may have changed what they say since.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from guardrail import Guard, run_tests
from policy_dsl import (
    Catalogue,
    Import,
    PolicyError,
    PolicyFile,
    PolicySet,
    StrictJsonError,
    UseTools,
    parse,
    policy_set,
    strict_json,
)

from ..policies import PoliciesError, guard_of
from .bundle import Bundle
from .refusals import BundleRefused

MOST_SHOWN = 20
"""Failed tests that are told one by one."""


def guard_in(bundle: Bundle) -> Guard:
    """The Guard of a bundle that is fit to be in force. Raises BundleRefused."""
    guard = _guard(policy_in(bundle))
    failed = [outcome.render() for outcome in run_tests(guard.program.policy, guard) if not outcome.passed]
    if failed:
        said = "\n".join(failed[:MOST_SHOWN])
        raise BundleRefused("tests-failed", f"{len(failed)} of the bundle's own tests fail", said)
    return guard


def policy_in(bundle: Bundle) -> PolicySet:
    """The policy of the files, which is the one that was signed. Raises BundleRefused."""
    policy = policy_of(bundle.manifest.policies, bundle.manifest.tools, bundle.files)
    if policy.hash != bundle.manifest.policy_hash:
        raise BundleRefused("bad-hash", "the files come to another policy here than where they were signed")
    return policy


def policy_of(policies: tuple[str, ...], tools: str | None, files: Mapping[str, str]) -> PolicySet:
    """The policy that begins with the files `policies`; every file of `files` is needed. Raises BundleRefused."""
    needed: dict[str, None] = {}
    try:
        parsed = _parsed(policies, files, needed)
        lists = [] if tools is None else [_tools(_file(tools, files, needed))]
        for file in parsed:
            lists += [
                _tools(_file(_beside(file, statement.path), files, needed))
                for statement in file.statements
                if isinstance(statement, UseTools)
            ]
        policy = policy_set(parsed, Catalogue.merged(lists))
    except PolicyError as error:
        raise BundleRefused("bad-policy", "the policy of the bundle does not load", error.render()) from error
    for path in sorted(files.keys() - needed.keys()):
        raise BundleRefused("bad-policy", f"no policy of the bundle needs `{path}`")
    return policy


def _guard(policy: PolicySet) -> Guard:
    try:
        return guard_of(policy)
    except PoliciesError as error:
        raise BundleRefused("bad-policy", "`check` finds errors in the policy of the bundle", error.rendered) from error


def _parsed(policies: tuple[str, ...], files: Mapping[str, str], needed: dict[str, None]) -> list[PolicyFile]:
    """The named files and those that they import, in the order in which `policy_dsl.load` reads them: it decides the
    hash."""
    waiting, found = list(policies), dict[str, PolicyFile]()
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        file = found[path] = parse(_file(path, files, needed), path)
        for statement in file.statements:
            if isinstance(statement, Import):
                if statement.package is not None:
                    message = (
                        f"`{path}` imports from the package `{statement.package}`: a bundle holds all that it needs"
                    )
                    raise BundleRefused("bad-policy", message)
                waiting.append(_beside(file, statement.path))
    return list(found.values())


def _beside(file: PolicyFile, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(file.path), path))


def _file(path: str, files: Mapping[str, str], needed: dict[str, None]) -> str:
    needed[path] = None
    if path not in files:
        raise BundleRefused("bad-policy", "a policy of the bundle needs a file that the bundle does not have")
    return files[path]


def _tools(text: str) -> Catalogue:
    """Raises CatalogueError, which is a PolicyError, as for a file."""
    try:
        listed = strict_json.parse(text.encode(), numbers="kept")
    except StrictJsonError as error:
        raise BundleRefused("bad-policy", "a tool list of the bundle is no strict JSON") from error
    return Catalogue.from_tools(listed)  # type: ignore[arg-type]  # it refuses what is no list itself
