"""The schemas that registries and tables hold: whatever form their contracts take, these are their bytes."""

import hashlib

import pytest
from payments_contracts.schemas import VERSIONS, schema

RELEASED = {
    ("ingestion_failure", 1): "ef45e806fbba2f370ee2985901dd0847197f2c95dfa405145ce470ebc444972c",
    ("payment_event", 1): "a9b8742bfa486c24df8c8695b22e64540411d5300acbbc931db6fa3093ecd4ca",
    ("payment_event", 2): "669228e41d55d25f45e723b306b0265ef224c7bbd1e13c35a27483d724831054",
    ("payment_event", 3): "28eae83fedfbefd0fdfe35b6c7ace036845557d14154fc75f6fa1344678d23e0",
    ("payment_event", 4): "c2a26f32c5d1e0198b67e37768db2d3b6c431bb03740adb38df454f7ee2720ae",
    ("provider_event", 1): "228845f6bc4f1c97dcb7f2266a62794c3f8a6a670c3388af838c4c81bc4e60ec",
    ("provider_event", 2): "bc896cea2723c22965ba69020f5f41e792c6db16cab42c4f77d1bf648d58d469",
    ("scored_payment", 1): "acfa970d77b933ba5279c240b7a512b2759d8921c92c92b94216dd6eecf62201",
    ("scored_payment", 2): "27f28716a04da04836bd64c6051f82fb375117b6a26267600adb9ddd27a144ab",
    ("scored_payment", 3): "4bab892a4144fb9e25afb0d1f6ed520be9465fca79209bc7073e03552712694a",
    ("scored_payment", 4): "e63fa01003f329a851ac654af19a69c0c8ecc9c6d6417623e08acc5b1360ca26",
    ("scored_payment", 5): "c0f013dbde0e668767f8271f76521a005782a4b1d280c9d80a17a30d7ad96b54",
    ("validation_failure", 1): "7a66450a5f51fc1fbab0d176eb075fac9e3d541a36ed50a4f968bee4653f82f5",
}
"""SHA-256 of each schema as it is registered."""


@pytest.mark.parametrize(("record", "version"), RELEASED)
def test_a_released_version_is_registered_with_the_bytes_that_it_had(record: str, version: int) -> None:
    assert hashlib.sha256(schema(record, version).encode()).hexdigest() == RELEASED[record, version]


def test_no_released_version_is_gone() -> None:
    assert {(record, version) for record, versions in VERSIONS.items() for version in versions} >= RELEASED.keys()
