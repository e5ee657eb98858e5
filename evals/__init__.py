"""Suites, replays and benchmarks that measure the house. Run from a checkout, never installed.

- suite: a set of tasks with tools of its own (AgentDojo has four)
- recording: one transcript of a real model working on a task, made before and without leastward
- replay: deciding every call of a recording, in order, as the gate would have
- truth: the calls that a suite's own authors say solve a task
- interval: Wilson's 95% interval of a share; no share is printed without one

Flow: data folder (`--data` or `LEASTWARD_DATA`, never committed) -> recordings -> guard -> counts -> table or JSON.
"""

from __future__ import annotations

__all__: list[str] = []
