"""The phrasings of rules and of everything else that a policy file states. The form is that of rows_conditions."""

from __future__ import annotations

from typing import Final

from .rows_conditions import Says

TOOLS: Final[dict[str, Says]] = {
    "one": ("{tool:tool}", ("{tool}",)),
    "many": (
        "{ {tools:tool*|, } }",
        ("any of ({tools|, })", "one of ({tools|, })", "({tools| or })", "each of ({tools|, })"),
    ),
}

TOOL: Final[dict[str, Says]] = {
    "pattern": ("{name:code}", ("{name}",)),
    "group": ("{name:code}", ("{name}", "the group {name}", "the tools of {name}", "what {name} groups")),
    "intent": (
        "intent {name:code}",
        ("the intent {name}", "whatever makes a {name}", "every way to a {name}", "any {name}"),
    ),
}

SIGNATURES: Final[dict[str, Says]] = {
    "empty": ("()", ("without arguments", "with no arguments")),
    "closed": (
        "({arguments:argument*|, })",
        (
            "with {arguments|, } and nothing else",
            "with just {arguments|, }",
            "naming only {arguments|, }",
            "given {arguments|, } alone",
        ),
    ),
    "open": (
        "({arguments:argument*|, }, ...)",
        (
            "with {arguments|, } and whatever else",
            "with at least {arguments|, }",
            "naming {arguments|, } and perhaps more",
            "given {arguments|, } among others",
        ),
    ),
    "any": ("(...)", ("with any arguments", "with whatever arguments")),
}

ARGUMENTS: Final[dict[str, Says]] = {
    "needed": ("{name:code}", ("{name}",)),
    "optional": ("{name:code}?", ("perhaps {name}", "optionally {name}", "maybe {name}", "if wanted {name}")),
    "members": ("{name:code}{members:signature}", ("{name} ({members})",)),
    "optional members": (
        "{name:code}?{members:signature}",
        ("perhaps {name} ({members})", "optionally {name} ({members})"),
    ),
}

STANDINGS: Final[dict[str, Says]] = {
    "none": ("", ("",)),
    "shadow": ("shadow ", ("On trial: ", "Not in force yet: ", "As an experiment: ", "Only watched: ")),
    "learned": ("learned ", ("Learned: ", "From experience: ", "As reports have taught: ", "Taught by memory: ")),
}

CLAUSES: Final[dict[str, Says]] = {
    "as": (" as {name:code}", (" (rule {name})", " [{name}]", " under the name {name}", ", called {name},")),
    "priority": (" priority {number:number}", (", at priority {number}", ", with rank {number}")),
    "judge": (" subject to judge", (", subject to the judge", ", if the judge agrees")),
    "judge, learnable": (
        " subject to judge, learnable",
        (", subject to the judge, whom memory may overturn", ", if the judge or memory agrees"),
    ),
    "when": (
        " when {condition:condition}",
        (" if {condition}", " when {condition}", " provided that {condition}", " as long as {condition}"),
    ),
    "unless": (
        " unless {condition:condition}",
        (" unless {condition}", " except when {condition}", " but not where {condition}", " save that {condition}"),
    ),
    "message": (
        " message {text:text}",
        ("; the answer is {text}", "; say {text}", "; the model is told {text}", "; the reason given is {text}"),
    ),
    "prompt": (
        " prompt {text:text}",
        ("; the question is {text}", "; a person is asked {text}", "; ask {text}", "; the approver reads {text}"),
    ),
    "valid": (
        " valid {amount:number} {unit:word}",
        ("; a yes holds for {amount} {unit}", "; approval lasts {amount} {unit}"),
    ),
    "from": (" valid from {text:text}", ("; in force from {text}", "; it begins on {text}")),
    "until": (" valid until {text:text}", ("; in force until {text}", "; it ends on {text}")),
    "from-until": (
        " valid from {start:text} until {end:text}",
        ("; in force from {start} until {end}", "; it begins on {start} and ends on {end}"),
    ),
    "uses": (" uses {number:number}", ("; a yes is good for {number} calls", "; approval covers {number} calls")),
    "end": (" end session", ("; and the session ends", "; that is the end of the session")),
    "owner": (" owner {text:text}", ("; owned by {text}", "; {text} answers for it")),
    "ticket": (" ticket {text:text}", ("; see {text}", "; decided in {text}")),
    "because": (
        " because {text:text}",
        ("; because {text}", "; the reason is {text}", "; for {text}", "; since {text}"),
    ),
    "evidence": (" evidence {text:code}", ("; the evidence is {text}", "; it rests on {text}")),
}

