"""Reads requests as the contract has them, and takes nothing for what it is not.

JSON is UTF-8 alone. A number in a text is not a number, and none is a time. A number without a fraction is an integer,
however it is written: so JSON Schema has it.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar, get_args

import orjson
from fastapi import HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ValidationError
from starlette.requests import ClientDisconnect

Model = TypeVar("Model", bound=BaseModel)

# As RFC 3339 writes it; which days there are, the calendar knows.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


class RefusedError(Exception):
    """A request has not the form of its contract. The text says why, without values of the request."""


def reader(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Return what reads the body of a request, as a dependency of FastAPI's."""

    async def read(request: Request) -> Model:
        media_type, _, _ = request.headers.get("Content-Type", "").partition(";")
        if media_type.strip().lower() != "application/json":
            raise RefusedError("body: Its media type should be application/json")
        try:
            return parse(model, await request.body())
        except ClientDisconnect:
            raise HTTPException(HTTPStatus.BAD_REQUEST) from None

    return read


def parse(model: type[Model], body: bytes) -> Model:
    """Read a body; raises RefusedError where the contract does not have it."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusedError("body: It should be JSON (RFC 8259), nested no deeper than 1024") from None
    if isinstance(content, dict):
        times = {name for name, field in model.model_fields.items() if _is_time(field.annotation)}
        content = {name: _time(value) if name in times else _whole(value) for name, value in content.items()}
    try:
        return model.model_validate(content, strict=True)
    except ValidationError as error:
        complaints = (f"{'.'.join(map(str, ('body', *found['loc'])))}: {found['msg']}" for found in error.errors())
        raise RefusedError("; ".join(complaints)) from None


def _is_time(kind: Any) -> bool:
    return AwareDatetime in (kind, *get_args(kind))


def _time(value: Any) -> Any:
    if isinstance(value, str) and _TIME.fullmatch(value.upper()):
        try:
            return datetime.fromisoformat(value.upper())
        except ValueError:
            pass
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
