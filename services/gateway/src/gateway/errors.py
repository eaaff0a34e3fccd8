"""Why a request is refused. None of these is raised past the gateway's own code: each becomes an answer."""

from dataclasses import dataclass
from typing import Literal

SignatureReason = Literal["signature_missing", "signature_malformed", "signature_mismatch", "signature_expired"]
BodyReason = Literal[
    "not_utf8",
    "not_json",
    "not_object",
    "not_form",
    "form_too_complex",
    "field_missing",
    "field_type",
    "field_too_long",
]
RequestReason = Literal["body_too_large", "event_too_old", "headers_too_large", "request_timeout", "disconnected"]
UnavailableReason = Literal["not_ready", "broker_unavailable"]
DefectReason = Literal["defect"]
Stage = Literal["decode", "structure"]


@dataclass(frozen=True, slots=True)
class Forged:
    """The request is not known to come from the provider. Nothing of it is kept."""

    reason_code: SignatureReason
    detail: str


@dataclass(frozen=True, slots=True)
class TooOld:
    """The event is authentic, and happened so long ago that it may be a replay. Nothing of it is kept."""

    seconds: int

    @property
    def detail(self) -> str:
        """Return what is told to the sender."""
        return f"The event happened more than {self.seconds} seconds ago, and replays are not taken now."


@dataclass(frozen=True, slots=True)
class Malformed:
    """The body is authentic, but not an event. `detail` holds no value of the body."""

    reason_code: BodyReason
    detail: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class KeyNeeded:
    """The request may be judged once the certificate or the keys at an address are there.

    `now` is when that was found, in seconds since 1970.
    """

    url: str
    now: float


class BodyTooLargeError(Exception):
    """The body is longer than the provider's contract allows."""
