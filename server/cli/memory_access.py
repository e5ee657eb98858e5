"""How verbs reach memory: the databases and policies that the configuration names, beside a running gate.

Whoever can read and write these files is an administrator of all of it; what they do stands in memory's log as
`cli:NAME`, by the name of their account.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .database import add_database_options, database_of
from .errors import CalledWrongly, ProblemFound

if TYPE_CHECKING:
    from ..remembering import ReviewDesk
    from ..reporting import Who


def add_memory_options(parser: argparse.ArgumentParser) -> None:
    add_database_options(parser)
    parser.add_argument("--memory", metavar="URL", help="the database of memory, whatever the configuration says")
    parser.add_argument("--tenant", metavar="TENANT", help="whose memory; needed where there is more than one tenant")


@contextmanager
def open_desk(options: argparse.Namespace, without: str = "") -> Iterator[ReviewDesk]:
    """The desk of a gate that may run or not. What is refused, and what fails, ends the verb with its sentence;
    `without` is what can be done where there is no memory."""
    from datetime import UTC, datetime
    from pathlib import Path

    from ..edge import EdgeError
    from ..metrics import Metrics
    from ..opening import open_policies, open_policy_files
    from ..policies import PoliciesError
    from ..remembering import address_of, open_review_desk
    from ..store import Store, StoreError
    from .configuration import folder_of, read_settings

    settings, folder, metrics = read_settings(options.config), folder_of(options.config), Metrics()
    if options.memory is not None:
        settings = settings.with_memory_at(address_of(options.memory, Path()))
    if settings.memory.url is None:
        why = "there is no memory: the configuration has no `memory.url`, and --memory is not given"
        raise CalledWrongly(why + without)
    try:
        files = open_policy_files(settings, folder, metrics)
        store = Store.open(database_of(options), create=False)
        policies, _ = open_policies(settings, store, files, lambda: datetime.now(UTC), metrics)
        desk = open_review_desk(settings, folder, store, policies)
        try:
            yield desk
        finally:
            desk.close()
    except PoliciesError as error:
        raise ProblemFound(error.rendered) from error
    except EdgeError as error:
        raise ProblemFound(f"{error.message} ({error.code})") from error
    except StoreError as error:
        raise ProblemFound(error.message) from error


def tenant_of(desk: ReviewDesk, options: argparse.Namespace, decision: str | None = None) -> str:
    """The tenant that was named, else that of the decision, else the only one there is."""
    if options.tenant is not None:
        return str(options.tenant)
    if decision is not None:
        found = desk.tenant_of(decision)
        if found is None:
            raise ProblemFound(f"there is no decision `{decision}`")
        return found
    tenants = desk.tenants()
    if len(tenants) != 1:
        named = ", ".join(f"`{tenant}`" for tenant in tenants) or "none yet"
        raise CalledWrongly(f"--tenant is needed: the tenants are {named}")
    return tenants[0]


def reporter() -> Who:
    """Who is at the keyboard."""
    import getpass

    from ..reporting import Who

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        name = "unknown"
    return Who(f"cli:{name}", "admin")
