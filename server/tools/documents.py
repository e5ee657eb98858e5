"""A document of an operator, JSON or YAML, as one tree: a name that stands twice is refused in both."""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from policy_dsl import StrictJsonError, strict_json

MAX_BYTES: Final = 16 * 1024 * 1024
"""The largest public OpenAPI documents (Microsoft Graph, GitHub, Stripe) have 5 to 35 MB; only the first is above."""

MAX_DEPTH: Final = 200


class DocumentError(ValueError):
    """The document cannot be used. The message says what and, as a JSON pointer, where."""


def read_document(path: Path) -> dict[str, Any]:
    """Strict JSON where the name ends in `.json`, else YAML. Raises DocumentError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"`{path}` cannot be read: {(error.strerror or 'unknown').lower()}") from error
    if len(data) > MAX_BYTES:
        raise DocumentError(f"`{path}` is larger than {MAX_BYTES} bytes")
    tree = _json(data, path) if path.suffix == ".json" else _yaml(data, path)
    if not isinstance(tree, dict):
        raise DocumentError(f"`{path}` holds no object")
    return tree


def _json(data: bytes, path: Path) -> Any:
    try:
        return strict_json.parse(data, max_depth=MAX_DEPTH, numbers="kept")
    except StrictJsonError as error:
        raise DocumentError(f"`{path}` is no strict JSON: {error}") from error


class _Loader(yaml.SafeLoader):
    """The values of JSON and no others: a date stays the text that it is, and no key stands twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the attribute of yaml's own class, replaced whole
        first: [rule for rule in rules if rule[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):  # a few lines of aliases expand to gigabytes
            raise yaml.composer.ComposerError(None, None, "aliases are not read", parent.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in names:
                raise yaml.constructor.ConstructorError(
                    None, None, "a name stands twice, or is no text", key.start_mark
                )
            names[key.value] = self.construct_object(value, deep=True)  # a status code `200` is the text "200"
        return names


def _yaml(data: bytes, path: Path) -> Any:
    try:
        return _plain(yaml.load(data.decode("utf-8"), _Loader), 0)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError:
        raise DocumentError(f"`{path}` is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DocumentError(f"`{path}`: {error.problem}{place}") from None
    except (yaml.YAMLError, RecursionError):
        raise DocumentError(f"`{path}` is not YAML") from None


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise DocumentError("the document nests too deep")
    if isinstance(value, dict):
        return {name: _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, float):
        return Decimal(repr(value)) if value - value == 0 else str(value)  # infinity is a word in a description
    if value is None or isinstance(value, str | int):
        return value
    raise DocumentError("the document holds a value that JSON does not know")
