"""`leastward init`: a configuration and a first policy to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from .errors import ProblemFound
from .output import write_json

CONFIGURATION = """\
# leastward: docs/configuration.md describes every key. ${NAME} takes a value from the environment.
listen:
  host: 127.0.0.1
  port: 4747

# The model server that the gate stands in front of: anything that speaks the OpenAI API.
upstreams:
  main:
    url: http://127.0.0.1:8000/v1
    # api_key: ${OPENAI_API_KEY}

policies: ["*.lw"]
database: leastward.db

# `observe` decides and records but refuses nothing. Start with it on live traffic, then enforce.
mode: enforce
"""

POLICY = """\
language 1

# What is not allowed here is refused. `leastward check` looks for mistakes, `leastward test` runs the tests below.
#
# Name the tools' schemas, so that arguments and their types are checked:
#   use tools "tools.json"

# Reading: every tool whose name starts like this, with any arguments.
group reading = { get_*, list_*, read_*, search_* }

allow reading(...) as read

# Writing: name every argument that a call may carry. `from user` asks for the user's own words.
set own_mail = mail at { "example.com" }

allow send_email(recipients, subject, body) as mail-inside when each of recipients in own_mail

ask send_email(recipients, subject, body) as mail-outside
  when each of recipients (it in own_mail or it from user)
  unless mail-inside

otherwise forbid message "Not allowed here. Continue without it."

test "mail stays inside" {
  call search_email(query: "lunch") => allow by read
  call send_email(recipients: ["a@example.com"], subject: "s", body: "b") => allow by mail-inside
  call send_email(recipients: ["a@example.com", "b@other.example"], subject: "s", body: "b")
    => forbid
}

test "the user may name somebody outside" {
  user "Write to b@other.example, please."
  call send_email(recipients: ["b@other.example"], subject: "s", body: "b") => ask by mail-outside
}
"""

FILES = {"leastward.yaml": CONFIGURATION, "first.lw": POLICY}

NEXT = """\
next:
  leastward check first.lw && leastward test first.lw
  leastward keys issue --tenant home --agent my-agent
  leastward serve
  then give your agent http://127.0.0.1:4747/v1 as its base URL and the key as its API key"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "init",
        help="write a configuration and a first policy",
        description="Write a configuration and a first policy to start from. Never over a file that is there.",
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="where to (default: here)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    folder = Path(options.folder)
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise ProblemFound(f"{', '.join(there)} exists in `{folder}`, nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            # "x": a file that appeared since the look above is not overwritten either.
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ProblemFound(f"`{folder}` cannot be written: {error.strerror}") from error
    if options.json:
        write_json({"written": [str(folder / name) for name in FILES]})
    else:
        for name in FILES:
            print(f"wrote {folder / name}")
        print(NEXT)
    return 0
