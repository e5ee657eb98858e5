"""How a verb ends early, with a sentence for the person who typed it.

CommandError           anything below; `code` is the exit code
├── ProblemFound       what was asked for is possible, but its input is not in order (1)
└── CalledWrongly      the options contradict each other or what is there (2)
"""

from __future__ import annotations

from typing import ClassVar


class CommandError(Exception):
    """The message stands after `leastward VERB: `, or is a rendered fault of several lines."""

    code: ClassVar[int] = 3


class ProblemFound(CommandError):
    code = 1


class CalledWrongly(CommandError):
    code = 2
