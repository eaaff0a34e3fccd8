"""Which topics are made for which providers."""

import pytest
from operations.settings import ProvidersSettings
from payments_contracts.topics import INGESTION_DLQ, SQUARE_RAW, STRIPE_RAW, TOPICS, topics_of
from pydantic import ValidationError


def test_all_providers_have_their_topics_where_none_is_named() -> None:
    assert topics_of("") == TOPICS


def test_a_provider_that_is_not_named_has_no_raw_topic() -> None:
    chosen = topics_of("stripe, ")
    assert STRIPE_RAW in chosen
    assert INGESTION_DLQ in chosen
    assert SQUARE_RAW not in chosen


def test_a_provider_that_the_contracts_do_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PROVIDERS", "stripe,strype")
    with pytest.raises(ValidationError, match="know no provider strype; they know"):
        ProvidersSettings()
