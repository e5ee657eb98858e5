"""The compiler: a PolicySet becomes a Program that decides in well under a microsecond for a usual policy.
"""

from __future__ import annotations

from .program import Program, compile_policy

__all__ = ["Program", "compile_policy"]
