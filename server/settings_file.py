"""The settings as a tree: YAML read strictly, environment variables put in, and overrides from the environment.

Text values may hold `${NAME}` or `${NAME:-default}`; `$${` stands for `${`. A variable `LEASTWARD_A__B` overrides the
key `a.b`.

SettingsError      the file, the environment or a value is not in order; `problems` has one sentence per key
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

PREFIX = "LEASTWARD_"


class SettingsError(Exception):
    """Raised before anything listens."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.source = source
        self.problems = problems


def read_tree(path: str | Path | None, variables: Mapping[str, str], known: frozenset[str]) -> dict[str, Any]:
    """The keys of the file, if there is one, as the environment changes them; `known` are the keys at the top.

    Raises SettingsError with all that is wrong.
    """
    source = "environment" if path is None else str(path)
    problems: list[str] = []
    tree: dict[str, Any] = _substituted({} if path is None else _read(Path(path)), variables, "", problems)
    _override(tree, variables, known, problems)
    if problems:
        raise SettingsError(source, problems)
    return tree


class _Loader(yaml.SafeLoader):
    """safe_load that refuses a key written twice, which YAML forbids and PyYAML silently lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[str] = set()
        for key_node, _ in node.value:
            if key_node.value in keys:
                problem = f"`{key_node.value}` stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            keys.add(str(key_node.value))
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise SettingsError(str(path), [f"cannot be read: {error.strerror or 'unknown'}".lower()]) from None
    except UnicodeDecodeError:
        raise SettingsError(str(path), ["is not UTF-8 text"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingsError(str(path), [f"{place}{error.problem}"]) from None
    except yaml.YAMLError:
        raise SettingsError(str(path), ["is not YAML"]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError(str(path), ["holds no keys"])
    return tree


_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")


def _substituted(tree: Any, variables: Mapping[str, str], key: str, problems: list[str]) -> Any:
    """`tree` with references in text values replaced. After the parse, so a variable cannot add keys."""
    if isinstance(tree, dict):
        return {
            name: _substituted(value, variables, f"{key}.{name}" if key else str(name), problems)
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [_substituted(item, variables, f"{key}.{place}", problems) for place, item in enumerate(tree)]
    if not isinstance(tree, str):
        return tree

    def value_of(match: re.Match[str]) -> str:
        name, default = match.groups()
        if match[0] == "$${":
            return "${"
        if name is None:
            problems.append(f"`{key}`: a reference is written `${{NAME}}` or `${{NAME:-default}}`")
            return ""
        if variables.get(name, "") == "" and default is not None:
            return str(default)
        if name not in variables:
            problems.append(f"`{key}`: the environment variable `{name}` is not set")
            return ""
        return variables[name]

    return _REFERENCE.sub(value_of, tree)


def _override(tree: dict[str, Any], variables: Mapping[str, str], known: frozenset[str], problems: list[str]) -> None:
    """Put `LEASTWARD_A__B=value` at `a.b`.

    Names whose first part is no key of ours are left alone: Kubernetes sets `LEASTWARD_PORT` and the like for a service
    called leastward. Within a key of ours a misspelt part is refused as in the file.
    """
    for variable in sorted(variables):
        parts = variable.removeprefix(PREFIX).lower().split("__")
        if not variable.startswith(PREFIX) or parts[0] not in known:
            continue
        try:
            value = yaml.load(variables[variable], _Loader)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError:
            problems.append(f"the environment variable `{variable}` does not hold a YAML value")
            continue
        place = tree
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                problems.append(f"the environment variable `{variable}` goes below `{part}`, which holds a value")
                break
            place = inner
        else:
            place[parts[-1]] = value
