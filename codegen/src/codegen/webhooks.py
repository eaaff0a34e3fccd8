"""How a webhook is signed, and where it says what it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from codegen.language.model import Path
from codegen.language.read import read_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.form import Form

SignatureForm = Literal["bare", "pairs", "jws"]
Digest = Literal["hmac-sha1", "hmac-sha256", "hmac-sha512", "rsa-sha256", "ecdsa-sha256", "jws"]
SignatureEncoding = Literal["hex", "base64", "base64url"]
KeyEncoding = Literal["utf-8", "hex", "base64", "pem"]

PROFILES: Mapping[str, Mapping[str, object]] = {
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, symmetric signatures
    "standard-webhooks": {
        "header": "webhook-signature",
        "form": "pairs",
        "pair_separator": " ",
        "key_separator": ",",
        "signature_key": "v1",
        "timestamp_header": "webhook-timestamp",
        "signed_content": "{header:webhook-id}.{timestamp}.{body}",
        "digest": "hmac-sha256",
        "encoding": "base64",
        "key_encoding": "base64",
        "secret_prefix": "whsec_",
        "tolerance_seconds": 300,
        "future_tolerance_seconds": 300,
    },
}
"""Signatures that many providers share, by the name under which a contract takes one."""

# How every JWS is signed and written; its algorithm is one of those that the contract lists.
_JWS: Mapping[str, object] = {"digest": "jws", "encoding": "base64url"}

_PLACEHOLDER = re.compile(r"\{(header|field):([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Header:
    """The text of an HTTP header of the webhook."""

    name: str

    def __str__(self) -> str:
        """Return it as it stands in a message."""
        return f"the header {self.name}"


@dataclass(frozen=True, slots=True)
class Joined:
    """The texts at several paths with a separator between them; there only where each of them is."""

    paths: tuple[Path, ...]
    separator: str

    def __str__(self) -> str:
        """Return it as it stands in a message."""
        return f" {self.separator} ".join(str(path) for path in self.paths)


@dataclass(frozen=True, slots=True)
class First:
    """What stands at the first of several paths that has a value."""

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        """Return it as it stands in a message."""
        return f"the first present of {', '.join(str(path) for path in self.paths)}"


Source = Path | Header | Joined | First


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificate is whose key verifies a signature.

    The header `header` holds its URL, which must lead by HTTPS to one of `hosts`, below `path`; the certificate must be
    for one of `names`.
    """

    header: str
    hosts: tuple[str, ...]
    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeySet:
    """Where the keys of a JWS are: the set at `url`, of which only the keys with `thumbprints` count where it has some.

    `issuer` is what `iss` must be, None where it is not asked for.
    """

    url: str
    issuer: str | None
    thumbprints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a provider signs its webhooks.

    The signature is in `header`, or in the body at `field`. `signed_content` is a template of `{body}`,
    `{body_crc32}`, `{timestamp}`, `{url}`, `{secret}`, `{header:NAME}` and `{field:PATH}`. The keys stand in the form
    `pairs` alone; what concerns a time is None where no time is signed. In the form `jws` the digest is `jws`: one of
    `algorithms`, with a key of `key_set` or of the secret; `digest_claim` is the claim with the content's SHA-256.
    """

    header: str | None
    field: Path | None
    form: SignatureForm
    pair_separator: str
    key_separator: str
    signed_content: str
    digest: Digest
    encoding: SignatureEncoding
    key_encoding: KeyEncoding
    secret_prefix: str | None
    certificate: Certificate | None
    timestamp_key: str | None = None
    timestamp_header: str | None = None
    timestamp_format: Literal["seconds", "iso8601"] = "seconds"
    signature_key: str | None = None
    tolerance_seconds: int | None = None
    future_tolerance_seconds: int | None = None
    algorithms: tuple[str, ...] = ()
    key_set: KeySet | None = None
    digest_claim: str | None = None

    @property
    def covers_time(self) -> bool:
        """Return whether the time of signing is signed: as part of the content, or of a JWS."""
        return "{timestamp}" in self.signed_content or (self.form == "jws" and self.timestamp_key is not None)

    @property
    def is_asymmetric(self) -> bool:
        """Return whether the provider signs with a key that nobody else has."""
        return not self.digest.startswith("hmac-")

    @property
    def signed_fields(self) -> tuple[Path, ...]:
        """Return the paths of the body whose values are signed one by one."""
        return tuple(read_path(text) for kind, text in _PLACEHOLDER.findall(self.signed_content) if kind == "field")

    @property
    def headers(self) -> Iterator[str]:
        """Yield the headers that are needed to verify it."""
        named = [text for kind, text in _PLACEHOLDER.findall(self.signed_content) if kind == "header"]
        certificate = None if self.certificate is None else self.certificate.header
        yield from (each for each in (self.header, self.timestamp_header, certificate, *named) if each is not None)


@dataclass(frozen=True, slots=True)
class Items:
    """A body that holds several events: the list at `path`, and how many it may hold.

    Each event is looked at as the body in which the list holds nothing else, so that paths lead through `path[0]`.
    """

    path: Path
    most: int


@dataclass(frozen=True, slots=True)
class Livemode:
    """Where a webhook says whether real money is meant: what the text there means.

    A boolean stands for its own text. Where nothing known is said, it is what the endpoint is set to.
    """

    source: Path | Header
    table: Mapping[str, bool]

    def read(self, value: object) -> bool | None:
        """Return what a value says; None where it is not known."""
        text = written(value) if isinstance(value, str | bool) else None
        return None if text is None else self.table.get(text.strip())


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a webhook says what it is, whose it is and when it happened.

    `required` gives each path that must be there, with the JSON types that it may have. `max_text_characters` is a
    limit on ids and types: what is longer at an optional place is passed over, as `null_values` are, which mean that
    nothing is there. `max_event_age_seconds` is None where events of any age are taken. A number at `created_at`
    counts `created_at_unit` since 1970; in a form, where all is text, digits do. `form` is None where bodies are JSON.
    """

    items: Items | None
    event_id: Source
    event_type: Source
    api_version: Path | None
    created_at: Source
    created_at_unit: Literal["seconds", "milliseconds"]
    account: Path | None
    merchant_id: tuple[Path, ...]
    required: tuple[tuple[Path, tuple[str, ...]], ...]
    headers_kept: tuple[str, ...]
    max_body_bytes: int
    max_text_characters: int
    max_event_age_seconds: int | None
    null_values: tuple[str, ...]
    livemode: Livemode | None = None
    form: Form | None = None

    def is_absent(self, value: object) -> bool:
        """Return whether a value means that nothing is there."""
        return value is None or (isinstance(value, str) and value in self.null_values)

    @property
    def identifying(self) -> tuple[Path, ...]:
        """Return the paths of what tells events apart, whose texts have a limit beyond which an event is refused."""
        found = [path for source in (self.event_id, self.event_type) for path in paths_of(source)]
        if self.account is not None:
            found.append(self.account)
        demanded = {path for path, _ in self.required}
        return tuple(dict.fromkeys([*found, *(path for path in self.merchant_id if path in demanded)]))

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return where id, type, time and version are, in the order in which gateways look at them."""
        found = (self.event_id, self.event_type, self.created_at, self.api_version)
        return tuple(each for each in found if each is not None)


def signature_parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a contract says of a signature, with the parts of the profile that it names where it has no own."""
    own = {key: value for key, value in data.items() if key != "profile"}
    if "common_name" in (certificate := own.get("certificate", {})):
        # As it was said in contracts of an earlier commit.
        own["certificate"] = {**certificate, "names": [certificate["common_name"]]}
    return {**(_JWS if own.get("form") == "jws" else {}), **PROFILES.get(data.get("profile", ""), {}), **own}


def paths_of(source: Source) -> tuple[Path, ...]:
    """Return the paths of the body that a source reads."""
    match source:
        case Path():
            return (source,)
        case Joined(paths, _) | First(paths):
            return paths
        case Header():
            return ()


def written(value: object) -> str | None:
    """Return a value as it is joined with others and signed; None for what is no text, whole number or boolean."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
    return None


def in_header(headers: Mapping[str, str], name: str) -> str | None:
    """Return a header's text, whatever the case of its name; None where it is absent or empty."""
    return next((text for key, text in headers.items() if key.lower() == name.lower() and text), None)
