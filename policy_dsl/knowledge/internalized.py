"""What a model says of the policies it was taught: `internalization.json`, written beside its weights, read by a gate.

Floors that may not know each other write it (training) and read it (the gate), so its form stands here. It is a claim
and no credential: a gate that believes it leaves the policy's text out of a prompt, and decides every call as before.

A model stands for a policy where the hash is that policy's whole hash and every threshold is met by the worse end of
the interval of what was measured: 19 right of 20 is no 95 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose, sqrt
from typing import Any, Final

import msgspec

from .. import strict_json
from ..ast import PolicySet
from ..parse import LANGUAGE
from .document import document

FORMAT: Final = "leastward/internalization/1"
LONGEST: Final = 1 << 20
"""Bytes of a file that is read."""
MOST: Final = 10**9
"""Answers that a share may count; far more than anybody measures, and safe to divide."""

_Z95: Final = 1.959963984540054
_CLOSE: Final = 1e-6


class Unusable(Exception):
    """Bytes that are no `internalization.json`; the message says why."""


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`times` of `of` answers, with the ends of Wilson's 95 % interval of that share."""

    times: int
    of: int
    low: float
    high: float

    @classmethod
    def counted(cls, times: int, of: int) -> Share:
        """ValueError unless 0 <= times <= of and 0 < of <= MOST."""
        if not 0 <= times <= of or not 0 < of <= MOST:
            raise ValueError(f"{times} of {of} is no share")
        share, spread = times / of, _Z95 * _Z95 / of
        centre = (share + spread / 2) / (1 + spread)
        half = _Z95 * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
        # At the ends the bound is the share itself; rounding would leave a hair's breadth between them.
        return cls(times=times, of=of, low=centre - half if times else 0.0, high=centre + half if times < of else 1.0)


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a share has to reach, or may not pass: exactly one of the two is given."""

    least: float | None = None
    most: float | None = None

    def meets(self, share: Share) -> bool:
        """By the worse end of the interval."""
        if self.least is not None:
            return share.low >= self.least
        return self.most is not None and share.high <= self.most


class Taught(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One policy that the model was taught, and how well it follows it without its text. `document` is the sha256 of
    the rendered text; `measured` goes by name, as `effect` or `false-allow`."""

    name: str
    identifier: str
    hash: str
    document: str
    measured: dict[str, Share]


class Internalization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. `phrasing` is the seed of the documents' wording, `data` the hash of the data's manifest,
    `stages` what was run, in order, `weights` each weight file's sha256 by its name beside this file."""

    format: str
    language: int
    base: str
    data: str
    phrasing: int
    stages: tuple[str, ...]
    policies: tuple[Taught, ...]
    thresholds: dict[str, Threshold]
    weights: dict[str, str]

    def taught(self, policy: PolicySet) -> Taught | None:
        """What is said of this policy; a hash is compared whole, never by the eight digits of an identifier."""
        return next((one for one in self.policies if one.hash == policy.hash), None)

    def misses(self, policy: PolicySet) -> str | None:
        """Why the model does not stand for `policy`: `other-language`, `other-policy`, `below-threshold`; None where it
        does."""
        if self.language != LANGUAGE:
            return "other-language"
        taught = self.taught(policy)
        if taught is None:
            return "other-policy"
        met = (
            name in taught.measured and bound.meets(taught.measured[name]) for name, bound in self.thresholds.items()
        )
        return None if all(met) else "below-threshold"


def read_internalization(content: bytes) -> Internalization:
    """Raises Unusable for what is not strict JSON, has a member that is not known, or contradicts itself."""
    if len(content) > LONGEST:
        raise Unusable(f"it has more than {LONGEST} bytes")
    try:
        read = msgspec.convert(strict_json.parse(content), Internalization)
    except strict_json.StrictJsonError as error:
        raise Unusable(f"it is not strict JSON: {error.message}") from None
    except msgspec.ValidationError as error:
        said = str(error)
        raise Unusable(f"{said[:1].lower()}{said[1:]}") from None
    for problem in _problems(read):
        raise Unusable(problem)
    return read


def write_internalization(internalization: Internalization) -> bytes:
    """The bytes that `read_internalization` reads. Raises Unusable for what it would refuse."""
    for problem in _problems(internalization):
        raise Unusable(problem)
    encoded = msgspec.json.encode(internalization, order="deterministic")
    return msgspec.json.format(encoded, indent=1) + b"\n"


def shown(policy: PolicySet, identifier: str, phrasing: int) -> str:
    """The text that stands in for what a model was not taught; as in training (the view `document`)."""
    return f"Policy: {identifier}\n{document(policy, phrasing)}"


def _problems(read: Internalization) -> list[str]:
    """What the types do not say, in the order it is looked at."""
    hashes = [read.data, *(one.hash for one in read.policies), *(one.document for one in read.policies)]
    found = [
        *([] if read.format == FORMAT else [f"its format is `{read.format}`, this version reads `{FORMAT}`"]),
        *([] if read.policies else ["it names no policy"]),
        *([] if read.thresholds else ["it has no threshold, so nothing could be too little"]),
        *(f"`{value[:80]}` is no sha256" for value in [*hashes, *read.weights.values()] if not _is_hash(value)),
        *_thresholds(read.thresholds),
    ]
    if len({one.hash for one in read.policies}) != len(read.policies):
        found.append("it says two things of one policy")
    for one in read.policies:
        for name, share in one.measured.items():
            found += [f"`{name}` of `{one.identifier}`: {says}" for says in _share(share)]
    return found


def _is_hash(value: str) -> bool:
    digits = value.removeprefix("sha256:")
    return len(digits) == 64 and len(value) == 71 and set(digits) <= set("0123456789abcdef")


def _thresholds(thresholds: Mapping[str, Threshold]) -> list[str]:
    return [
        f"the threshold `{name}` needs `least` or `most`, one of them, from 0 to 1"
        for name, bound in thresholds.items()
        if (bound.least is None) == (bound.most is None) or not 0 <= _only(bound) <= 1
    ]


def _only(bound: Threshold) -> Any:
    return bound.least if bound.most is None else bound.most


def _share(share: Share) -> list[str]:
    try:
        counted = Share.counted(share.times, share.of)
    except ValueError as error:
        return [str(error)]
    close = isclose(counted.low, share.low, abs_tol=_CLOSE) and isclose(counted.high, share.high, abs_tol=_CLOSE)
    return [] if close else ["its interval does not follow from its counts"]
