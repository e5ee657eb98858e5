"""`leastward serve`: run the gate."""

from __future__ import annotations

import argparse

from .configuration import find_configuration
from .errors import ProblemFound


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "serve",
        help="run the gate",
        description="Run the gate in the foreground. It refuses to start on a broken configuration or policy; a policy "
        "that breaks later leaves the last good one in force. SIGTERM and SIGINT end it once the answers under way are "
        "sent.",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration (default: leastward.yaml here)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..policies import PoliciesError
    from ..settings import SettingsError
    from ..store import StoreError
    from ..wiring import serve

    try:
        serve(find_configuration(options.config))
    except PoliciesError as error:
        raise ProblemFound(error.rendered) from error
    except SettingsError as error:
        raise ProblemFound(str(error)) from error
    except StoreError as error:
        raise ProblemFound(error.message) from error
    return 0
