"""The phrasings of conditions, operands, sets and events. Each row: what the language says, and ways to say it.

A slot is `{name:sort}`, or `{name:sort*|between}` for several, where the phrasings need only `{name|between}`. The
sorts `code`, `text`, `number`, `scalar` and `word` are single tokens; every other sort has a table of its own. A row
without text of the language stands for what only a PolicySet holds: it can be told and not be read back.
"""

from __future__ import annotations

from typing import Final

Says = tuple[str | None, tuple[str, ...]]

CONDITIONS: Final[dict[str, Says]] = {
    "and": (
        "({items:condition*| and })",
        ("({items| and })", "(both {items| and also })", "(all of: {items|; })", "(at once {items| and })"),
    ),
    "or": (
        "({items:condition*| or })",
        ("({items| or })", "(either {items| or else })", "(at least one of: {items|; })", "({items| or otherwise })"),
    ),
    "not": (
        "not ({item:condition})",
        ("not ({item})", "it is not so that ({item})", "it is false that ({item})", "it does not hold that ({item})"),
    ),
    "if-else": (
        "(if {test:condition} then {then:condition} else {other:condition})",
        (
            "(if {test} then {then}, else {other})",
            "(where {test}, it holds that {then}, and elsewhere that {other})",
            "(given {test} it must be that {then}, and otherwise that {other})",
            "(in case {test}: {then}; in any other case: {other})",
        ),
    ),
    "if": (
        "(if {test:condition} then {then:condition})",
        (
            "(if {test} then {then})",
            "(where {test}, it holds that {then})",
            "(given {test} it must be that {then})",
            "(in case {test}: {then})",
        ),
    ),
    "==": (
        "{left:operand} == {right:operand}{text:options}",
        (
            "{left} is {right}{text}",
            "{left} equals {right}{text}",
            "{left} is exactly {right}{text}",
            "{left} is the same as {right}{text}",
        ),
    ),
    "!=": (
        "{left:operand} != {right:operand}{text:options}",
        (
            "{left} is not {right}{text}",
            "{left} differs from {right}{text}",
            "{left} is anything but {right}{text}",
            "{left} is other than {right}{text}",
        ),
    ),
    "<": (
        "{left:operand} < {right:operand}",
        (
            "{left} is below {right}",
            "{left} is less than {right}",
            "{left} is smaller than {right}",
            "{left} stays under {right}",
        ),
    ),
    "<=": (
        "{left:operand} <= {right:operand}",
        (
            "{left} is at most {right}",
            "{left} does not exceed {right}",
            "{left} is no more than {right}",
            "{left} is up to {right}",
        ),
    ),
    ">": (
        "{left:operand} > {right:operand}",
        (
            "{left} is above {right}",
            "{left} exceeds {right}",
            "{left} is more than {right}",
            "{left} is greater than {right}",
        ),
    ),
    ">=": (
        "{left:operand} >= {right:operand}",
        (
            "{left} is at least {right}",
            "{left} is no less than {right}",
            "{left} is not below {right}",
            "{left} reaches {right}",
        ),
    ),
    "in": (
        "{operand:operand} in {within:set}{text:options}",
        (
            "{operand} is in {within}{text}",
            "{operand} is one of {within}{text}",
            "{operand} belongs to {within}{text}",
            "{operand} lies in {within}{text}",
        ),
    ),
    "matches": (
        "{operand:operand} matches {pattern:code}",
        (
            "{operand} matches {pattern}",
            "{operand} fits the pattern {pattern}",
            "all of {operand} fits {pattern}",
            "{operand} has the form {pattern}",
        ),
    ),
    "search": (
        "{operand:operand} contains {pattern:code}",
        (
            "{operand} has something that matches {pattern}",
            "{pattern} is found in {operand}",
            "a part of {operand} fits {pattern}",
            "somewhere {operand} has the form {pattern}",
        ),
    ),
    "like": (
        "{operand:operand} like {glob:text}{text:options}",
        (
            "{operand} looks like {glob}{text}",
            "{operand} is of the shape {glob}{text}",
            "{operand} is like {glob}{text}",
            "{operand} follows {glob}{text}",
        ),
    ),
    "multiple": (
        "{operand:operand} is multiple of {step:number}",
        (
            "{operand} is a multiple of {step}",
            "{operand} goes in steps of {step}",
            "{step} divides {operand}",
            "{operand} is some whole number of times {step}",
        ),
    ),
    "starts with": (
        "{operand:operand} starts with {part:operand}{text:options}",
        (
            "{operand} starts with {part}{text}",
            "{operand} begins with {part}{text}",
            "{part} is how {operand} begins{text}",
            "{operand} has {part} at its start{text}",
        ),
    ),
    "ends with": (
        "{operand:operand} ends with {part:operand}{text:options}",
        (
            "{operand} ends with {part}{text}",
            "{operand} ends in {part}{text}",
            "{part} is how {operand} ends{text}",
            "{operand} has {part} at its end{text}",
        ),
    ),
    "contains": (
        "{operand:operand} contains {part:operand}{text:options}",
        (
            "{operand} contains {part}{text}",
            "{operand} holds {part}{text}",
            "{operand} includes {part}{text}",
            "{part} stands in {operand}{text}",
        ),
    ),
    "under": (
        "{operand:operand} under {roots:names}",
        (
            "{operand} is a path under {roots}",
            "{operand} is inside {roots}",
            "{operand} stays within {roots}",
            "{operand} is a place below {roots}",
        ),
    ),
    "one of": (
        "{operand:operand} runs one of {programs:names}",
        (
            "{operand} runs only one of {programs}",
            "{operand} is a command of {programs}",
            "the program that {operand} runs is in {programs}",
            "{operand} runs nothing but one of {programs}",
        ),
    ),
    "none of": (
        "{operand:operand} runs none of {programs:names}",
        (
            "{operand} runs none of {programs}",
            "no program of {programs} is run by {operand}",
            "{operand} keeps from running {programs}",
            "{operand} runs nothing of {programs}",
        ),
    ),
    "type": (
        "{operand:operand} is {kind:word}",
        (
            "{operand} is of type {kind}",
            "the type of {operand} is {kind}",
            "{operand} has the type {kind}",
            "{operand} is given as {kind}",
        ),
    ),
    "has": (
        "has {operand:operand}",
        ("{operand} is given", "there is a {operand}", "{operand} is present", "the call carries {operand}"),
    ),
    "missing": (
        "missing {operand:operand}",
        (
            "{operand} is missing",
            "there is no {operand}",
            "{operand} is left out or null",
            "nothing is given as {operand}",
        ),
    ),
    "absent": (
        "absent {operand:operand}",
        (
            "{operand} is absent",
            "{operand} does not occur at all",
            "{operand} is not even null",
            "the call does not name {operand}",
        ),
    ),
    "each": (
        "each of {source:operand} as {name:code} ({body:condition})",
        (
            "for each {name} of {source} ({body})",
            "every {name} of {source} is such that ({body})",
            "all {name} in {source} satisfy ({body})",
            "with every {name} of {source} ({body})",
        ),
    ),
    "each-it": (
        "each of {source:operand} ({body:condition})",
        (
            "each of {source} is such that ({body})",
            "for every one of {source} ({body})",
            "every element of {source} satisfies ({body})",
            "without exception in {source} ({body})",
        ),
    ),
    "any": (
        "any of {source:operand} as {name:code} ({body:condition})",
        (
            "for some {name} of {source} ({body})",
            "there is some {name} of {source} such that ({body})",
            "some {name} in {source} satisfies ({body})",
            "with at least one {name} of {source} ({body})",
        ),
    ),
    "any-it": (
        "any of {source:operand} ({body:condition})",
        (
            "some of {source} is such that ({body})",
            "for at least one of {source} ({body})",
            "some element of {source} satisfies ({body})",
            "at least once in {source} ({body})",
        ),
    ),
    "from user": (
        "{operand:operand} from user",
        (
            "{operand} comes from the user",
            "the user has named {operand}",
            "the user said {operand} word for word",
            "{operand} stands in the words of the user",
        ),
    ),
    "from results": (
        "{operand:operand} from results of {tools:tools}",
        (
            "{operand} comes from results of {tools}",
            "{operand} stands in an answer of {tools}",
            "a result of {tools} gave {operand}",
            "{operand} was answered by {tools}",
        ),
    ),
    "derived": (
        "{operand:operand} derived from untrusted",
        (
            "{operand} is derived from untrusted content",
            "untrusted content is where {operand} comes from",
            "{operand} was taken from something untrusted",
            "{operand} goes back to untrusted content",
        ),
    ),
    "derived-label": (
        "{operand:operand} derived from label {label:code}",
        (
            "{operand} is derived from content labelled {label}",
            "{operand} goes back to what is labelled {label}",
            "content labelled {label} is where {operand} comes from",
            "{operand} was taken from what is labelled {label}",
        ),
    ),
    "derived-results": (
        "{operand:operand} derived from results of {tools:tools}",
        (
            "{operand} is derived from results of {tools}",
            "{operand} goes back to answers of {tools}",
            "answers of {tools} are where {operand} comes from",
            "{operand} was taken from answers of {tools}",
        ),
    ),
    "role": (
        "principal has role {role:text}",
        (
            "the principal has the role {role}",
            "who acts has the role {role}",
            "the role {role} is held",
            "it is done by a {role}",
        ),
    ),
    "between": (
        "time between {start:code} and {end:code}{days:days} in {zone:text}",
        (
            "it is from {start} to {end}{days} in {zone}",
            "the time is between {start} and {end}{days} in {zone}",
            "the clock stands between {start} and {end}{days} in {zone}",
            "it happens from {start} on until {end}{days} in {zone}",
        ),
    ),
    "on": (
        "time{days:days} in {zone:text}",
        (
            "it is a day{days} in {zone}",
            "the day is{days} in {zone}",
            "it happens{days} in {zone}",
            "the calendar stands{days} in {zone}",
        ),
    ),
    "after": (
        "(after {event:event}{until:until}{within:within})",
        (
            "there was {event}{until}{within}",
            "{event} has happened{until}{within}",
            "it comes after {event}{until}{within}",
            "earlier there has been {event}{until}{within}",
        ),
    ),
    "before": (
        "(before {event:event}{until:until}{within:within})",
        (
            "there was not {event}{until}{within}",
            "{event} has not happened{until}{within}",
            "it comes before {event}{until}{within}",
            "so far there has not been {event}{until}{within}",
        ),
    ),
    "just after": (
        "(just after {event:event}{until:until}{within:within})",
        (
            "the last thing was {event}{until}{within}",
            "{event} has just happened{until}{within}",
            "it comes right after {event}{until}{within}",
            "nothing came between this and {event}{until}{within}",
        ),
    ),
    "session has": (
        "session has {label:code}",
        (
            "the session has the label {label}",
            "something labelled {label} was read",
            "the session carries {label}",
            "a result of this run was labelled {label}",
        ),
    ),
    "exceeds": (
        "session exceeds { {labels:code*|, } }",
        (
            "the session exceeds [{labels|, }]",
            "something was read that [{labels|, }] does not cover",
            "the labels of the session go beyond [{labels|, }]",
            "the session carries more than [{labels|, }]",
        ),
    ),
    "exceeds-none": (
        "session exceeds { }",
        (
            "the session carries any label at all",
            "anything labelled was read",
            "some label stands on the session",
            "the session is not free of labels",
        ),
    ),
    "named": (
        "{rule:code}",
        ("{rule} holds", "the condition {rule} holds", "what {rule} says is so", "{rule} is the case"),
    ),
    "macro": (
        "{name:code}({operands:operand*|, })",
        (
            "{name} holds of ({operands|, })",
            "({operands|, }) satisfies {name}",
            "the condition {name} holds of ({operands|, })",
            "what {name} says is so of ({operands|, })",
        ),
    ),
    "seen": (None, ("the session has seen what tracker {place} waits for",)),
    "within": (None, ("it is from {start} to before {end}, in microseconds since 1970",)),
    "source": (None, ("{operand} comes from source {place}",)),
    "constant": (None, ("it is {value}",)),
}

EVENTS: Final[dict[str, Says]] = {
    "plain": (
        "{kind:word} {tools:tools}",
        (
            "a {kind} call of {tools}",
            "a call of {tools} that was {kind}",
            "some {kind} {tools}",
            "one {kind} use of {tools}",
        ),
    ),
    "where": (
        "{kind:word} {tools:tools}({condition:condition})",
        (
            "a {kind} call of {tools} where {condition}",
            "a call of {tools} that was {kind} and in which {condition}",
            "some {kind} {tools} with {condition}",
            "one {kind} use of {tools} for which {condition}",
        ),
    ),
}

UNTIL: Final[dict[str, Says]] = {
    "never": ("", ("",)),
    "until": (" until {event:event}", (" and since then no more {event}", " with no later {event}")),
}

WITHIN: Final[dict[str, Says]] = {
    "ever": ("", ("",)),
    "within": (
        " within {amount:number} {unit:word}",
        (", at most {amount} {unit} ago", " in the last {amount} {unit}", ", no longer than {amount} {unit} ago"),
    ),
}

DAYS: Final[dict[str, Says]] = {
    "any": ("", ("",)),
    "days": (" on { {days:word*|, } }", (" on [{days|, }]", " on one of [{days|, }]")),
}
