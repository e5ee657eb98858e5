"""Who a signed token says the caller is: JWTs of issuers that the settings name (RFC 7519, RFC 9068, OpenID Connect).

Issuer     whose tokens are taken: its name in `iss`, the audience that they must be meant for, where its keys stand
KeySet     the keys of one issuer, read from its JWKS document (RFC 7517), by key id
Tokens     a token to the Caller that it makes, for all issuers; what is not certain is nobody
KeyWatch   keeps every KeySet fresh beside the event loop: verifying a token never waits for the network

Flow: bearer token -> header read strictly -> Issuer and key -> signature -> claims read strictly -> Caller.
Nothing of a token is logged and none of it stands in an answer.
"""

from __future__ import annotations

from .issuer import ALGORITHMS, Issuer
from .keys import BadKeySet, KeySet
from .opening import open_tokens, source
from .sources import discovered, from_file, from_url
from .tokens import Tokens
from .watch import KeyWatch

__all__ = [
    "ALGORITHMS",
    "BadKeySet",
    "Issuer",
    "KeySet",
    "KeyWatch",
    "Tokens",
    "discovered",
    "from_file",
    "from_url",
    "open_tokens",
    "source",
]
