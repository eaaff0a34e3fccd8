"""Signs webhooks as a provider does, from what its contract says. Shares no code with the gateway that verifies."""

import base64
import hmac
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, NamedTuple, assert_never
from uuid import NAMESPACE_OID, uuid5

import orjson
from payments_contracts.forms import MEDIA_TYPE, Form, body_of, content_of
from payments_contracts.providers import Field, Header, Items, KeyEncoding, Part, Path, Signature
from pydantic import SecretStr

from simulator.key_server import shown_at
from simulator.keys import PrivateKey, jws_of, kind_of, made_key, signature_of
from simulator.places import find, place, written_value

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Signed(NamedTuple):
    """A webhook as it is sent: its body, and its headers by names in lower case."""

    body: bytes
    headers: Mapping[str, str]


class Signer:
    """Signs webhooks of one endpoint.

    Args:
        signature: What the provider's contract says.
        secret: The endpoint's secret, as the provider shows it.
        notification_url: The endpoint's address as the provider knows it.
        items: Where a body holds several events, each of which is signed where the body holds the signatures.
        key: The provider's own key, where it signs with one; made up unless it is given.
        form: What a body that is a form may hold; None where bodies are JSON.

    Raises:
        ValueError: The secret is not written as the contract says.
    """

    def __init__(  # noqa: PLR0917  # most callers give four
        self,
        signature: Signature,
        secret: SecretStr,
        notification_url: str,
        items: Items | None = None,
        key: PrivateKey | None = None,
        form: Form | None = None,
    ) -> None:
        self._form = form
        self._signature = signature
        self._items = items
        self._secret = secret.get_secret_value()
        self._url = notification_url
        self.key = (key or made_key(kind_of(signature))) if signature.is_asymmetric else None
        self._mac = b"" if signature.is_asymmetric else _decoded(self._secret, signature)

    def sign(self, body: bytes, timestamp: int) -> str:
        """Return the text of the signature's header as of a time in seconds since 1970; it covers no other header."""
        return self._text(body, None, str(timestamp), NO_HEADERS, timestamp)

    def deliver(self, body: bytes, timestamp: int, headers: Mapping[str, str] = NO_HEADERS) -> Signed:
        """Return a webhook with its signature, in its headers or inside its body, as of a time.

        A header that is signed and not there gets a text of its own.
        """
        contract = self._signature
        time = str(timestamp) if contract.timestamp_format == "seconds" else _iso8601(timestamp)
        made = {name.lower(): text for name, text in headers.items()}
        if self._form is not None:
            made["content-type"] = MEDIA_TYPE
        if contract.timestamp_header is not None:
            made[contract.timestamp_header.lower()] = time
        for part in contract.content:
            if isinstance(part, Header) and part.name.lower() not in made:
                made[part.name.lower()] = str(uuid5(NAMESPACE_OID, f"{zlib.crc32(body)} {timestamp}"))
        if contract.certificate is not None:
            made[contract.certificate.header.lower()] = shown_at(contract) or ""
        if contract.field is not None:
            return Signed(self._with_signatures(body, contract.field, time, made, timestamp), made)
        if contract.header is not None:
            content = (
                content_of(body, self._form) if any(isinstance(part, Field) for part in contract.content) else None
            )
            made[contract.header.lower()] = self._text(body, content, time, made, timestamp)
        return Signed(body, made)

    def _with_signatures(
        self, body: bytes, field: Path, time: str, headers: Mapping[str, str], timestamp: int
    ) -> bytes:
        content = content_of(body, self._form)
        if self._items is None:
            place(content, field, self._text(body, content, time, headers, timestamp))
            return body_of(content, self._form)
        events = find(content, self._items.path)
        for index in range(len(events) if isinstance(events, list) else 0):
            # As if it stood there alone: at the first place of its list.
            alone = _in_first_place(content, self._items.path, index)
            text = self._text(body, alone, time, headers, timestamp)
            place(events[index], field[len(self._items.path) + 1 :], text)
        return orjson.dumps(content)

    def _text(self, body: bytes, content: Any, time: str, headers: Mapping[str, str], timestamp: int) -> str:
        contract = self._signature
        signed = b"".join(self._part(part, body, content, time, headers) for part in contract.content)
        if contract.form == "jws":
            return self._jws(signed, timestamp)
        if self.key is None:
            digest = hmac.digest(self._mac, signed, contract.digest.removeprefix("hmac-"))
        else:
            digest = signature_of(self.key, signed)
        text = digest.hex() if contract.encoding == "hex" else base64.b64encode(digest).decode()
        if contract.form == "bare":
            return text
        pairs = [] if contract.timestamp_key is None else [(contract.timestamp_key, str(timestamp))]
        pairs.append((contract.signature_key or "", text))
        return contract.pair_separator.join(f"{key}{contract.key_separator}{value}" for key, value in pairs)

    def _jws(self, signed: bytes, timestamp: int) -> str:
        contract = self._signature
        assert self.key is not None  # noqa: S101  # a JWS is made with a key
        stated: dict[str, Any] = {} if contract.timestamp_key is None else {contract.timestamp_key: timestamp}
        if contract.key_set is not None and contract.key_set.issuer is not None:
            stated["iss"] = contract.key_set.issuer
        algorithm = kind_of(contract)
        if contract.digest_claim is None:
            return jws_of(self.key, algorithm, signed, stated, detached=True)
        claims = {**stated, contract.digest_claim: sha256(signed).hexdigest()}
        return jws_of(self.key, algorithm, orjson.dumps(claims), {}, detached=False)

    def _part(  # noqa: PLR0911 - one return for each part
        self, part: str | Header | Field | Part, body: bytes, content: Any, time: str, headers: Mapping[str, str]
    ) -> bytes:
        match part:
            case str():
                return part.encode()
            case Header(name):
                return headers.get(name.lower(), "").encode()
            case Field(path):
                return written_value(find(content, path)).encode()
            case Part.BODY:
                return body
            case Part.BODY_CRC32:
                return str(zlib.crc32(body)).encode()
            case Part.TIMESTAMP:
                return time.encode()
            case Part.URL:
                return self._url.encode()
            case Part.SECRET:
                return self._secret.encode()
        assert_never(part)


def written(key: bytes, encoding: KeyEncoding | None) -> SecretStr:
    """Return the secret that a provider would show for a key; in UTF-8 not every key can be one, so its hex is."""
    return SecretStr(base64.b64encode(key).decode() if encoding == "base64" else key.hex())


def _in_first_place(content: Any, path: Path, index: int) -> Any:
    if not path:
        return [content[index]]
    first, *rest = path
    return {**content, str(first): _in_first_place(content[first], tuple(rest), index)}


def _iso8601(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat().replace("+00:00", "Z")


def _decoded(secret: str, signature: Signature) -> bytes:
    text = secret.removeprefix(signature.secret_prefix or "")
    encoding = signature.key_encoding or "utf-8"
    try:
        match encoding:
            case "utf-8":
                return text.encode()
            case "hex":
                return bytes.fromhex(text)
            case "base64":
                return base64.b64decode(text, validate=True)
            case "pem":
                return b""
    except ValueError:
        # From None, since the cause may show the secret.
        raise ValueError(f"The endpoint's secret is not {encoding}, as the provider's contract has it.") from None
    assert_never(encoding)
