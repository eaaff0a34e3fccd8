"""Reads what a webhook says of its own signature, and puts together what was signed. Pure."""

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from payments_contracts.normalize.values import iso8601_millis
from payments_contracts.providers import Field, Header, Part, Signature

from gateway.carried import Carried, find, shown, written
from gateway.errors import Forged

# Stand in a template for what each webhook brings; known by identity, so that no text can be taken for one.
_BODY: Final = b"{body}"
_TIME: Final = b"{timestamp}"
# The form in which a timestamp is signed: no sign, no leading zero.
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_MILLISECONDS = 1000

_Piece = Callable[[bytes, Carried, str], bytes]


class Claim(NamedTuple):
    """What a webhook claims: signatures of which one has to be true, and when they were made, where that is signed.

    `timestamp` is the text that is signed, `seconds` the instant since 1970.
    """

    candidates: Sequence[bytes]
    timestamp: str = ""
    seconds: float = 0


class ClaimReader:
    """Knows where one provider's signatures stand and how old they may be.

    Pairs of other schemes are not looked at: were a weaker one accepted, an attacker would leave the stronger one out.
    """

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._place = (
            f"The header {signature.header}" if signature.field is None else f"The field {shown(signature.field)}"
        )
        self._is_pairs = signature.form == "pairs"
        self._covers_time = signature.covers_time
        self._timestamp_key, self._signature_key = signature.timestamp_key, signature.signature_key
        self._pair_separator, self._key_separator = signature.pair_separator, signature.key_separator
        self._oldest, self._newest = signature.tolerance_seconds, signature.future_tolerance_seconds
        header = signature.timestamp_header
        self._timestamp_header = None if header is None else header.lower()

    def read(self, header: Sequence[str], carried: Carried) -> Claim | Forged:
        """Read a claim from all values of the signature's header, or from the body where the signature is there."""
        if self._signature.field is not None:
            value = find(carried.content, self._signature.field)
            header = [value] if isinstance(value, str) else []
        if not header:
            return Forged("signature_missing", f"{self._place} is absent.")
        if len(header) > 1:
            return Forged("signature_malformed", f"{self._place} comes more than once.")
        if not header[0].isascii():
            # Some libraries fail at such a text, so that it would depend on the order of pairs who accepts the webhook.
            return Forged("signature_malformed", f"{self._place} is not ASCII.")
        claim = self._pairs(header[0]) if self._is_pairs else self._bare(header[0])
        if self._timestamp_header is None or isinstance(claim, Forged):
            return claim
        return self._timed(claim, carried.headers.get(self._timestamp_header, ""))

    def untimely(self, claim: Claim, now: float) -> Forged | None:
        """Say why a signature that is true is too old or too young, None where it is neither."""
        oldest, newest = self._oldest, self._newest
        if oldest is None or newest is None:
            return None
        age = now - claim.seconds
        if age > oldest:
            return Forged("signature_expired", f"The signature is more than {oldest} seconds old.")
        if -age > newest:
            return Forged("signature_expired", f"The signature is more than {newest} seconds in the future.")
        return None

    def _bare(self, value: str) -> Claim | Forged:
        if not value:
            return Forged("signature_malformed", f"{self._place} is empty.")
        return Claim([value.encode()])

    def _timed(self, claim: Claim, text: str) -> Claim | Forged:
        name = self._signature.timestamp_header
        if self._signature.timestamp_format == "seconds":
            if not _TIMESTAMP.fullmatch(text):
                return Forged("signature_malformed", f"The header {name} has to hold seconds since 1970.")
            return Claim(claim.candidates, text, int(text))
        millis = iso8601_millis(text) if text.isascii() else None
        if millis is None:
            return Forged("signature_malformed", f"The header {name} has to hold a time in ISO 8601.")
        return Claim(claim.candidates, text, millis / _MILLISECONDS)

    def _pairs(self, value: str) -> Claim | Forged:
        timestamps: list[str] = []
        candidates: list[bytes] = []
        separator = self._key_separator
        for pair in value.split(self._pair_separator):
            key, found, text = pair.partition(separator)
            if key == self._signature_key:
                if not found:
                    return Forged("signature_malformed", f"{self._place} has a {key} without a value.")
                candidates.append(text.encode())
            elif key == self._timestamp_key:
                timestamps.append(text)
        timed = self._timestamp_key is not None and self._covers_time
        if timed and (len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0])):
            detail = f"{self._place} has to hold one {self._timestamp_key}{separator} with seconds since 1970."
            return Forged("signature_malformed", detail)
        if not candidates:
            return Forged("signature_malformed", f"{self._place} holds no {self._signature_key}{separator}.")
        return Claim(candidates, timestamps[0], int(timestamps[0])) if timed else Claim(candidates)


class SignedContent:
    """Puts together what a provider signs."""

    def __init__(self, signature: Signature, notification_url: str) -> None:
        parts = [_part(part, notification_url) for part in signature.content]
        self._parts = [part for part in parts if isinstance(part, bytes)]
        self._pieces = None if len(self._parts) == len(parts) else [_piece(part) for part in parts]

    def parts(self, body: bytes, claim: Claim, carried: Carried, secret: str = "") -> list[bytes]:
        """Return the texts that are signed one after the other."""
        timestamp = claim.timestamp.encode()
        if self._pieces is None:
            return [body if part is _BODY else timestamp if part is _TIME else part for part in self._parts]
        return [piece(body, carried, secret) if callable(piece) else piece for piece in self._filled(timestamp)]

    def _filled(self, timestamp: bytes) -> list[bytes | _Piece]:
        return [timestamp if piece is _TIME else piece for piece in self._pieces or ()]


def _part(part: str | Header | Field | Part, notification_url: str) -> bytes | Header | Field | Part:
    match part:
        case Part.BODY:
            return _BODY
        case Part.TIMESTAMP:
            return _TIME
        case Part.URL:
            return notification_url.encode()
        case str():
            return part.encode()
        case _:
            return part


def _piece(part: bytes | Header | Field | Part) -> bytes | _Piece:
    match part:
        case bytes():
            return (lambda body, _carried, _secret: body) if part is _BODY else part
        case Header(name):
            key = name.lower()
            return lambda _body, carried, _secret: carried.headers.get(key, "").encode("latin-1")
        case Field(path):
            return lambda _body, carried, _secret: written(find(carried.content, path)).encode()
        case Part.BODY_CRC32:
            return lambda body, _carried, _secret: b"%d" % crc32(body)
        case Part.SECRET:
            return lambda _body, _carried, secret: secret.encode()
        case _:
            raise AssertionError(part)
