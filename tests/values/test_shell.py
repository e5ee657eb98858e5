"""policy_dsl/values/shell.py: commands simple enough to name their program."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import shell

CORPUS = {"test_runs_one_of": "runs_one", "test_runs_none_of": "runs_none"}

SHELLISH = st.text("ls rmAB01=;|&<>()$`\\!*?[]{}~#'\"\n\r\t-./", max_size=20)


def test_runs_one_of(case: Any) -> None:
    assert (shell.program_of(case.value) in case.written) is case.want


def test_runs_none_of(case: Any) -> None:
    programs = shell.programs_of(case.value)
    assert (programs is not None and not set(programs) & set(case.written)) is case.want


@given(st.text(st.characters(codec=None)) | SHELLISH)
def test_total(text: str) -> None:
    one, listed = shell.program_of(text), shell.programs_of(text)
    if one is not None and listed is not None:
        assert listed == (one,)


@given(SHELLISH)
def test_a_simple_command_means_the_same_to_another_reader(text: str) -> None:
    program = shell.program_of(text)
    if program is not None:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        assert next(iter(lexer)) == program
        assert not set("\n\r\t$`\\") & set(re.sub("'[^']*'", "", text))


@pytest.mark.parametrize("character", [chr(code) for code in range(128)])
def test_every_ascii_character_outside_quotes(character: str) -> None:
    plain = character.isalnum() or character in "_./:,+@%=- "
    assert (shell.program_of(f"ls a{character}b") == "ls") is plain


@pytest.mark.parametrize("character", [chr(code) for code in range(128)])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_every_ascii_character_inside_quotes(character: str, quote: str) -> None:
    refused = set(quote) | ({"$", "`", "\\", "!"} if quote == '"' else set())
    plain = " " <= character <= "~" and character not in refused
    assert (shell.program_of(f"ls {quote}a{character}b{quote}") == "ls") is plain


@pytest.mark.parametrize("times", [20_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_long_texts(times: int) -> None:
    assert shell.program_of("ls " + "a " * (5 * times)) == "ls"
    assert shell.program_of("ls " + "'a'" * (5 * times) + "'") is None
    assert shell.programs_of(" && ".join(["true"] * times)) == ("true",) * times
