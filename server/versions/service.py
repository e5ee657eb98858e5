"""What people do with policy versions: read them, publish, put one in force, go back to an earlier one.

Each change is one write of a Record of kind `act` and of the row that it is about, so that the chain of Records tells
of every activation, and nothing is in force that it does not tell of. The trusted key says who wrote a policy, the
scope `admin` who may put it in force; they need not be one person.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from guardrail import Act, Clock, Record, instant, new_id
from policy_dsl import PolicySet

from ..differences import document, sections, verdict_of
from ..edge import EdgeError
from ..exchange import Caller
from ..store import (
    Activated,
    Activation,
    Countersigned,
    PolicyChange,
    PolicyMoved,
    PolicyVersion,
    Published,
    Shelf,
)
from .bundle import Bundle, opened
from .following import VersionedPolicies
from .keys import TrustedKeys
from .loading import guard_in, policy_in
from .refusals import BundleRefused

Manner = Literal["activate", "rollback"]

MOST_LISTED: Final = 100
_COMPARISONS_KEPT: Final = 8


class _Pair(NamedTuple):
    """Two versions of which the newer is compared with the older, by their digests."""

    old: str
    new: str


class PolicyDesk:
    """Raises EdgeError with a stable code for what it refuses, and StoreError. One event loop."""

    def __init__(
        self,
        shelf: Shelf,
        trusted: TrustedKeys,
        following: VersionedPolicies,
        clock: Clock,
        mode: Literal["enforce", "observe"] = "enforce",
    ) -> None:
        self._shelf = shelf
        self._trusted = trusted
        self._following = following
        self._clock = clock
        self._mode = mode
        self._compared: dict[_Pair, dict[str, Any]] = {}
        self._comparing = asyncio.Lock()

    # --- reading ------------------------------------------------------------------------------------------------------

    async def listed(self) -> dict[str, Any]:
        """The versions and activations, newest first, which version is in force, and whether this gate serves it."""
        versions = await asyncio.to_thread(self._shelf.newest, MOST_LISTED)
        activations = await asyncio.to_thread(self._shelf.activations, MOST_LISTED)
        return {
            "in_force": activations[0].version if activations else 0,
            "serves": {
                "version": 0 if self._following.in_force is None else self._following.in_force.version,
                "policy_hash": self._following.current.policy_hash,
                "error": self._following.error,
            },
            "versions": [self._version(one) for one in versions],
            "activations": [_activation(one) for one in activations],
        }

    async def shown(self, number: int) -> dict[str, Any]:
        """One version with its files. Raises EdgeError 404."""
        found, bundle = await self._read(number)
        return {**self._version(found), "files": dict(bundle.files), "policies": list(bundle.manifest.policies)}

    async def differences(self, number: int) -> dict[str, Any]:
        """What the version grants that the one in force does not, and the other way round."""
        _, bundle = await self._read(number)
        before = await asyncio.to_thread(self._shelf.in_force)
        comparison = await self._comparison(before, bundle)
        return {**comparison, "version": number, "against": 0 if before is None else before.version}

    # --- changing -----------------------------------------------------------------------------------------------------

    async def publish(self, data: bytes, who: Caller, because: str) -> dict[str, Any]:
        """Put a bundle on the shelf, which puts it in force nowhere. The same content with other signatures is the same
        version, and keeps all of them."""
        bundle = await asyncio.to_thread(self._fit, data)
        standing = await asyncio.to_thread(self._shelf.of_digest, bundle.digest)
        if standing is not None:
            return await self._countersign(standing, bundle, who, because)
        newest = await asyncio.to_thread(self._shelf.newest, MOST_LISTED)
        # An older bundle is not let in again beside the newer ones (TUF 5.3.3, rollback attack). Only the serials of
        # keys that are trusted now count, or a stolen key could end all publishing (fast-forward attack).
        last = max((one.serial for one in newest if self._signers(one)), default=0)
        if bundle.manifest.serial <= last:
            raise EdgeError(
                409, "not-newer", f"the bundle has serial {bundle.manifest.serial}, and {last} is published"
            )
        version = PolicyVersion(
            number=newest[0].number + 1 if newest else 1,
            digest=bundle.digest,
            serial=bundle.manifest.serial,
            policy_hash=bundle.manifest.policy_hash,
            signed_by=tuple(sorted(bundle.signatures)),
            author=_name(who),
            published_at=instant(self._clock()),
            because=because,
        )
        await self._commit("publish", version, who, because, Published(version, bundle.encoded()))
        return self._version(version)

    async def put(
        self, manner: Manner, number: int, expected: int, who: Caller, because: str, *, widens: bool
    ) -> dict[str, Any]:
        """Put a version in force in place of `expected` (0: of none), which is what the caller saw in force.

        `activate` goes to a later version and `rollback` to an earlier one, so that nobody goes back unawares.
        """
        found, bundle = await self._read(number)
        before = await asyncio.to_thread(self._shelf.in_force)
        now = 0 if before is None else before.version
        if now != expected:
            raise EdgeError(409, "policy-moved", f"version {now} is in force, not {expected}; look again")
        if number == now:
            raise EdgeError(409, "already-in-force", f"version {number} is in force")
        if (number > now) != (manner == "activate"):
            said = "is earlier than the one in force: roll back to it" if number < now else "is later: activate it"
            raise EdgeError(409, "wrong-direction", f"version {number} {said}")
        await asyncio.to_thread(_guarded, bundle)
        comparison = await self._comparison(before, bundle)
        if comparison["widens"] and not widens:
            raise EdgeError(409, "widens", f"version {number} may allow what version {now} does not; say that it may")
        made = Activation(
            ordinal=1 if before is None else before.ordinal + 1,
            version=number,
            instead_of=now,
            manner=manner,
            author=_name(who),
            made_at=instant(self._clock()),
            because=because,
            record=self._record_id(),
        )
        await self._commit(manner, found, who, because, Activated(made), made.record)
        await asyncio.to_thread(self._following.look)
        return {**_activation(made), "policy_hash": found.policy_hash, "widens": comparison["widens"]}

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _countersign(self, standing: PolicyVersion, bundle: Bundle, who: Caller, because: str) -> dict[str, Any]:
        data = await asyncio.to_thread(self._shelf.bundle, standing.number)
        known: Mapping[str, bytes] = {}
        if data is not None:
            known = await asyncio.to_thread(_signatures_of, data, bundle)
        signed_by = tuple(sorted({*known, *bundle.signatures}))
        if signed_by == standing.signed_by:
            raise EdgeError(409, "already-published", f"this is version {standing.number}")
        whole = Bundle(bundle.manifest, bundle.files, {**known, **bundle.signatures})
        change = Countersigned(standing.number, standing.digest, signed_by, whole.encoded())
        await self._commit("publish", standing, who, because, change)
        self._following.tell()
        kept = await asyncio.to_thread(self._shelf.one, standing.number)
        return self._version(standing if kept is None else kept)

    def _fit(self, data: bytes) -> Bundle:
        try:
            bundle = opened(data, self._trusted)
            guard_in(bundle)
        except BundleRefused as error:
            raise _refused(error) from error
        return bundle

    async def _read(self, number: int) -> tuple[PolicyVersion, Bundle]:
        found = await asyncio.to_thread(self._shelf.one, number)
        data = await asyncio.to_thread(self._shelf.bundle, number)
        if found is None or data is None:
            raise EdgeError(404, "unknown-version", "there is no such policy version")
        try:
            bundle = await asyncio.to_thread(opened, data, self._trusted)
        except BundleRefused as error:
            raise _refused(error) from error
        if bundle.digest != found.digest:
            raise EdgeError(409, "bad-hash", "the database holds another bundle under this number")
        return found, bundle

    async def _comparison(self, before: Activation | None, bundle: Bundle) -> dict[str, Any]:
        """One at a time, beside the event loop. The first version of all stands against nothing: there it widens
        nothing that anybody relied on."""
        if before is None:
            return {"widens": False, "verdict": "no version is in force yet: nothing is allowed", "sections": {}}
        data = await asyncio.to_thread(self._shelf.bundle, before.version)
        try:
            if data is None:
                raise BundleRefused("unknown-version", "it is not there any more")
            old = await asyncio.to_thread(opened, data, self._trusted)
            pair = _Pair(old.digest, bundle.digest)
            async with self._comparing:
                if pair not in self._compared:
                    while len(self._compared) >= _COMPARISONS_KEPT:
                        del self._compared[next(iter(self._compared))]
                    self._compared[pair] = await asyncio.to_thread(_compare, policy_in(old), policy_in(bundle))
                return self._compared[pair]
        except BundleRefused as error:
            return _unknown(f"version {before.version} cannot be compared with: {error.message}")

    async def _commit(
        self,
        verb: Literal["publish", "activate", "rollback"],
        version: PolicyVersion,
        who: Caller,
        because: str,
        change: PolicyChange,
        name: str | None = None,
    ) -> None:
        principal = who.principal
        record = Record(
            kind="act",
            id=name or self._record_id(),
            at=instant(self._clock()),
            tenant=principal.tenant,
            agent=principal.agent,
            user=principal.user,
            roles=tuple(sorted(principal.roles)),
            run="",
            door="policies",
            tool=None,
            call_id=None,
            arguments=None,
            effect="allow",
            rule=None,
            reason=verb,
            errors=(),
            policy_hash=version.policy_hash,
            memory_version=0,
            mode=self._mode,
            text_calls="",
            upstream="",
            model="",
            act=Act(because, _name(who), f"policy version {version.number} {version.digest}", verb),
        )
        try:
            await self._shelf.commit([record], change)
        except PolicyMoved as error:
            raise EdgeError(
                409, "policy-moved", "somebody else changed the policy versions meanwhile; look again"
            ) from error

    def _record_id(self) -> str:
        moment: datetime = self._clock()
        return f"{new_id('dec', int(moment.timestamp() * 1000), os.urandom(10))}.1"

    def _signers(self, version: PolicyVersion) -> list[str]:
        """Who signed a version, of those that are trusted now."""
        return sorted(name for one in version.signed_by if (name := self._trusted.name_of(one)) is not None)

    def _version(self, version: PolicyVersion) -> dict[str, Any]:
        return {
            "version": version.number,
            "digest": version.digest,
            "policy_hash": version.policy_hash,
            "serial": version.serial,
            "signed_by": list[Any](self._signers(version)),
            "published_by": version.author,
            "published_at": version.published_at,
            "because": version.because,
        }


def _activation(one: Activation) -> dict[str, Any]:
    return {
        "ordinal": one.ordinal,
        "version": one.version,
        "instead_of": one.instead_of,
        "manner": one.manner,
        "by": one.author,
        "at": one.made_at,
        "because": one.because,
        "record": one.record,
    }


def _guarded(bundle: Bundle) -> None:
    try:
        guard_in(bundle)
    except BundleRefused as error:
        raise _refused(error) from error


def _refused(error: BundleRefused) -> EdgeError:
    return EdgeError(422, error.code, error.rendered)


def _signatures_of(data: bytes, bundle: Bundle) -> Mapping[str, bytes]:
    """The signatures that the shelf has for this content. Where what it holds cannot be read, they are lost."""
    from .bundle import unverified

    try:
        kept = unverified(data)
    except BundleRefused:
        return {}
    return kept.signatures if kept.digest == bundle.digest else {}


def _compare(old: PolicySet, new: PolicySet) -> dict[str, Any]:
    from policy_dsl.analysis import SolverMissing, compare

    try:
        comparison = compare(old, new)
    except SolverMissing as error:
        return _unknown(str(error))
    return {
        "widens": comparison.widens,
        "verdict": verdict_of(comparison),
        "sections": {**sections(comparison), **({"unknown": list(comparison.beside)} if comparison.beside else {})},
        "comparison": document(comparison),
    }


def _unknown(because: str) -> dict[str, Any]:
    """What is not known counts as widening."""
    return {"widens": True, "verdict": f"NEW may grant what OLD did not: {because}", "sections": {}}


def _name(who: Caller) -> str:
    return who.principal.user or who.principal.agent or who.key_id
