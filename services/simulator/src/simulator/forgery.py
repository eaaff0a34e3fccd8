"""Ways in which a webhook's signature can be wrong."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from payments_contracts.providers import Signature
from pydantic import SecretStr

from simulator.signing import Signer, written

Sign = Callable[[bytes, int], str | None]
"""Makes the header's value for a body and a time; None for no header."""

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Forgery:
    """A wrong way to sign, and the reason code with which it has to be refused."""

    name: str
    reason_code: str
    sign: Sign


def forgeries(
    signature: Signature, secret: SecretStr, notification_url: str, dice: random.Random
) -> tuple[Forgery, ...]:
    """Return every way to forge a provider's signature that the simulator knows."""
    return tuple(_forgeries(signature, secret, notification_url, dice))


def _forgeries(signature: Signature, secret: SecretStr, url: str, dice: random.Random) -> Iterator[Forgery]:
    genuine = Signer(signature, secret, url)
    stranger = Signer(signature, written(dice.randbytes(_KEY_BYTES), signature.key_encoding), url)
    yield Forgery("wrong secret", "signature_mismatch", stranger.sign)
    yield Forgery("changed body", "signature_mismatch", lambda body, time: genuine.sign(body + b" ", time))
    yield Forgery("no header", "signature_missing", lambda _body, _time: None)
    bare = signature.form == "bare"
    reason = "signature_mismatch" if bare else "signature_malformed"
    yield Forgery("not a signature", reason, lambda _body, _time: "sesame")
    if not bare:
        weaker = Signer(replace(signature, signature_key=f"not-{signature.signature_key}"), secret, url)
        yield Forgery("weaker scheme", "signature_malformed", weaker.sign)
    if signature.covers_url:
        elsewhere = Signer(signature, secret, f"{url}/elsewhere")
        yield Forgery("meant for another endpoint", "signature_mismatch", elsewhere.sign)
    if signature.tolerance_seconds is not None and signature.future_tolerance_seconds is not None:
        late, early = signature.tolerance_seconds + 60, signature.future_tolerance_seconds + 60
        yield Forgery("replayed", "signature_expired", lambda body, time: genuine.sign(body, time - late))
        yield Forgery("from the future", "signature_expired", lambda body, time: genuine.sign(body, time + early))
