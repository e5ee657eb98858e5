"""From files on a disk to a bundle: what `leastward policy sign` packs.

The policies are loaded first as any verb loads them, which says which files they need; then each is read once, as it
is: a link is refused, since what it leads to may change between this machine and what the author looked at.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from policy_dsl import PolicySet, UseTools

from .bundle import FORMAT, MOST_BYTES, Bundle, Manifest, checked_names, listed
from .loading import guard_in, policy_of
from .refusals import BundleRefused


def collected(paths: Sequence[str], tools: str | None, policy: PolicySet, serial: int) -> Bundle:
    """The unsigned bundle of `policy`, which was loaded from `paths` and `tools`, fit to be in force.

    Names in it are relative to the folder that holds all of its files. Raises BundleRefused.
    """
    entries, extra = [_place(path) for path in paths], None if tools is None else _place(tools)
    places = list(dict.fromkeys([*entries, *([] if extra is None else [extra]), *_needed(policy)]))
    root = Path(os.path.commonpath([place.parent for place in places]))
    names = {place: place.relative_to(root).as_posix() for place in places}
    checked_names(tuple(names.values()))
    files = {names[place]: _text(place, root) for place in places}
    named = tuple(dict.fromkeys(names[place] for place in entries))
    bundled = policy_of(named, None if extra is None else names[extra], files)
    if bundled.hash != policy.hash:
        raise BundleRefused("bad-hash", "a file changed while it was read")
    manifest = Manifest(
        files=tuple(listed(path, text) for path, text in sorted(files.items())),
        format=FORMAT,
        policies=named,
        policy_hash=policy.hash,
        serial=serial,
        tools=None if extra is None else names[extra],
    )
    bundle = Bundle(manifest, files, {})
    guard_in(bundle)
    if len(bundle.encoded()) > MOST_BYTES:
        raise BundleRefused("bundle-too-large", f"a bundle has at most {MOST_BYTES} bytes")
    return bundle


def _needed(policy: PolicySet) -> list[Path]:
    """The files of a policy, and the tool lists that they use."""
    places = []
    for file in policy.files:
        if file.path.startswith("package:"):
            raise BundleRefused("bad-policy", f"`{file.path}` is a package's: a bundle holds all that it needs")
        places.append(_place(file.path))
        folder = os.path.dirname(file.path)
        places += [_place(os.path.join(folder, one.path)) for one in file.statements if isinstance(one, UseTools)]
    return places


def _place(path: str) -> Path:
    return Path(os.path.abspath(path))


def _text(place: Path, root: Path) -> str:
    at = place
    while at != root:
        if at.is_symlink():
            raise BundleRefused("bad-path", f"`{place.name}` is reached by a link: a bundle is made of files")
        at = at.parent
    try:
        with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            data = file.read(MOST_BYTES + 1)
        return data.decode()
    except OSError as error:
        raise BundleRefused("bad-path", f"`{place.name}` cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BundleRefused("bad-path", f"`{place.name}` is not UTF-8") from error
