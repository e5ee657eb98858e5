"""The suites of an installed agentdojo package, as the file that the replays read: every injection task of them.

Run in an environment of its own, where agentdojo is installed; nothing of this project is imported, and the policies of
this project were not written while looking at what it prints:

    python evals/agentdojo/extract.py suites_v1.2.2.json.xz
"""

from __future__ import annotations

import json
import lzma
import sys
from importlib import import_module
from typing import Any

VERSION = "v1.2.2"


def main() -> int:
    suites = import_module("agentdojo.task_suite.load_suites").get_suites(VERSION)
    tree = {name: _suite(suite) for name, suite in suites.items()}
    with lzma.open(sys.argv[1], "wt", encoding="utf-8") as file:
        json.dump(tree, file, ensure_ascii=False)
    for name, suite in tree.items():
        known = sum(bool(task["ground_truth"]) for task in suite["injection_tasks"].values())
        print(f"{name}: {len(suite['user_tasks'])} user tasks, {known} injection tasks with a truth")
    return 0


def _suite(suite: Any) -> dict[str, Any]:
    environment = suite.load_and_inject_default_environment({})
    return {
        "user_tasks": {
            name: {"prompt": task.PROMPT, "ground_truth": _calls(task.ground_truth(environment))}
            for name, task in suite.user_tasks.items()
        },
        "injection_tasks": {
            name: {"goal": task.GOAL, "ground_truth": _calls(task.ground_truth(environment))}
            for name, task in suite.injection_tasks.items()
        },
    }


def _calls(calls: Any) -> list[dict[str, Any]]:
    return [{"function": call.function, "args": dict(call.args)} for call in calls]


if __name__ == "__main__":
    raise SystemExit(main())
