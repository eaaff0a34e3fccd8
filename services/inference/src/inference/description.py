"""The OpenAPI document that the service serves; a test holds it against the contract."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from payments_contracts.inference import FraudScoreRequest, Problem, RetryStrategyRequest
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

PROBLEM_JSON: Final = "application/problem+json"
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    422: {
        "model": Problem,
        "description": "The request does not have the form of its contract. Sending it again does not help.",
    },
    503: {"model": Problem, "description": "The model is not available now. Send the request again later."},
}
_REF: Final = "#/components/schemas/{model}"


def body(model: type[BaseModel]) -> dict[str, Any]:
    """Return what an operation says of its body, which FastAPI cannot know: it does not read it."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document, with the models of bodies, and problems under their own media type."""
    content = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for operations in content["paths"].values():
        for operation in operations.values():
            for status in map(str, PROBLEMS):
                answers = operation["responses"].get(status, {}).get("content", {})
                if "Problem" in str(answers):
                    answers[PROBLEM_JSON] = answers.pop("application/json")
    _, definitions = models_json_schema(
        [(FraudScoreRequest, "validation"), (RetryStrategyRequest, "validation")], ref_template=_REF
    )
    content["components"]["schemas"] |= definitions["$defs"]
    return content
