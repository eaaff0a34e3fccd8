"""What a secret of an endpoint has to say of itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway.secrets import EndpointSecret, EndpointSecrets, with_blanks
from pydantic import TypeAdapter, ValidationError

PLAIN: dict[str, Any] = {"id": "a", "secret": "whsec_hidden", "merchant_id": "m"}
FIRST, LAST = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
SECRETS: TypeAdapter[tuple[EndpointSecret, ...]] = TypeAdapter(EndpointSecrets)


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        EndpointSecret.model_validate(PLAIN | changes)
    assert "whsec_hidden" not in str(caught.value)
    [problem] = caught.value.errors()
    return problem["type"]


def test_may_sign_at_any_time_unless_it_says_otherwise() -> None:
    secret = EndpointSecret.model_validate(PLAIN)
    assert (secret.not_before, secret.not_after) == (None, None)


def test_reads_its_time_as_it_is_written() -> None:
    written = {"not_before": "2026-05-01T02:00:00+02:00", "not_after": "2026-06-01T00:00:00Z"}
    secret = EndpointSecret.model_validate(PLAIN | written)
    assert (secret.not_before, secret.not_after) == (FIRST, LAST)


@pytest.mark.parametrize("bound", ["not_before", "not_after"])
def test_may_have_one_end_of_its_time_alone(bound: str) -> None:
    assert getattr(EndpointSecret.model_validate(PLAIN | {bound: FIRST}), bound) == FIRST


@pytest.mark.parametrize("bound", ["not_before", "not_after"])
def test_a_time_without_a_time_zone_is_refused(bound: str) -> None:
    assert refusal(**{bound: "2026-05-01T00:00:00"}) == "timezone_aware"


@pytest.mark.parametrize("not_after", [FIRST, FIRST - timedelta(microseconds=1)])
def test_a_time_that_ends_before_it_begins_is_refused(not_after: datetime) -> None:
    assert refusal(not_before=FIRST, not_after=not_after) == "value_error"


@pytest.mark.parametrize("secret", ["", " ", "\t\r\n\f\v", "\u2003", "\ufeff\n", "\u2028"])
def test_a_blank_secret_is_refused(secret: str) -> None:
    assert refusal(secret=secret) == "value_error"


@pytest.mark.parametrize("field", ["id", "merchant_id"])
@pytest.mark.parametrize("name", ["", " ", "\n\ufeff"])
def test_a_blank_name_is_refused(field: str, name: str) -> None:
    assert refusal(**{field: name}) == "value_error"


@pytest.mark.parametrize(
    "blanks", [("", "\n"), ("", "\r\n"), (" ", " "), ("\ufeff", ""), ("\ufeff\t", "\u00a0\u200b\n")]
)
def test_what_cannot_be_seen_around_a_secret_is_not_part_of_it(blanks: tuple[str, str]) -> None:
    before, after = blanks
    secret = EndpointSecret.model_validate(
        PLAIN | {"secret": f"{before}whsec hidden{after}", "merchant_id": f"{before}m{after}"}
    )
    assert (secret.key, secret.merchant_id) == ("whsec hidden", "m")
    assert with_blanks([secret, EndpointSecret.model_validate(PLAIN | {"id": "b"})]) == ["a"]


def test_what_is_not_known_is_refused_and_not_passed_over() -> None:
    assert refusal(not_befor=FIRST) == "extra_forbidden"


def test_is_printed_without_the_secret() -> None:
    assert "whsec_hidden" not in repr(EndpointSecret.model_validate(PLAIN))


def test_is_frozen() -> None:
    with pytest.raises(ValidationError):
        EndpointSecret.model_validate(PLAIN).not_after = LAST  # type: ignore[misc]  # that is the point


def test_two_secrets_of_one_endpoint_have_two_ids() -> None:
    with pytest.raises(ValidationError, match="two secrets have the same id"):
        SECRETS.validate_python([PLAIN, PLAIN | {"secret": "whsec_other"}])


def test_an_endpoint_has_a_secret() -> None:
    with pytest.raises(ValidationError):
        SECRETS.validate_python([])
