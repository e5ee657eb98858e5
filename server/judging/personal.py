"""Detector `personal`: numbers that identify a person or an account, by their own checksums.

A number without its checksum is no finding: texts are full of digits. Where a scheme has a weak checksum or none, the
number must also be written as such numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final

from .patterns import Entry, Patterns

_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip
"""Of the countries whose accounts are met most (ISO 13616 registry)."""

_CARDS: Final = ((4, (13, 16, 19)), (5, (16,)), (2, (16,)), (3, (14, 15, 16)), (6, (16, 17, 18, 19)))
"""First digit of a card's issuer and the lengths it has (ISO 7812)."""


def _digits(text: str) -> list[int]:
    return [int(one) for one in text if one.isascii() and one.isdigit()]


def luhn(text: str) -> bool:
    """ISO 7812-1 annex B, over the digits of the text, which is as long as a card's number can be."""
    digits = _digits(text)
    if len(set(digits)) < 2 or not any(digits[0] == first and len(digits) in lengths for first, lengths in _CARDS):
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: the length of its country, and 1 modulo 97."""
    plain = re.sub(r"[ -]", "", text).upper()
    if _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def us_social_security(text: str) -> bool:
    """No checksum: areas and groups that the Social Security Administration never gave out are left out."""
    area, group, serial = re.findall(r"\d+", text)
    return area not in ("000", "666") and not area.startswith("9") and group != "00" and serial != "0000"


def german_tax_id(text: str) -> bool:
    """ISO 7064 MOD 11,10, and one digit of the first ten twice or three times (section 139b AO)."""
    digits = _digits(text)
    counts = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    if digits[0] == 0 or counts[0] not in (2, 3) or counts[1] > 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[10]


def _weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True))


def nhs(text: str) -> bool:
    """Modulus 11 with weights 10 to 2 (NHS data dictionary)."""
    digits = _digits(text)
    check = 11 - _weighted(digits[:9], range(10, 1, -1)) % 11
    return check % 11 == digits[9] and check != 10 and len(set(digits)) > 1


def cpf(text: str) -> bool:
    """Brazil: two modulus 11 digits."""
    digits = _digits(text)
    if len(set(digits)) < 2:
        return False
    first = _weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == [first, second]


def french_insee(text: str) -> bool:
    """13 digits and 97 less their remainder modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    plain = re.sub(r"\s", "", text).upper().replace("2A", "19", 1).replace("2B", "18", 1)
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


def spanish_dni(text: str) -> bool:
    """The letter is the remainder modulo 23; X, Y and Z of foreigners count as 0, 1 and 2."""
    plain = re.sub(r"[ -]", "", text).upper()
    number = int(plain[:-1].translate(str.maketrans("XYZ", "012")))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == plain[-1]


def pesel(text: str) -> bool:
    """Poland: weights 1 3 7 9, and a month that exists in its century."""
    digits = _digits(text)
    month = (digits[2] * 10 + digits[3]) % 20
    check = sum(digit * weight for digit, weight in zip(digits[:10], cycle((1, 3, 7, 9)), strict=False))
    return 1 <= month <= 12 and 1 <= digits[4] * 10 + digits[5] <= 31 and (10 - check % 10) % 10 == digits[10]


ENTRIES: Final = (
    Entry("card-number", r"\b(?:\d[ -]?){12,18}\d\b", luhn),
    Entry("bank-account", r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}\b", iban),
    Entry("us-social-security", r"\b\d{3}-\d{2}-\d{4}\b", us_social_security),
    Entry("tax-number", r"\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b", german_tax_id),
    Entry("health-number", r"\b\d{3}[ -]\d{3}[ -]\d{4}\b", nhs),
    Entry("tax-number", r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b", cpf),
    Entry(
        "person-number",
        r"(?i)\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b",
        french_insee,
    ),
    Entry("person-number", r"(?i)\b(?:\d{8}|[XYZ][ -]?\d{7})[ -]?[A-Z]\b", spanish_dni),
    Entry("person-number", r"\b\d{11}\b", pesel),
)

_TABLE: Final = Patterns(ENTRIES)


def personal(text: str) -> Iterator[str]:
    return _TABLE.codes(text)
