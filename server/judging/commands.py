"""Detectors `commands` and `addresses`: what shells, paths and URLs in a text could do.

They stop the obvious, not the determined: a policy that lists what may run (`runs one of`, `under`, `https at`) is the
guard, and this the second look at what it grants.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from .patterns import Entry, Patterns


def _is_inside(found: str) -> bool:
    """Whether the host of a URL is an address that is not on the public internet, in any spelling that a resolver of
    the C library takes (inet_aton: fewer parts, octal, hexadecimal)."""
    host = re.split(r"[/?#]", found.split("://", 1)[1], maxsplit=1)[0].rsplit("@", 1)[-1]
    host = host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.rsplit(":", 1)[0]
    name = host.rstrip(".").lower()
    if name in ("localhost", "metadata", "metadata.google.internal", "instance-data") or name.endswith(
        (".localhost", ".internal", ".local", ".nip.io", ".sslip.io", ".localtest.me")
    ):
        return True
    address = _address(name)
    return address is not None and not address.is_global


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _odd_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _odd_address(host: str) -> ipaddress.IPv4Address | None:
    parts = host.split(".")
    numbers: list[int] = []
    for part in parts:
        if not re.fullmatch(r"0x[0-9a-f]{1,8}|[0-9]{1,16}", part) or len(parts) > 4:
            return None
        base = 16 if part.startswith("0x") else 8 if len(part) > 1 and part.startswith("0") else 10
        try:
            numbers.append(int(part, base))
        except ValueError:
            return None
    last = numbers.pop()
    if any(number > 255 for number in numbers) or last >= 256 ** (4 - len(numbers)):
        return None
    return ipaddress.IPv4Address(sum(number << 8 * (3 - at) for at, number in enumerate(numbers)) + last)


COMMANDS: Final = (
    Entry(
        "download-and-run",
        r"(?i)\b(?:curl|wget|fetch|iwr|invoke-webrequest)\b[^\n]*\|\s*(?:sudo\s+)?(?:[a-z/]*/)?(?:ba|z|da"
        r"|k)?sh\b",
    ),
    Entry(
        "download-and-run",
        r"(?i)(?:ba|z|da|k)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b"
        r"|\biex\b[^\n]*(?:downloadstring|iwr|irm)",
    ),
    Entry(
        "hidden-command",
        r"(?i)\bbase64\s+(?:-d|-D|--decode)\b[^\n]*\|\s*(?:ba|z|da)?sh\b|\b(?:powershell"
        r"|pwsh)(?:\.exe)?\b[^\n]*\s-e(?:nc|ncodedcommand)?\s",
    ),
    Entry("hidden-command", r"(?i)\beval\b\s*[\"'$(`]|\b(?:python|perl|ruby|node|php)[0-9.]*\s+-[ecr]\s"),
    Entry(
        "wipe",
        r"\brm\s+(?:-[a-zA-Z-]+\s+)*-[a-zA-Z]*[rR][a-zA-Z]*\s+(?:-[a-zA-Z-]+\s+)*[\"']?(?:/|~|\$HOME|\*"
        r"|\.\.?)(?:\s|/?\*|[\"']|/\s|/?$)",
    ),
    Entry(
        "wipe",
        r"(?i)\bmkfs(?:\.\w+)?\s|\bdd\b[^\n]*\bof=/dev/(?:sd|hd|nvme|vd|disk)|>\s*/dev/(?:sd|nvme|vd)"
        r"|\bshred\s|\bwipefs\s|\bformat\s+c:",
    ),
    Entry(
        "wipe",
        r"(?i)\bgit\s+(?:push\s+(?:[^\n]*\s)?(?:--force\b|-f\b)|reset\s+--hard|clean\s+-[a-z]*f)"
        r"|\bdrop\s+(?:database|table|schema)\b|\btruncate\s+table\b",
    ),
    Entry("fork-bomb", r":\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}\s*;\s*:"),
    Entry(
        "reverse-shell",
        r"/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)\b[^\n]*\s-[a-z]*[ec]\b|\bmkfifo\b[^\n]*\b(?:nc|ncat"
        r"|netcat)\b|\bsocat\b[^\n]*\bexec\b",
    ),
    Entry(
        "more-rights",
        r"(?i)\bchmod\s+(?:-[a-z]+\s+)*(?:[0-7]?777|[ugoa]*\+s)\b|\bsetcap\s|\bvisudo\b|\bNOPASSWD\b"
        r"|\b(?:usermod|gpasswd)\b[^\n]*\b(?:sudo|wheel|docker)\b",
    ),
    Entry(
        "lasting-foothold",
        r"(?i)authorized_keys|\bcrontab\s+(?:-|[^l\s])|/etc/(?:cron|systemd/system|profile|ld\.so\.preload"
        r"|rc\.local)|\.(?:bashrc|zshrc|profile|bash_profile)\b|\bschtasks\b[^\n]{0,40}/create"
        r"|\blaunchctl\s+load",
    ),
    Entry(
        "covered-tracks",
        r"(?i)\bhistory\s+-c\b|\bunset\s+HISTFILE\b|\bHISTFILE=/dev/null|>\s*(?:/var/log/"
        r"|~/\.bash_history)|\bauditctl\s+-D\b|\bwevtutil\s+cl\b",
    ),
    Entry(
        "guard-off",
        r"(?i)--no-verify\b|--dangerously-skip-permissions|--privileged\b|\bsetenforce\s+0\b"
        r"|\biptables\s+-F\b|\bufw\s+disable\b|\bset-mppreference\b[^\n]{0,60}disable|--insecure\b"
        r"|\bverify\s*=\s*False\b",
    ),
    Entry(
        "secret-path",
        r"(?i)/etc/(?:shadow|gshadow|sudoers)\b|\.ssh/(?:id_[a-z0-9]+|identity|config)\b|\.(?:aws|azure"
        r"|kube|docker)/(?:credentials|config|accessTokens)|\.(?:netrc|pgpass|npmrc|pypirc|git-credentials"
        r"|vault-token)\b|/proc/(?:self|[0-9]+)/(?:environ|mem)\b|\.config/gcloud/|(?:^"
        r"|[/\s\"'])\.env(?:\.[a-z]+)?(?:$|[\s\"';|&])",
    ),
    Entry(
        "secret-path",
        r"(?i)\b(?:wallet\.dat|login data|cookies\.sqlite|key[34]\.db|logins\.json|ntds\.dit)\b"
        r"|/var/run/(?:docker|containerd)[a-z./]*\.sock|/var/run/secrets/",
    ),
    Entry(
        "path-escape",
        r"(?i)(?:^|[/\\\"'=\s])\.\.(?:/|\\|%2f|%5c)(?:\.\.(?:/|\\|%2f|%5c))|%2e%2e(?:%2f|%5c|/)|\.\.%c0%af"
        r"|\x00",
    ),
)

ADDRESSES: Final = (
    Entry("inside-address", r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]+", _is_inside),
    Entry("inside-address", r"\b169\.254\.169\.254\b|\b100\.100\.100\.200\b|(?i)\bfd00:ec2::254\b"),
    Entry(
        "odd-scheme",
        r"(?i)\b(?:javascript|vbscript|file|gopher|dict|ldaps?|jar|netdoc|phar|php|expect):(?://|[a-z(])"
        r"|\bdata:[a-z]+/[a-z0-9.+-]+(?:;[a-z0-9=-]+)*;base64,",
    ),
    Entry("name-in-address", r"(?i)\bhttps?://[^\s/?#\"'<>]+@"),
    Entry("lookalike-host", r"(?i)\bhttps?://(?:[^\s/?#\"'<>]*\.)?xn--"),
    Entry("lookalike-host", r"(?i)\bhttps?://[^\s/?#\"'<>]*[^\x00-\x7f\s/?#\"'<>]"),
    Entry(
        "open-collector",
        r"(?i)https?://(?:[\w.-]+\.)?(?:webhook\.site|requestbin\.(?:com|net)|pipedream\.net"
        r"|ngrok(?:-free)?\.(?:io|app|dev)|burpcollaborator\.net|oast(?:ify)?\.(?:com|fun|live|me|online"
        r"|pro|site)|interact\.sh|beeceptor\.com|hookbin\.com|serveo\.net|trycloudflare\.com|dnslog\.cn"
        r"|canarytokens\.com)\b",
    ),
    Entry(
        "paste-site",
        r"(?i)https?://(?:[\w.-]+\.)?(?:pastebin\.com|paste\.ee|hastebin\.com|transfer\.sh|file\.io"
        r"|0x0\.st|ix\.io|termbin\.com|gofile\.io|anonfiles\.com|rentry\.co)\b",
    ),
    Entry("image-with-data", r"(?i)!\[[^\]]*\]\(\s*https?://[^)\s]+[?&][^)\s=]+=[^)\s]{8,}"),
)

_COMMANDS: Final = Patterns(COMMANDS)
_ADDRESSES: Final = Patterns(ADDRESSES)


def commands(text: str) -> Iterator[str]:
    return _COMMANDS.codes(text)


def addresses(text: str) -> Iterator[str]:
    return _ADDRESSES.codes(text)
