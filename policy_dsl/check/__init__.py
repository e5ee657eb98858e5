"""Static checks of a policy set against the tools it is about.

Words. A *pass* looks for one kind of mistake and yields findings. A *site* is one rule or learnable as written, with
the tools it fits. A *place* is a path into a call's arguments; a *reading* is one test looking at one place.

Flow: PolicySet and Catalogue -> `survey` (every rule where it stands) -> each of PASSES in turn -> findings in the
order of the source. No pass depends on another. Nothing here decides a call: a policy full of warnings decides exactly
what its rules say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policy_dsl.ast import PolicySet
from policy_dsl.catalogue import Catalogue
from policy_dsl.findings import Finding

from .arguments import missing_member_list, required_unnamed, tested_unnamed, unknown_argument
from .authority import unreadable_schema, untyped
from .breadth import broad_pattern, forbid_in_shape
from .contradictions import never_matches
from .costs import costly_pattern
from .labels import unused_label
from .learnables import learnable_forbidden, learnable_granted, learned_outside
from .leftovers import expired, hidden_grant, shadow_left
from .mismatches import type_mismatch, unknown_value
from .optional import optional_in_forbid, optional_untested
from .overlaps import never_grants, overlap, rewrite_overlap
from .sessions import (
    derived_grant,
    derived_guard,
    event_never,
    limit_without_grant,
    uncleared_sink,
    untrusted_source,
)
from .shadows import shadowed
from .survey import Survey, survey
from .tool_names import bare_name_two_servers, empty_pattern, unknown_tool
from .unconstrained import unconstrained_text
from .unused import unused_counter, unused_group, unused_macro, unused_set

__all__ = ["PASSES", "check"]

PASSES: tuple[Callable[[Survey], Iterator[Finding]], ...] = (
    untyped,
    unreadable_schema,
    unknown_tool,
    empty_pattern,
    bare_name_two_servers,
    broad_pattern,
    unknown_argument,
    required_unnamed,
    tested_unnamed,
    missing_member_list,
    type_mismatch,
    unknown_value,
    optional_untested,
    optional_in_forbid,
    unconstrained_text,
    never_matches,
    forbid_in_shape,
    shadowed,
    never_grants,
    learned_outside,
    learnable_granted,
    learnable_forbidden,
    overlap,
    rewrite_overlap,
    event_never,
    limit_without_grant,
    untrusted_source,
    uncleared_sink,
    derived_grant,
    derived_guard,
    hidden_grant,
    costly_pattern,
    shadow_left,
    expired,
    unused_set,
    unused_group,
    unused_counter,
    unused_macro,
    unused_label,
)


def check(policy: PolicySet, catalogue: Catalogue | None = None, now: int | None = None) -> list[Finding]:
    """Everything the passes find, by file and place; `catalogue` is the policy's own where none is given.

    With an empty catalogue only what needs no types. `now`, in microseconds since 1970 UTC, tells which rules' validity
    is over; without it none is: what is found in a policy depends on nothing but the policy.
    """
    read = survey(policy, policy.catalogue if catalogue is None else catalogue, now)
    order = {file.path: index for index, file in enumerate(policy.files)}
    found = dict.fromkeys(finding for look in PASSES for finding in look(read))
    return sorted(found, key=lambda finding: (order[finding.path], finding.span.start, finding.code, finding.message))
