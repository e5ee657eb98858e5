"""The phrasings of operands and sets. The form is that of rows_conditions."""

from __future__ import annotations

from typing import Final

from .rows_conditions import Says

OPERANDS: Final[dict[str, Says]] = {
    "scalar": ("{value:scalar}", ("{value}",)),
    "list": ("[{items:scalar*|, }]", ("the list [{items|, }]",)),
    "empty-list": ("[]", ("the empty list",)),
    "argument": ("{path:code}", ("{path}", "the {path}", "its {path}", "the argument {path}")),
    "element": ("{path:code}", ("{path}", "the element {path}", "this {path}", "that {path}")),
    "length": (
        "length of {operand:operand}",
        ("the length of {operand}", "how long {operand} is", "the size of {operand}", "the count of {operand}"),
    ),
    "number": (
        "number of ({operand:operand})",
        (
            "the number in {operand}",
            "as a number {operand}",
            "the number that is spelled by {operand}",
            "the amount that is written as {operand}",
        ),
    ),
    "counter": (
        "counter {name:code}",
        ("the counter {name}", "what {name} has counted", "the tally {name}", "the count kept as {name}"),
    ),
    "counter-of": (
        "counter {name:code}[{keys:operand*|, }]",
        (
            "the counter {name} of ({keys|, })",
            "what {name} has counted for ({keys|, })",
            "the tally {name} of ({keys|, })",
            "the count kept as {name} for ({keys|, })",
        ),
    ),
    "claim": (
        "claim {name:text}",
        ("the claim {name}", "what is claimed as {name}", "the verified {name}", "the principal's {name}"),
    ),
    "principal": (
        "principal {part:word}",
        ("the principal's own {part}", "the {part} that acts", "the acting {part}", "the {part} on record"),
    ),
    "call": ("{path:code}", ("{path}", "the present {path}", "today's {path}", "this very {path}")),
    "result": ("{path:code}", ("{path}", "its answer's {path}", "the answered {path}", "the returned {path}")),
    "+": (
        "({left:operand} + {right:operand})",
        (
            "({left} plus {right})",
            "({left} and on top {right})",
            "(the sum {left} plus {right})",
            "({left} increased by {right})",
        ),
    ),
    "-": (
        "({left:operand} - {right:operand})",
        (
            "({left} minus {right})",
            "({left} less {right})",
            "(the difference {left} minus {right})",
            "({left} reduced by {right})",
        ),
    ),
    "*": (
        "({left:operand} * {right:operand})",
        (
            "({left} times {right})",
            "({left} multiplied by {right})",
            "(the product {left} times {right})",
            "({left} scaled by {right})",
        ),
    ),
    "tally": (None, ("the tally of tracker {place}",)),
}

SETS: Final[dict[str, Says]] = {
    "values": (
        "{ {items:item*|, } }",
        ("[{items|, }]", "the values [{items|, }]", "the list [{items|, }]", "these [{items|, }]"),
    ),
    "nothing": ("{ }", ("the empty set", "no value at all")),
    "named": ("{name:code}", ("the set {name}", "the known {name}", "the values of {name}", "the list {name}")),
    "range": (
        "{low:number} .. {high:number}",
        (
            "the range {low} to {high}",
            "{low} up to {high}",
            "the span from {low} to {high}",
            "the numbers {low} through {high}",
        ),
    ),
    "mail at": (
        "mail at {names:names}",
        ("mail addresses at {names}", "the addresses of {names}", "mail to {names}", "mailboxes at {names}"),
    ),
    "mail under": (
        "mail under {names:names}",
        (
            "mail addresses under {names}",
            "the addresses of {names} and below",
            "mail to {names} or below",
            "mailboxes under {names}",
        ),
    ),
    "https at": (
        "https at {names:names}",
        ("secure pages at {names}", "the https pages of {names}", "https at {names}", "web addresses at {names}"),
    ),
    "https under": (
        "https under {names:names}",
        (
            "secure pages under {names}",
            "the https pages of {names} and below",
            "https under {names}",
            "web addresses under {names}",
        ),
    ),
}

NAMES: Final[dict[str, Says]] = {name: SETS[name] for name in ("values", "nothing", "named")}

ITEMS: Final[dict[str, Says]] = {
    "scalar": ("{value:scalar}", ("{value}",)),
    "members": (
        "{name:code}",
        ("all of {name}", "everything in {name}", "the members of {name}", "whatever {name} lists"),
    ),
}

OPTIONS: Final[dict[str, Says]] = {
    "exact": ("", ("",)),
    "case": (" ignoring case", (", ignoring case", " in any case of letters")),
    "nfkc": (" after nfkc", (", after NFKC", " once normalised")),
    "both": (
        " ignoring case after nfkc",
        (", ignoring case and after NFKC", " in any case of letters, once normalised"),
    ),
}
