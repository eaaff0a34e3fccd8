"""From the YAML of a provider to what a gateway reads of its webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.form import Form
from codegen.language.read import read_path
from codegen.webhooks import Envelope, First, Header, Items, Joined, Livemode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codegen.webhooks import Source


def envelope_of(data: Mapping[str, Any], null_values: tuple[str, ...]) -> Envelope:
    """Return what a gateway needs to know of a body, as provider.yaml has it."""
    items = data.get("items")
    return Envelope(
        items=None if items is None else Items(read_path(items["path"]), items["most"]),
        event_id=_source(data["event_id"]),
        event_type=_source(data["event_type"]),
        api_version=read_path(data["api_version"]) if "api_version" in data else None,
        created_at=_source(data["created_at"]),
        created_at_unit=data.get("created_at_unit", "seconds"),
        account=read_path(data["account"]) if "account" in data else None,
        merchant_id=tuple(read_path(each) for each in data["merchant_id"]),
        required=tuple((read_path(path), kinds(each)) for path, each in data["required"].items()),
        headers_kept=tuple(data["headers_kept"]),
        max_body_bytes=data["max_body_bytes"],
        # Absent in contracts of an earlier commit.
        max_text_characters=data.get("max_text_characters"),  # type: ignore[arg-type]
        max_event_age_seconds=data.get("max_event_age_seconds"),
        null_values=null_values,
        livemode=_livemode(data["livemode"]) if "livemode" in data else None,
        form=_form(data["body"]) if "body" in data else None,
    )


def kinds(declared: str | Sequence[str]) -> tuple[str, ...]:
    """Return the JSON types that a required value may have: a contract names one, or lists several."""
    return (declared,) if isinstance(declared, str) else tuple(declared)


def _form(data: Mapping[str, Any]) -> Form:
    return Form(data["max_fields"], data["max_depth"], data["repeats"])


def _livemode(data: str | Mapping[str, Any]) -> Livemode:
    if isinstance(data, str):
        return Livemode(read_path(data), {"true": True, "false": False})
    source = Header(data["header"]) if "header" in data else read_path(data["path"])
    return Livemode(source, dict(data["table"]))


def _source(data: str | Mapping[str, Any]) -> Source:
    if isinstance(data, str):
        return read_path(data)
    if "header" in data:
        return Header(data["header"])
    if "join" in data:
        return Joined(tuple(read_path(each) for each in data["join"]), data["separator"])
    return First(tuple(read_path(each) for each in data["first"]))
