"""Ways in which a webhook's signature can be wrong."""

import base64
import hmac
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson
from payments_contracts.forms import Form, body_of, content_of
from payments_contracts.providers import Field, Part, Provider, Signature
from pydantic import SecretStr

from simulator.keys import PrivateKey, kind_of, made_key, public_key
from simulator.places import find, place
from simulator.signing import Signed, Signer, written

Sign = Callable[[bytes, int, Mapping[str, str]], Signed]
"""Makes the webhook that is sent of a body, a time and the headers that say something of the event."""

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Forgery:
    """A wrong way to sign, and the reason code with which it has to be refused."""

    name: str
    reason_code: str
    sign: Sign


def forgeries(
    provider: Provider,
    secret: SecretStr,
    notification_url: str,
    dice: random.Random,
    key: PrivateKey | None = None,
) -> tuple[Forgery, ...]:
    """Return every way to forge a provider's signature that the simulator knows; `key` is the provider's own."""
    return tuple(_forgeries(provider, secret, notification_url, dice, key))


def _forgeries(
    provider: Provider, secret: SecretStr, url: str, dice: random.Random, own: PrivateKey | None
) -> Iterator[Forgery]:
    signature, items, form = provider.signature, provider.envelope.items, provider.envelope.form
    genuine = Signer(signature, secret, url, items, own, form)
    strange = secret if signature.is_asymmetric else written(dice.randbytes(_KEY_BYTES), signature.key_encoding)
    key = made_key(kind_of(signature), "stranger") if signature.is_asymmetric else None
    stranger = Signer(signature, strange, url, items, key, form)
    yield Forgery("wrong secret", "signature_mismatch", stranger.deliver)
    yield Forgery("changed body", "signature_mismatch", partial(_changed, genuine, signature, form))
    yield Forgery("no signature", "signature_missing", partial(_replaced, genuine, signature, form, None))
    reason = "signature_mismatch" if signature.form == "bare" else "signature_malformed"
    yield Forgery("not a signature", reason, partial(_replaced, genuine, signature, form, "sesame"))
    if signature.form == "jws":
        yield Forgery("of no algorithm", "signature_malformed", partial(_weakened, genuine, signature, "none"))
        yield Forgery("with the public key", "signature_malformed", partial(_weakened, genuine, signature, "HS256"))
    if signature.form == "pairs":
        changed = replace(signature, signature_key=f"not-{signature.signature_key}")
        weaker = Signer(changed, secret, url, items, own, form)
        yield Forgery("weaker scheme", "signature_malformed", weaker.deliver)
    if signature.covers_url:
        elsewhere = Signer(signature, secret, f"{url}/elsewhere", items, own, form)
        yield Forgery("meant for another endpoint", "signature_mismatch", elsewhere.deliver)
    if Part.SECRET in signature.content:
        other = Signer(signature, SecretStr(f"{secret.get_secret_value()}0"), url, items, own, form)
        yield Forgery("meant for another endpoint", "signature_mismatch", other.deliver)
    if signature.certificate is not None:
        header = signature.certificate.header.lower()
        yield Forgery("a certificate of one's own", "signature_malformed", partial(_certified, genuine, header))
    if signature.tolerance_seconds is not None and signature.future_tolerance_seconds is not None:
        late, early = signature.tolerance_seconds + 60, signature.future_tolerance_seconds + 60
        yield Forgery("replayed", "signature_expired", partial(_at, genuine, -late))
        yield Forgery("from the future", "signature_expired", partial(_at, genuine, early))


def _at(genuine: Signer, later: int, body: bytes, time: int, headers: Mapping[str, str]) -> Signed:
    return genuine.deliver(body, time + later, headers)


def _certified(genuine: Signer, header: str, body: bytes, time: int, headers: Mapping[str, str]) -> Signed:
    signed = genuine.deliver(body, time, headers)
    return Signed(signed.body, {**signed.headers, header: "https://certificates.example/mine"})


def _weakened(  # noqa: PLR0917  # the last three are a signer's
    genuine: Signer, signature: Signature, algorithm: str, body: bytes, time: int, headers: Mapping[str, str]
) -> Signed:
    """Return a webhook whose signature calls itself unsigned, or is made with what everybody knows."""
    assert genuine.key is not None  # noqa: S101  # a JWS is made with a key
    header = _base64url(orjson.dumps({"alg": algorithm}))
    signed = f"{header}.{_base64url(body)}".encode()
    code = b"" if algorithm == "none" else hmac.digest(public_key(genuine.key).encode(), signed, "sha256")
    return _replaced(genuine, signature, None, f"{header}..{_base64url(code)}", body, time, headers)


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _changed(  # noqa: PLR0917  # the last three are a signer's
    genuine: Signer, signature: Signature, form: Form | None, body: bytes, time: int, headers: Mapping[str, str]
) -> Signed:
    signed = next((part.path for part in signature.content if isinstance(part, Field)), None)
    if signed is None:
        return Signed(body, genuine.deliver(body + b" ", time, headers).headers)
    made = genuine.deliver(body, time, headers)
    content = content_of(made.body, form)
    place(content, signed, f"{find(content, signed)}0")
    return Signed(body_of(content, form), made.headers)


def _replaced(  # noqa: PLR0917  # the last three are a signer's
    genuine: Signer,
    signature: Signature,
    form: Form | None,
    text: str | None,
    body: bytes,
    time: int,
    headers: Mapping[str, str],
) -> Signed:
    """Return a webhook with another text in the place of its signature, or with none."""
    made = genuine.deliver(body, time, headers)
    if signature.field is None:
        name = (signature.header or "").lower()
        others = {key: value for key, value in made.headers.items() if key != name}
        return Signed(made.body, others if text is None else {**others, name: text})
    content = content_of(made.body, form)
    place(content, signature.field, text)
    return Signed(body_of(content, form), made.headers)
