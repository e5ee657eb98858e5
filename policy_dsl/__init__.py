"""The policy language: text a person reads, and a Program that decides by it.

Words
- PolicyFile   one `.lw` file as a tree (ast.py); every node knows its Span, its place in the text
- PolicySet    the files of one policy together: names resolved, rules under their ids, hashed, immutable
- Rule         one sentence that grants or withholds; its Effect is allow, ask, require approval or forbid
- Scope        for whom a rule speaks; Facts is what is known of who acts
- condition    a test of a call's arguments: true, false or an error, never a guess
- Catalogue    which Tools there are and what arguments each takes: the authority a policy is checked against
- Finding      one thing `check` found in a policy that parses
- Program      a PolicySet compiled; Outcome is what it says to one call, with a Reason and its RuleErrors
- reference    the same meaning written plainly and slowly, for the Program to be compared with

Flow: text -> tree (grammar.lark, parse.py; mistakes.py when it is none) -> PolicyFile (lower.py) -> PolicySet
(policyset.py, resolve.py; check/ looks at it with the Catalogue) -> Program (compile/) -> Outcome. And back:
PolicyFile -> canonical text (format.py, spelling.py, layout.py). Errors on the way are one tree (errors.py).

This floor knows no session, no server and no network; the only files it reads are policies and tool lists.
"""

from __future__ import annotations

from . import spelling, strict_json
from .ast import (
    EVERYONE,
    EXACT,
    NOWHERE,
    And,
    Argument,
    Arithmetic,
    CallExpectation,
    Comment,
    Compare,
    Condition,
    Constant,
    Effect,
    Element,
    FromUser,
    GroupDefinition,
    GroupName,
    Holds,
    IsType,
    Json,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    MailSet,
    Matches,
    Member,
    NamedArgument,
    Not,
    Operand,
    Or,
    Otherwise,
    PolicyFile,
    PolicySet,
    Presence,
    Quantified,
    RangeSet,
    Rule,
    RuleRef,
    Runs,
    Scalar,
    Scope,
    ScopeBlock,
    SetDefinition,
    SetLiteral,
    SetName,
    Signature,
    Span,
    Statement,
    TestBlock,
    TextOptions,
    ToolPattern,
    Under,
    UserSays,
    UseTools,
    ValueSet,
    WebSet,
)
from .catalogue import EMPTY_CATALOGUE, Catalogue, Tool
from .check import check
from .compile import Program, compile_policy
from .errors import BundleError, ParseError, PolicyError, quoted, render
from .facts import NOBODY, Facts
from .findings import Finding
from .format import format
from .json_schema import CatalogueError
from .outcome import Outcome, Reason, RuleError
from .parse import parse
from .policyset import load, policy_set
from .reference import decide as reference_decide
from .strict_json import StrictJsonError
from .strict_json import encode as encode_json
from .strict_json import parse as parse_json

__all__ = [
    "EMPTY_CATALOGUE",
    "EVERYONE",
    "EXACT",
    "NOBODY",
    "NOWHERE",
    "And",
    "Argument",
    "Arithmetic",
    "BundleError",
    "CallExpectation",
    "Catalogue",
    "CatalogueError",
    "Comment",
    "Compare",
    "Condition",
    "Constant",
    "Effect",
    "Element",
    "Facts",
    "Finding",
    "FromUser",
    "GroupDefinition",
    "GroupName",
    "Holds",
    "IsType",
    "Json",
    "JsonType",
    "LengthOf",
    "ListLiteral",
    "Literal",
    "MailSet",
    "Matches",
    "Member",
    "NamedArgument",
    "Not",
    "Operand",
    "Or",
    "Otherwise",
    "Outcome",
    "ParseError",
    "PolicyError",
    "PolicyFile",
    "PolicySet",
    "Presence",
    "Program",
    "Quantified",
    "RangeSet",
    "Reason",
    "Rule",
    "RuleError",
    "RuleRef",
    "Runs",
    "Scalar",
    "Scope",
    "ScopeBlock",
    "SetDefinition",
    "SetLiteral",
    "SetName",
    "Signature",
    "Span",
    "Statement",
    "StrictJsonError",
    "TestBlock",
    "TextOptions",
    "Tool",
    "ToolPattern",
    "Under",
    "UseTools",
    "UserSays",
    "ValueSet",
    "WebSet",
    "check",
    "compile_policy",
    "encode_json",
    "format",
    "load",
    "parse",
    "parse_json",
    "policy_set",
    "quoted",
    "reference_decide",
    "render",
    "spelling",
    "strict_json",
]
