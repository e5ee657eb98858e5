"""`leastward keys`: the API keys of agents and people, issued, rotated and revoked."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .configuration import find_configuration
from .database import add_database_options, open_store
from .errors import CalledWrongly, ProblemFound
from .output import console, plain, whole, write_json

if TYPE_CHECKING:
    from ..store import KeyInfo


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "keys",
        help="issue, list, rotate and revoke API keys",
        description="Issue, list, rotate and revoke API keys. A running server sees the change within two seconds.",
    )
    actions = parser.add_subparsers(dest="action", required=True)

    issue = actions.add_parser("issue", help="make a key and print its secret, once")
    issue.add_argument("--tenant", required=True, help="the tenant that the key acts for")
    issue.add_argument("--agent", required=True, help="the agent that the key identifies")
    issue.add_argument("--user", help="the user on whose behalf it acts")
    issue.add_argument("--role", action="append", default=[], dest="roles", metavar="ROLE", help="a role of that user")
    issue.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        metavar="SCOPE",
        help="what the key may do: call (default), runs, report, approve, decide, policy, audit, admin",
    )
    issue.add_argument(
        "--speaks-for-user",
        action="store_true",
        help="the user messages that this key sends are the user's own words, which `from user` then trusts",
    )
    issue.add_argument("--label", default="", help="a note for people")

    listing = actions.add_parser("list", help="list all keys, without their secrets")
    rotate = actions.add_parser("rotate", help="make a key like another one, which ends after a grace period")
    rotate.add_argument(
        "--grace", type=_seconds, default=86_400.0, metavar="SECONDS", help="how long the old key works on (a day)"
    )
    revoke = actions.add_parser("revoke", help="make a key useless at once")
    for action in (rotate, revoke):
        action.add_argument("id", metavar="KEY-ID", help="the id that `issue` and `list` print")
    for action in (issue, listing, rotate, revoke):
        add_database_options(action)
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    actions = {"issue": _issue, "list": _list, "rotate": _rotate, "revoke": _revoke}
    return actions[options.action](options)


def _issue(options: argparse.Namespace) -> int:
    if not options.tenant or not options.agent:
        raise CalledWrongly("--tenant and --agent name somebody")
    with open_store(options, create=True) as store:
        try:
            secret, info = store.issue_key(
                options.tenant,
                options.agent,
                options.scopes or ["call"],
                user=options.user,
                roles=options.roles,
                speaks_for_user=options.speaks_for_user,
                label=options.label,
            )
        except ValueError as error:
            raise CalledWrongly(str(error)) from error
    if options.database is None and find_configuration(options.config) is None:
        said = "there is no leastward.yaml here: the key is good at a gate that is started in this folder"
        console(to_stderr=True).print(said)
    return _shown(options, secret, info)


def _rotate(options: argparse.Namespace) -> int:
    with open_store(options) as store:
        try:
            secret, info = store.rotate_key(options.id, options.grace)
        except KeyError:
            raise ProblemFound(f"there is no key `{options.id}` that still works") from None
    return _shown(options, secret, info)


def _shown(options: argparse.Namespace, secret: str, info: KeyInfo) -> int:
    if options.json:
        write_json(_as_json(info) | {"secret": secret})
    else:
        # The secret alone on stdout, so that a script can take it; it is kept nowhere.
        print(secret)
        console(to_stderr=True).print(f"{info.id}: this is the only time that the secret is shown")
    return 0


def _list(options: argparse.Namespace) -> int:
    with open_store(options) as store:
        infos = store.list_keys()
    if options.json:
        write_json({"keys": [_as_json(info) for info in infos]})
        return 0
    from rich.table import Table

    table = Table(whole("id"), "tenant", "agent", "user", "scopes", "made", "revoked", "label")
    for info in infos:
        scopes = ", ".join(info.scopes) + (" (speaks for user)" if info.speaks_for_user else "")
        roles = f" ({', '.join(info.roles)})" if info.roles else ""
        user = f"{info.user or ''}{roles}"
        row = (info.id, info.tenant, info.agent, user, scopes, info.made_at[:16], info.revoked_at, info.label)
        table.add_row(*(plain(value or "") for value in row))
    console().print(table)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    with open_store(options) as store:
        found = store.revoke_key(options.id)
    if not found:
        raise ProblemFound(f"there is no key `{options.id}`")
    if options.json:
        write_json({"id": options.id, "revoked": True})
    else:
        console().print(f"{options.id} is revoked")
    return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 31_536_000:
        raise ValueError("a grace period is from 0 to a year")
    return value


def _as_json(info: KeyInfo) -> dict[str, Any]:
    return asdict(info) | {"roles": list(info.roles), "scopes": [str(scope) for scope in info.scopes]}
