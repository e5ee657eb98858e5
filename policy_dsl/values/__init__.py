"""What the operators of the language mean on single values; both engines call these and nothing else.

Every function is pure, total on any text (any length, NUL, lone surrogates, direction marks) and linear in it. None
ever guesses: a text that two programs could read differently has no reading here, which the functions say with None
or False.

- text    folding for comparison, and whether a user said something
- host    host names: one ASCII spelling each
- mail    the domain of one bare address
- web     the host of one plain https URL
- path    whether a plain absolute path lies inside a root
- shell   the programs of commands simple enough to name them
- pattern matching in linear time: the whole value, or anywhere inside
- glob    texts with gaps, in linear time
- number  exact decimals
- clock   what the clock of a zone shows

Flow: a type-checked argument goes in, a canonical part (a domain, a host, a program) or a truth comes out, and the
engine compares it with what the policy lists.
"""

from __future__ import annotations

from . import clock, glob, host, mail, number, path, pattern, shell, text, web

__all__ = ["clock", "glob", "host", "mail", "number", "path", "pattern", "shell", "text", "web"]