KEYS: Final[dict[str, Says]] = {
    "none": ("", ("",)),
    "by": (" by {keys:operand*|, }", (" for each ({keys|, })", " by ({keys|, })", " apart for each ({keys|, })")),
}

WINDOWS: Final[dict[str, Says]] = {
    "none": ("", ("",)),
    "calendar": (" each {unit:word} in {zone:text}", (" in each {unit} of {zone}", " per {unit} in {zone}")),
    "sliding": (" within {amount:number} {unit:word}", (" within any {amount} {unit}", " over {amount} {unit}")),
    "ever": (" ever", (" for all time", " without end")),
}

SINCE: Final[dict[str, Says]] = {
    "none": ("", ("",)),
    "since": (" since {event:event}", (", counted anew after {event}", ", starting over with {event}")),
}

CHANGES: Final[dict[str, Says]] = {
    "set": ("set {path:code} = {value:operand}", ("{path} becomes {value}", "{value} is put into {path}")),
    "remove": ("remove {path:code}", ("{path} is taken away", "{path} is removed")),
    "redact": (
        "redact {path:code} matching {pattern:code} with {text:text}",
        ("what matches {pattern} in {path} becomes {text}", "in {path} each {pattern} is replaced by {text}"),
    ),
}

PARTIES: Final[dict[str, Says]] = {
    f"{kind}{'s' if many else ''}": (
        f"{kind} {{ {{names:text*|, }} }}" if many else f"{kind} {{name:text}}",
        (f"one of the {kind}s [{{names|, }}]",) if many else (f"the {kind} {{name}}", f"{kind} {{name}}"),
    )
    for kind in ("tenant", "agent", "via", "user", "role")
    for many in (False, True)
}

SCOPES: Final[dict[str, Says]] = {
    "plain": ("{acting:party*| }", ("{acting| and }",)),
    "behalf": ("{acting:party*| } on behalf of {behalf:party*| }", ("{acting| and } on behalf of {behalf| and }",)),
}

FIELDS: Final[dict[str, Says]] = {
    "field": ("{name:code} = {value:operand}", ("{name} is {value}", "{name} stands in {value}")),
}

STEPS: Final[dict[str, Says]] = {
    "user": ("user {words:text}", ("The user says {words}.",)),
    "at": ("at {at:text}", ("It is now {at}.",)),
    "label": ("given label {label:code}", ("The session carries {label}.",)),
    "given": (
        "given {kind:word} {tool:code}{arguments:code}",
        ("Before, {tool} was {kind} with {arguments}.",),
    ),
    "given-result": (
        "given {kind:word} {tool:code}{arguments:code} result {result:code}",
        ("Before, {tool} was {kind} with {arguments} and answered {result}.",),
    ),
    "call": (
        "call {tool:code}{arguments:code} {expected:code}",
        ("Then {tool} with {arguments} comes to {expected}.",),
    ),
}

_HEAD = "{standing:standing}"
_TAIL = "{clauses:clause*|}"

