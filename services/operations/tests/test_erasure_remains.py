"""What an erasure leaves is told with the day on which it is gone."""

from datetime import UTC, datetime, timedelta

from operations.erasure.remains import remains
from operations.erasure.subject import Kind, Subject
from payments_contracts.topics import TOPICS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_ANY, OF_SQUARE = Subject(Kind.MERCHANT, "m"), Subject(Kind.CUSTOMER, "c", "square")


def told(subject: Subject, providers: str = "") -> dict[str, str]:
    """Return the topics that are named, each with what is said of it."""
    kafka = [each for each in remains(subject, NOON, providers) if each.where.startswith("Kafka: ")]
    return {name: until for where, until in kafka for name in where.removeprefix("Kafka: ").split(", ")}


def test_each_topic_is_named_with_the_time_at_which_its_records_are_gone() -> None:
    found = told(OF_ANY)
    assert found.keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        gone = NOON + timedelta(milliseconds=topic.retention_ms + topic.segment_ms)
        assert found[topic.name].startswith(f"{gone:%Y-%m-%d %H:%M} UTC")


def test_raw_topics_of_other_providers_are_left_out() -> None:
    raw = {name for name in told(OF_SQUARE, "square,stripe") if name.endswith(".raw")}
    assert raw == {"payments.square.raw"}
    raw = {name for name in told(OF_ANY, "square,stripe") if name.endswith(".raw")}
    assert raw == {"payments.square.raw", "payments.stripe.raw"}


def test_what_is_agreed_with_a_merchant_is_told_to_be_kept() -> None:
    assert any(each.where.startswith("merchant_terms") for each in remains(OF_ANY, NOON))
    assert not any(each.where.startswith("merchant_terms") for each in remains(OF_SQUARE, NOON))


def test_bytes_that_nothing_looks_for_are_told_with_how_long_they_stay() -> None:
    for subject in (OF_ANY, OF_SQUARE):
        found = {each.where.split()[2]: each.until for each in remains(subject, NOON) if "otherwise than" in each.where}
        assert found == {
            "bronze.provider_events": "400 days after they came",
            "bronze.quarantine": "400 days after they came",
        }


def test_pages_that_the_database_did_not_reclaim_are_told_with_what_the_server_said() -> None:
    (told,) = [each for each in remains(OF_ANY, NOON, unreclaimed="permission denied") if "VACUUM" in each.where]
    assert "permission denied" in told.where
    assert "MAINTAIN" in told.until
    assert not any("VACUUM" in each.where for each in remains(OF_ANY, NOON))
