"""What is wrong with a bundle, file by file: parse errors, what keeps the files from being one policy, findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from policy_dsl import NOWHERE, Finding, PolicyError, check

from .workspace import Bundle

_PAGES: Final = (
    Path(__file__).resolve().parents[1] / "findings",  # where the wheel has them
    Path(__file__).resolve().parents[2] / "docs" / "findings",
)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault at [start, end) of its file. `docs` is the address of the page that explains the code, if there is one.

    `message` holds the help in a line of its own.
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    start: int
    end: int
    docs: str | None = None


def diagnose(bundle: Bundle) -> dict[Path, list[Diagnostic]]:
    """Every file of the bundle, each with what is wrong in it: an empty list takes old marks away."""
    found: dict[Path, list[Diagnostic]] = {path: [] for path in bundle.readings}
    for path, reading in bundle.readings.items():
        found[path] += [_of_error(fault, bundle.texts[path]) for fault in reading.faults]
    if bundle.fault is not None and bundle.is_whole:
        path = _file(bundle, bundle.fault.path)
        found[path].append(_of_error(bundle.fault, bundle.texts[path]))
    if bundle.policy is not None:
        for finding in check(bundle.policy):
            found[_file(bundle, finding.path)].append(_of_finding(finding))
    return found


def _file(bundle: Bundle, path: str) -> Path:
    """The file that a fault names; the first, where it names another kind of file."""
    return next((known for known in bundle.readings if str(known) == path), next(iter(bundle.readings)))


def _of_error(error: PolicyError, text: str) -> Diagnostic:
    start, end = (error.span.start, error.span.end) if error.span != NOWHERE else (0, len(text.partition("\n")[0]))
    return Diagnostic("error", error.code, _with_help(error.message, error.help), start, end)


def _of_finding(finding: Finding) -> Diagnostic:
    return Diagnostic(
        finding.severity,
        finding.code,
        _with_help(finding.message, finding.help),
        finding.span.start,
        finding.span.end,
        _address(finding.code),
    )


def _address(code: str) -> str | None:
    pages = (folder / f"{code}.md" for folder in _PAGES)
    return next((page.as_uri() for page in pages if page.is_file()), None)


def _with_help(message: str, help: str | None) -> str:
    return message if help is None else f"{message}\nhelp: {help}"
