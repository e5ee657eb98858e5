"""What a request names: mail addresses, accounts, files, hosts, days and sums, as the user wrote them.

Only forms that cannot be mistaken are read; what is left over narrows nothing.
"""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

Value = TypeVar("Value", bound=Hashable)

MAX_REQUEST: Final = 65_536
"""Characters of a request that are read. The rest names nothing."""


@dataclass(frozen=True, slots=True)
class Entities:
    """`days` are `MM-DD`: people leave the year out. `days_are_all` is false where the request also speaks of a day
    that it does not name (`tomorrow`, `next week`), `sums_are_all` where a sum is to be worked out (`the difference`).
    """

    mails: tuple[str, ...]
    accounts: tuple[str, ...]
    files: tuple[str, ...]
    hosts: tuple[str, ...]
    days: tuple[str, ...]
    sums: tuple[Decimal, ...]
    days_are_all: bool
    sums_are_all: bool


_MAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![A-Za-z0-9@])"
)
"""Like the other patterns it can begin only where a word does, so that a long run of its letters is read once."""

_ACCOUNT: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}(?![A-Za-z0-9])")
"""ISO 13616's shape of an IBAN. The check digits are not verified: test accounts get them wrong."""

_FILE: Final = re.compile(
    r"(?<![\w./\\@-])[\w-]+\.(?:txt|pdf|csv|docx?|xlsx?|pptx?|odt|ods|md|json|png|jpe?g|zip)(?![\w@/\\-]|\.\w)",
    re.ASCII,
)

_SITE: Final = re.compile(
    r"(?<![\w@./-])(?:https?://(?:www\.)?|(?=www\.)www\.)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?![a-z0-9@-]|\.[a-z0-9])",
    re.ASCII,
)
"""A host in small letters behind `www.` or a scheme. A full stop and a capital letter end it, space or none between."""

_MONTHS: Final = tuple(month_name)[1:]
_MONTH: Final = "|".join(_MONTHS)
_ISO_DAY: Final = re.compile(r"(?<![\d-])\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\d-])", re.ASCII)
_MONTH_DAY: Final = re.compile(rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)", re.ASCII | re.IGNORECASE)
_DAY_MONTH: Final = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})\b", re.ASCII | re.IGNORECASE)

_UNNAMED_DAY: Final = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|next|this|coming|following|later|earlier|soon|day|days|week|weeks|month"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)

_SUM: Final = re.compile(
    r"(?:[$€£]\s?(\d[\d,]*(?:\.\d+)?)|(?<![\w.,-])(\d[\d,]*(?:\.\d+)?)\s?(?:[$€£]|\b(?:dollars?|euros?|pounds?|usd|eur|gbp|chf)\b))",
    re.ASCII | re.IGNORECASE,
)
_PAID_SUM: Final = re.compile(
    r"\b(?:pay|send|transfer|refund|wire)\s+(\d[\d,]*(?:\.\d+)?)(?=\s|[.!?]?$)", re.ASCII | re.IGNORECASE
)
_WORKED_OUT: Final = re.compile(
    r"%|\b(?:difference|total|half|third|quarter|share|split|rest|remaining|plus|minus|additional|extra|each|per|twice"
    r"|double|percent|fee|tax|vat|less|more|under|over|between|usual|usually|same|budget|price|amount)\b",
    re.IGNORECASE,
)


def entities(words: str) -> Entities:
    """Everything that `words` name, each once, in the order written."""
    words = words[:MAX_REQUEST]
    sums = [*(one or other for one, other in _SUM.findall(words)), *_PAID_SUM.findall(words)]
    return Entities(
        mails=_once(_MAIL.findall(words)),
        accounts=_once(_ACCOUNT.findall(words)),
        files=_once(match.group() for match in _FILE.finditer(words)),
        hosts=_once(match.group().rpartition("/")[2] for match in _SITE.finditer(words)),
        days=_once(_days(words)),
        sums=_once(Decimal(digits.replace(",", "")) for digits in sums),
        days_are_all=_UNNAMED_DAY.search(words) is None,
        sums_are_all=_WORKED_OUT.search(words) is None,
    )


def _days(words: str) -> list[str]:
    found = [(match.start(), int(match[1]), int(match[2])) for match in _ISO_DAY.finditer(words)]
    found += [(match.start(), _month(match[1]), int(match[2])) for match in _MONTH_DAY.finditer(words)]
    found += [(match.start(), _month(match[2]), int(match[1])) for match in _DAY_MONTH.finditer(words)]
    return [f"{month:02}-{day:02}" for _, month, day in sorted(found) if 1 <= day <= 31]


def _month(name: str) -> int:
    return _MONTHS.index(name.capitalize()) + 1


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))