STATEMENTS: Final[dict[str, Says]] = {
    "allow": (
        _HEAD + "allow {tools:tools}{signature:signature}" + _TAIL,
        (
            "{standing}The agent may call {tools} {signature}{clauses|}.",
            "{standing}It is allowed to call {tools} {signature}{clauses|}.",
            "{standing}Calls of {tools} {signature} are permitted{clauses|}.",
            "{standing}You can use {tools} {signature}{clauses|}.",
        ),
    ),
    "ask": (
        _HEAD + "ask {tools:tools}{signature:signature}" + _TAIL,
        (
            "{standing}A person must be asked before {tools} {signature}{clauses|}.",
            "{standing}The agent may call {tools} {signature} once a person agrees{clauses|}.",
            "{standing}Calls of {tools} {signature} need a yes from a person{clauses|}.",
            "{standing}Ask first for {tools} {signature}{clauses|}.",
        ),
    ),
    "forbid": (
        _HEAD + "forbid {tools:tools}" + _TAIL,
        (
            "{standing}The agent must never call {tools}{clauses|}.",
            "{standing}It is forbidden to call {tools}{clauses|}.",
            "{standing}Calls of {tools} are refused{clauses|}.",
            "{standing}Do not use {tools}{clauses|}.",
        ),
    ),
    "require approval": (
        _HEAD + "require approval for {tools:tools}" + _TAIL,
        (
            "{standing}Whatever allows {tools}, a person must agree{clauses|}.",
            "{standing}Even where it is allowed, {tools} needs approval{clauses|}.",
            "{standing}Calls of {tools} that are allowed still wait for approval{clauses|}.",
            "{standing}Get approval even for allowed {tools}{clauses|}.",
        ),
    ),
    "learnable": (
        "learnable {tools:tools}{signature:signature}" + _TAIL,
        (
            "Memory may open {tools} {signature}{clauses|}.",
            "It may be learned to call {tools} {signature}{clauses|}.",
            "Calls of {tools} {signature} may come to be allowed{clauses|}.",
            "Experience may come to permit {tools} {signature}{clauses|}.",
        ),
    ),
    "limit": (
        "{standing:standing}limit {tools:tools} to {bound:operand} {kind:word}{keys:keys}"
        " per {owner:word}{window:window}" + _TAIL,
        (
            "{standing}At most {bound} calls of {tools} are {kind}{keys} per {owner}{window}{clauses|}.",
            "{standing}The count of {kind} {tools}{keys} per {owner}{window} may not pass {bound}{clauses|}.",
        ),
    ),
    "limit-of": (
        "{standing:standing}limit {tools:tools} to {bound:operand} of {value:operand} {kind:word}{keys:keys}"
        " per {owner:word}{window:window}" + _TAIL,
        (
            "{standing}At most {bound} of {value} is {kind} by {tools}{keys} per {owner}{window}{clauses|}.",
            "{standing}The sum of {value} {kind} by {tools}{keys} per {owner}{window} may not pass {bound}{clauses|}.",
        ),
    ),
    "counter": (
        "counter {name:code} = count of {event:event}{keys:keys} per {owner:word}{window:window}{since:since}",
        ("{name} counts {event}{keys} per {owner}{window}{since}.",),
    ),
    "counter-of": (
        "counter {name:code} = {measure:word}({value:operand}) of {event:event}{keys:keys} per {owner:word}"
        "{window:window}{since:since}",
        ("{name} keeps the {measure} of {value} over {event}{keys} per {owner}{window}{since}.",),
    ),
    "clearance": (
        "clearance of {tools:tools} is { {labels:code*|, } }" + _TAIL,
        (
            "{tools} may be called with what is labelled [{labels|, }] and no more{clauses|}.",
            "The clearance of {tools} is [{labels|, }]{clauses|}.",
        ),
    ),
    "clearance-none": (
        "clearance of {tools:tools} is none" + _TAIL,
        ("{tools} may be called with nothing that is labelled{clauses|}.", "{tools} has no clearance{clauses|}."),
    ),
    "rewrite": (
        "{standing:standing}rewrite {tools:tools} {changes:change*|, }" + _TAIL,
        (
            "{standing}Every call of {tools} is changed so that {changes| and }{clauses|}.",
            "{standing}Before {tools} is decided, {changes| and }{clauses|}.",
        ),
    ),
    "hide": ("hide { {tools:tool*|, } }", ("The agent does not see ({tools|, }).", "Hidden are ({tools|, }).")),
    "trust": (
        "trust results of { {tools:tool*|, } }",
        ("What ({tools|, }) answers is trusted.", "Answers of ({tools|, }) may be trusted."),
    ),
    "trust claimed": (
        "trust claimed results of { {tools:tool*|, } }",
        ("What ({tools|, }) is claimed to answer is trusted.", "Even claimed answers of ({tools|, }) may be trusted."),
    ),
    "label": (
        "label results of {tools:tools} as {label:code}" + _TAIL,
        ("Answers of {tools} are labelled {label}{clauses|}.", "What {tools} answers is {label}{clauses|}."),
    ),
    "label-where": (
        "label results of {tools:tools}({arguments:condition}) as {label:code}" + _TAIL,
        (
            "Answers of {tools} called with {arguments} are labelled {label}{clauses|}.",
            "What {tools} answers where {arguments} is {label}{clauses|}.",
        ),
    ),
    "redact": (
        "redact results of { {tools:tool*|, } } matching {pattern:code} with {text:text}",
        (
            "In answers of ({tools|, }), what matches {pattern} becomes {text}.",
            "Nobody reads {pattern} in answers of ({tools|, }), but {text}.",
        ),
    ),
    "levels": ("levels {names:code*| < }", ("From low to high, labels are {names|, }.",)),
    "set": ("set {name:code} = {value:set}", ("The set {name} is {value}.", "By {name} we mean {value}.")),
    "group": ("group {name:code} = { {tools:tool*|, } }", ("The group {name} is ({tools|, }).",)),
    "macro": (
        "define {name:code} = {body:condition}",
        ("We say {name} where {body}.", "{name} means that {body}."),
    ),
    "macro-of": (
        "define {name:code}({parameters:code*|, }) = {body:condition}",
        ("We say {name} of ({parameters|, }) where {body}.", "{name} of ({parameters|, }) means that {body}."),
    ),
    "intent": (
        "intent {name:code} {version:number} from {tool:tool} { {fields:field*|, } }",
        ("A call of {tool} is a {name} of version {version} in which ({fields|; }).",),
    ),
    "intent-empty": (
        "intent {name:code} {version:number} from {tool:tool} { }",
        ("A call of {tool} is a {name} of version {version} of which nothing is known.",),
    ),
    "intent-ignoring": (
        "intent {name:code} {version:number} from {tool:tool} { {fields:field*|, } } ignoring { {ignored:code*|, } }",
        ("A call of {tool} is a {name} of version {version} in which ({fields|; }); [{ignored|, }] plays no part.",),
    ),
    "intent-empty-ignoring": (
        "intent {name:code} {version:number} from {tool:tool} { } ignoring { {ignored:code*|, } }",
        ("A call of {tool} is a {name} of version {version} of which nothing is known; [{ignored|, }] plays no part.",),
    ),
    "otherwise": ("otherwise forbid", ("Everything else is forbidden.", "What nothing allows is refused.")),
    "otherwise-message": (
        "otherwise forbid message {text:text}",
        ("Everything else is forbidden; the answer is {text}.", "What nothing allows is refused; say {text}."),
    ),
    "tools": ("use tools {path:text}", ("The tools are those of {path}.", "{path} lists the tools.")),
    "import": ("import {path:text}", ("The rules of {path} belong to these.", "{path} is part of this policy.")),
    "import-package": (
        "import {path:text} from package {package:text}",
        ("The rules of {path} in the package {package} belong to these.",),
    ),
    "layer": ("layer {name:word}", ("These are the rules of the {name} layer.", "This is the policy of the {name}.")),
    "scope": ("for {scope:scope} {\n{rules:statement*|\n}\n}", ("For {scope} only: [ {rules| } ]",)),
    "test": (
        "test {title:text}{settings:setting*|} {\n{steps:step*|\n}\n}",
        ("Example {title}{settings|}: [ {steps| } ]",),
    ),
}

SETTINGS: Final[dict[str, Says]] = {
    "as": (" as {scope:scope}", (" for {scope}",)),
    "claim": (" claim {name:text} = {value:scalar}", (" whose {name} is {value}",)),
    "at": (" at {at:text}", (" at {at}",)),
}
