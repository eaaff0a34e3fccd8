"""Fixtures that several modules of integration tests share."""

from tests.integration.orchestration import catalog, deployment, inference_url

__all__ = ["catalog", "deployment", "inference_url"]
