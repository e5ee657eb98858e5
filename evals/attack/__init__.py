"""The attack corpus: wire-level attacks and look-alikes, each with a verdict, sent through a real gate.

neutral   the corpus's rules, which belong to no language, as a policy file
cases     reading the corpus, and telling from what arrived whether a case came out as labelled
clients   how a client of each protocol asks, and what it would run of what it gets
somebody  the judge and the person that a case tells of
run       `python -m evals.attack.run [--data FILE]`: every chat and HTTP case through the real server, with a table
"""

from __future__ import annotations

__all__: list[str] = []
