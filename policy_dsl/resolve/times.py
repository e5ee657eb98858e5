"""Zones and moments that a policy writes: each must be one, whatever the machine that reads it knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final

from ..ast import ALWAYS, PolicyFile, Span, TimeWithin, Validity
from ..errors import quoted
from .faults import fault, text_within


def refuse_unknown_zone(file: PolicyFile, span: Span, zone: str) -> None:
    """Raises BundleError for what is no name of the IANA time zone database."""
    if zone not in _zones():
        close = get_close_matches(zone, _zones(), n=1, cutoff=0.6)
        raise fault(
            file,
            text_within(file, span, zone),
            f"there is no time zone {quoted(zone)}",
            "unknown-zone",
            f"did you mean `{close[0]}`?" if close else 'as in `"Europe/Berlin"` or `"UTC"`',
        )


def validity_test(file: PolicyFile, span: Span, validity: Validity) -> TimeWithin | None:
    """When a rule is one, as a condition. Raises BundleError for what is no moment."""
    if validity == ALWAYS:
        return None
    start, end = (_moment(file, span, text) for text in (validity.start, validity.end))
    return TimeWithin(start, end, span)


def _moment(file: PolicyFile, span: Span, text: str | None) -> int | None:
    """Microseconds since 1970 UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except (OverflowError, ValueError) as error:
        raise fault(
            file,
            text_within(file, span, text),
            f"{quoted(text)} is no moment",
            "bad-time",
            'as in `"2026-11-20T10:00Z"`',
        ) from error


@cache
def _zones() -> frozenset[str]:
    """The names that the tzdata package ships: the same on every machine, and never a path to elsewhere."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
