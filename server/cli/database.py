"""How verbs reach the database: the one that the configuration names, or another by its path."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import ProblemFound

if TYPE_CHECKING:
    from ..store import Store


def add_database_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration that names the database")
    parser.add_argument("--database", metavar="PATH", help="the database itself, whatever the configuration says")


@contextmanager
def open_store(options: argparse.Namespace, *, create: bool = False) -> Iterator[Store]:
    """The store for short work beside a running server; its writer is not started. Faults end the verb."""
    from ..store import Store, StoreError

    try:
        yield Store.open(database_of(options), create=create)
    except StoreError as error:
        raise ProblemFound(error.message) from error


def database_of(options: argparse.Namespace) -> str:
    """The path of the database that the options mean."""
    if options.database is not None:
        return str(options.database)
    from ..store import located
    from .configuration import folder_of, read_settings

    return located(folder_of(options.config), read_settings(options.config).database)
