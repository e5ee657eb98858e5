"""Detector `secrets`: credentials in a text. Prefixes are the ones that the issuers document."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from .patterns import Entry, Patterns

LEAST_BITS: Final = 3.0
"""Bits of entropy a character that the value of `password = ...` must have: words have fewer, drawn keys more."""


def _is_drawn(found: str) -> bool:
    """Whether what stands behind the sign looks drawn at random: not a placeholder, not a word."""
    value = re.split(r"[=:]\s*[\"']?", found, maxsplit=1)[-1].strip("\"' ")
    if len(value) < 12 or value.lower().startswith(("your", "example", "changeme", "<", "${", "xxx", "***")):
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return bits >= LEAST_BITS and any(one.isdigit() for one in value) and any(one.isalpha() for one in value)


ENTRIES: Final = (
    Entry("private-key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    Entry("cloud-key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),  # AWS access key ids
    Entry("cloud-key", r"\bAIza[0-9A-Za-z_-]{35}"),  # Google
    Entry("cloud-key", r"(?i)\bAccountKey=[A-Za-z0-9+/]{80,88}={0,2}"),  # Azure storage
    Entry("cloud-key", r"\b(?:do[opr]_v1_[a-f0-9]{64}|dp\.pt\.[A-Za-z0-9]{40,44})\b"),  # DigitalOcean, Doppler
    Entry("code-host-token", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{82}\b"),
    Entry("code-host-token", r"\bgl(?:pat|dt|ptt|rt|cbt)-[A-Za-z0-9_-]{20,}"),
    Entry("package-token", r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    Entry(
        "model-key",
        r"\bsk-(?:ant-|proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{32,}|\bhf_[A-Za-z]{34}\b"
        r"|\bgsk_[A-Za-z0-9]{52}\b",
    ),
    Entry("chat-token", r"\bxox[abeoprs]-(?:[0-9A-Za-z]+-)+[0-9A-Za-z]{16,}|\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}"),
    Entry("chat-token", r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,}"),
    Entry("chat-token", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{15,}/[\w-]{40,}"),
    Entry("chat-token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),  # Telegram bots
    Entry("payment-key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}\b|\bsq0csp-[A-Za-z0-9_-]{43}"),
    Entry("mail-key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b|\bkey-[a-f0-9]{32}\b"),
    Entry("web-token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"),  # RFC 7519
    Entry("web-token", r"(?i)\bauthorization:\s*(?:basic|bearer)\s+[A-Za-z0-9+/._~=-]{16,}"),
    Entry(
        "password-in-url",
        r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|ftps?|https?|smtps?)://[^\s:/@]+:[^\s:/@]{4,}@",
    ),
    Entry(
        "assigned-secret",
        r"(?i)(?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|client[_-]?secret)[\"']?"
        r"\s*[=:]\s*[\"']?[^\s\"',;]{12,128}",
        _is_drawn,
    ),
)

_TABLE: Final = Patterns(ENTRIES)


def secrets(text: str) -> Iterator[str]:
    return _TABLE.codes(text)
