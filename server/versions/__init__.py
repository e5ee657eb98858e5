"""Policy versions: signed bundles that a gate keeps in its database, one of which is in force at all gates on it.

bundle        the files of one policy and a manifest of their hashes, signed (bundle.py, collecting.py)
trusted keys  the public keys of the settings, by name: only what one of them signed is read any further (keys.py)
version       a bundle that was published, under a number; it never changes
activation    what puts a version in force, in place of the one that its author saw (service.py)
rollback      an activation of an earlier version, by that name and no other
following     what every gate does: look, verify, load, serve (following.py, loading.py)

Flow: files -> collected -> signed -> POST /v1/policies -> opened (signature, then manifest, then hashes) -> `check` and
the policy's own tests -> the shelf (server/store) -> activate: compared with the one in force, compare-and-set, with a
Record -> every gate follows within two seconds, and opens the bundle anew.
"""

from __future__ import annotations

from .bundle import Bundle, Manifest, opened, unverified
from .collecting import collected
from .following import VersionedPolicies
from .keys import KeyRefused, PublicKey, SigningKey, TrustedKeys
from .loading import guard_in, policy_in
from .refusals import BundleRefused
from .service import PolicyDesk

__all__ = [
    "Bundle",
    "BundleRefused",
    "KeyRefused",
    "Manifest",
    "PolicyDesk",
    "PublicKey",
    "SigningKey",
    "TrustedKeys",
    "VersionedPolicies",
    "collected",
    "guard_in",
    "opened",
    "policy_in",
    "unverified",
]
