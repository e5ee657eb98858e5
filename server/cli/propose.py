"""`leastward propose`: a session policy drafted from what a user asked for, with its checks."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly
from .output import plain, write_json
from .policy_files import add_policy_options, read_policies

if TYPE_CHECKING:
    from ..propose import Draft, Proposer

_DESCRIPTION = """\
Drafts a session policy: restrictions that follow from the user's own words, as a file of `layer run`. A draft can only
tighten the policies named by -p; it is parsed, checked against the tools and shown. Without --model no model is asked:
what the user named becomes what is allowed. Exit code 0 if the draft would load, 1 if it is refused."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("propose", help="draft a session policy from a request", description=_DESCRIPTION)
    parser.add_argument("request", metavar="REQUEST", help="what the user asked for; `-` reads it from stdin")
    add_policy_options(parser, takes_many=False)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--entities", action="store_true", help="without a model (the default)")
    how.add_argument("--model", metavar="MODEL", help="a model as litellm names it, such as `gpt-4o` (extra `llm`)")
    parser.add_argument("--base-url", metavar="URL", help="the server of the model, if it is your own")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..propose import draft

    policy = read_policies(options.policy, options.tools)
    if len(policy.catalogue) == 0:
        raise CalledWrongly("no tools are known: name them with --tools, or `use tools` in a policy")
    words = sys.stdin.read() if options.request == "-" else options.request
    drafted = draft(words, policy, policy.catalogue, _proposer(options))
    if options.json:
        write_json(_as_json(drafted))
    else:
        _print(drafted)
    return int(drafted.status == "refused")


def _proposer(options: argparse.Namespace) -> Proposer:
    from ..propose import ModelProposer, propose_entities

    if options.model is None:
        if options.base_url is not None:
            raise CalledWrongly("--base-url goes with --model")
        return propose_entities
    return ModelProposer(options.model, base_url=options.base_url)


def _as_json(drafted: Draft) -> dict[str, Any]:
    return {
        "status": drafted.status,
        "proposer": drafted.proposal.proposer,
        "policy": drafted.text or None,
        "restrictions": [
            {"kind": one.kind, "tools": list(one.tools), "provenance": one.provenance}
            for one in drafted.proposal.restrictions
        ],
        "problems": list(drafted.problems),
        "notes": list(drafted.proposal.notes),
    }


def _print(drafted: Draft) -> None:
    """The policy alone on stdout, so that it can be redirected into a file; what is to say about it on stderr."""
    sys.stdout.write(drafted.text)
    proposed = len(drafted.proposal.restrictions)
    said = {
        "loads": f"loads: {proposed} restrictions, none of which can widen",
        "waits": "waits for a person",
        "refused": "refused",
    }
    print(f"leastward propose: {said[drafted.status]}", file=sys.stderr)
    for problem in (*drafted.problems, *drafted.proposal.notes):
        print(f"  {plain(problem).plain}", file=sys.stderr)
