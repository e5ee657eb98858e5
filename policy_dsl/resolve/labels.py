"""Which labels there are: a condition on one that nothing ever puts on a result could not be true."""

from __future__ import annotations

from typing import Final

from ..ast import Label, PolicyFile
from .collected import Collected
from .faults import fault, name_within, suggestion, unknown

UNTRUSTED: Final = "untrusted"
"""The label of every result that nothing trusts."""


class Labels:
    """The names that `levels` and `label results of` define, and the compartments that the latter write."""

    def __init__(self, collected: Collected) -> None:
        written = [statement.node.label for statement in collected.labels]
        levels = () if collected.levels is None else collected.levels.node.names
        self._names = frozenset({UNTRUSTED, *levels, *(label.name for label in written)})
        self._compartments = frozenset(label.compartment for label in written if label.compartment is not None)

    def known(self, file: PolicyFile, label: Label) -> None:
        """Raises BundleError for a label that nothing defines."""
        if label.name not in self._names:
            defined = self._names - {UNTRUSTED}
            raise unknown(file, name_within(file, label.span, label.name), "label", label.name, defined)
        if label.compartment is not None and label.compartment not in self._compartments:
            raise fault(
                file,
                name_within(file, label.span, label.compartment),
                f"no result is labelled with the compartment `{label.compartment}`",
                "unknown-compartment",
                suggestion("compartment", label.compartment, self._compartments),
            )
