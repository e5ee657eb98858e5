"""Shell commands simple enough to say which program they run.

Deny lists over shell text do not hold (quotes, substitution, carriage returns: three shells, three readings), so
there is one small grammar and everything outside it has no reading. A *word* is made of plain characters, 'single
quoted' text, and "double quoted" text without `$`, a back-quote, a backslash or `!`. Outside quotes these are
refused: every metacharacter of sh, bash and zsh, globs and `~` too (`ls *` may expand to `ls -rf`), line breaks, tabs
and other control characters, non-ASCII characters that are not letters, digits or marks. A *simple command* is a
program, spelled bare (no slash, quote or assignment), and words.

`program_of` answers for a policy that lists what may run. The listed program may do whatever its arguments make it
do: an interpreter in the list is a door. Only the best known arguments by which `find`, `git`, `tar` and the like
start another program are refused (`_LAUNCHING`).

`programs_of` answers for a policy that lists what may not run. There a program that runs others given in its arguments
would hide them, so such programs have no reading (`_HIDING`), nor have names that some systems take for another
(`CURL`, `curl.exe`). It remains a deny list and stops the obvious, not the determined.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Final

from .text import nfkc

_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "_./:,+@%=-")
_UNQUOTED: Final = r"[A-Za-z0-9_./:,+@%=\x80-\U0010ffff-]++"
_QUOTED: Final = r"'[^'\x00-\x1f\x7f-\x9f]*+'|\"[^\"$`\\!\x00-\x1f\x7f-\x9f]*+\""
_WORD: Final = re.compile(rf"(?!=)(?:{_UNQUOTED}|{_QUOTED})++")
_JOINT: Final = re.compile(r"&&|\|\|")
_SPACES: Final = re.compile(" *")
_PROGRAM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_QUOTES: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def program_of(text: str) -> str | None:
    """The program of one simple command, as spelled; None where `text` is not exactly that."""
    commands = _commands(text)
    if commands is None or len(commands) != 1:
        return None
    (words,) = commands
    return None if _launches(words) else words[0]


def programs_of(text: str) -> tuple[str, ...] | None:
    """The programs of simple commands joined by `&&` and `||`, in order.

    None where `text` is not such a list, or where one of them could run a program that is not named.
    """
    commands = _commands(text)
    if commands is None or any(_launches(words) or _hides(words[0]) for words in commands):
        return None
    return tuple(words[0] for words in commands)


# --- reading --------------------------------------------------------------------------------------------------------


def _commands(text: str) -> list[list[str]] | None:
    """The words of each command, quotes taken away; None where the text leaves the grammar."""
    commands: list[list[str]] = [[]]
    position = _past_spaces(text, 0)
    while position < len(text):
        if joint := _JOINT.match(text, position):
            commands.append([])
            position = _past_spaces(text, joint.end())
            continue
        word = _WORD.match(text, position)
        if word is None or not _is_readable(word.group()):
            return None
        commands[-1].append(word.group() if not commands[-1] else _unquoted(word.group()))
        position = _past_spaces(text, word.end())
    if any(not words or not _PROGRAM.fullmatch(words[0]) for words in commands):
        return None
    return commands


def _past_spaces(text: str, position: int) -> int:
    spaces = _SPACES.match(text, position)
    assert spaces is not None  # it matches the empty text
    return spaces.end()


def _is_readable(word: str) -> bool:
    """What is not ASCII: no lone surrogate, and outside quotes nothing that could be taken for a metacharacter."""
    if word.isascii():
        return True
    if any("\ud800" <= char <= "\udfff" for char in word):
        return False
    bare = nfkc(_QUOTES.sub("", word))
    return all(char in _PLAIN or (char > "\x7f" and unicodedata.category(char)[0] in "LMN") for char in bare)


def _unquoted(word: str) -> str:
    return _QUOTES.sub(r"\1\2", word)


# --- what starts other programs -------------------------------------------------------------------------------------

_WRAPPERS: Final = (
    "at batch bwrap cgexec choom chpst chronic chroot chrt command coproc cpulimit crontab daemonize dbus-launch "
    "dbus-run-session doas dtach entr env eval exec expect fakeroot faketime firejail flock gdb gmake gosu "
    "hyperfine ionice logsave ltrace make nice nohup nsenter numactl parallel perf pkexec prlimit proot proxychains "
    "proxychains4 rlwrap run-one run-parts runcon runuser schroot screen script setarch setpriv setsid sg softlimit "
    "ssh-agent start-stop-daemon stdbuf strace su sudo sudoedit systemd-run taskset time timeout tini tmux torsocks "
    "trap trickle tsocks unbuffer unshare valgrind watch xargs xvfb-run"
)
_KEYWORDS: Final = (
    ". alias bind builtin case compgen complete do done elif else enable esac fc fi for function hash if in select "
    "source then until while"
)
_INTERPRETERS: Final = (
    "ash awk bash bc bun busybox cscript csh dash dc deno ed elvish emacs erl ex fish gawk ghci gnuplot go groovy "
    "guile irb java jrunscript js jshell julia ksh less lua luajit m4 man mawk mksh mono more mysql nano nawk node "
    "nodejs nvim octave osascript perl php posh powershell psql pwsh pypy python rbash rc ruby sash sbcl scala "
    "scheme sed sh sqlite sqlite3 swift tclsh tcsh toybox ts-node tsx vi view vim vimdiff wish wscript xonsh yash "
    "zsh"
)
_ELSEWHERE: Final = (
    "ansible autossh bundle bunx cargo cmake conda ctr distrobox docker docker-compose flatpak gradle kubectl lxc "
    "machinectl mosh multipass mvn nc ncat nerdctl netcat npm npx oc pdsh pip pipx pnpm podman poetry pssh rake rsh "
    "rsync scp sftp slogin snap socat ssh sshpass tox uv uvx vagrant virsh wsl yarn"
)
_HIDING: Final = frozenset(f"{_WRAPPERS} {_KEYWORDS} {_INTERPRETERS} {_ELSEWHERE}".split())
"""Programs and words of a shell that run what their arguments, their input, a script or another machine say."""

_VERSION: Final = re.compile(r"[-.]?[0-9][0-9.]*[a-z]?\Z")
"""The end of `python3.11`, `lua5.4`, `php8`, `perl5.36.0`: such a name is judged without it."""

_OTHER_SPELLING: Final = re.compile(r".*[A-Z]|.*\.(?:exe|com|bat|cmd|ps1)\Z")
"""`CURL` and `curl.exe` are curl where the system ignores case or adds the ending itself."""

_LAUNCHING: Final = {
    "find": ("-exec", "-ok"),
    "fd": ("-x", "-X", "--exec"),
    "git": ("-c", "--config-env", "--exec", "--upload-pack", "--receive-pack", "ext::"),
    "sort": ("--co",),
    "tar": ("-I", "--checkpoint-a", "--to-c", "--use", "--rsh-c", "--rmt-c"),
}
"""Beginnings of words with which a program that is often listed as harmless starts another one: the best known ones."""


def _hides(program: str) -> bool:
    return program in _HIDING or _VERSION.sub("", program) in _HIDING or _OTHER_SPELLING.match(program) is not None


def _launches(words: list[str]) -> bool:
    starts = _LAUNCHING.get(words[0])
    return starts is not None and any(word.startswith(starts) for word in words[1:])
