"""Ways in which a webhook's signature can be wrong."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from payments_contracts.providers import Signature
from pydantic import SecretStr

from simulator.signing import Signer, signer

Sign = Callable[[bytes, int], str | None]
"""Makes the header's value for a body and a time; None for no header."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A wrong way to sign, and the reason code with which it has to be refused."""

    name: str
    reason_code: str
    sign: Sign


def forgeries(signature: Signature, genuine: Signer, dice: random.Random) -> tuple[Forgery, ...]:
    """Return every way to forge a provider's signature that the simulator knows."""
    stranger = signer(signature, SecretStr(f"whsec_{dice.getrandbits(192):048x}"))
    late = signature.tolerance_seconds + 60
    early = signature.future_tolerance_seconds + 60
    return (
        Forgery("wrong secret", "signature_mismatch", stranger.sign),
        Forgery("changed body", "signature_mismatch", lambda body, time: genuine.sign(body + b" ", time)),
        Forgery("replayed", "signature_expired", lambda body, time: genuine.sign(body, time - late)),
        Forgery("from the future", "signature_expired", lambda body, time: genuine.sign(body, time + early)),
        Forgery("no header", "signature_missing", lambda _body, _time: None),
        Forgery("weaker scheme", "signature_malformed", _weaker(signature, genuine)),
        Forgery("not a signature", "signature_malformed", lambda _body, _time: "sesame"),
    )


def _weaker(signature: Signature, genuine: Signer) -> Sign:
    def sign(body: bytes, time: int) -> str:
        return genuine.sign(body, time).replace(f"{signature.signature_key}=", "v0=")

    return sign
