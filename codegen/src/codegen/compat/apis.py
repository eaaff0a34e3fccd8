"""Rules on HTTP APIs: a client of the earlier contract goes on working. A new major version is a new API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.compat.breakage import Breakage, broken, gone
from codegen.compat.operations import Operation, operations
from codegen.compat.schemas import Difference, Kind, request_differences, response_differences
from codegen.gateway import is_derived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.model import Api, Catalog

_MAJOR = "or make it a new version of the API, in a file of its own"


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield versions of an API that are gone."""
    present = {(api.name, api.version) for api in new.apis}
    for api in old.apis:
        if (api.name, api.version) not in present:
            message = f"{api.name} v{api.version} is gone, and has clients"
            yield gone(("api", api.name, str(api.version)), api.source, message, "put it back beside the newer version")


def operations_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield operations that are gone."""
    for before, after in _apis(old, new):
        present = {operation.name for operation in operations(after)}
        for operation in operations(before):
            if operation.name not in present:
                paths = after.source.data.get("paths", {})
                place: Place = ("paths", operation.path) if operation.path in paths else ("paths",)
                message = f"{operation.name} is gone"
                yield broken(_concern(after, operation), after.source, place, message, f"put it back, {_MAJOR}")


def operations_renamed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield operations with another `operationId`, after which clients call what is generated for them."""
    for api, before, after in _operations(old, new):
        one, other = before.id, after.id
        if one is not None and one != other:
            message = f"{after.name} was the operation {one} and is to be {other}"
            if other is None:
                message = f"{after.name} was the operation {one} and is to have no id"
            place = (*after.place, "operationId")
            yield broken(_concern(api, after), api.source, place, message, f"leave the id, {_MAJOR}")


def parameters_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield parameters that are gone: what a client says with them would be overheard."""
    for api, before, after in _asking(old, new):
        for key in before.parameters:
            if key not in after.parameters:
                message = f"{after.name} no longer accepts the {key[0]} parameter {key[1]}"
                yield broken(_concern(api, after), api.source, after.place, message, f"put it back, {_MAJOR}")


def requests_required(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield what a request must now hold and earlier ones need not."""
    for api, before, after in _asking(old, new):
        for key, parameter in after.parameters.items():
            earlier = before.parameters.get(key)
            if parameter.data.get("required") and not (earlier and earlier.data.get("required")):
                message = f"{after.name} requires the {key[0]} parameter {key[1]} now"
                yield broken(_concern(api, after), api.source, parameter.place, message, f"make it optional, {_MAJOR}")
        if after.body and after.body.data.get("required") and not (before.body and before.body.data.get("required")):
            message = f"{after.name} requires a body now"
            yield broken(_concern(api, after), api.source, after.body.place, message, f"make it optional, {_MAJOR}")
        for difference in _request(before, after):
            if difference.kind is Kind.REQUIRED:
                hint = f"make it optional, {_MAJOR}"
                yield broken(_concern(api, after), api.source, difference.place, _asked(difference), hint)


def requests_narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield what a request could hold and is refused now."""
    for api, before, after in _asking(old, new):
        for media in before.bodies:
            if media not in after.bodies:
                message = f"{after.name} no longer accepts {media}"
                yield broken(_concern(api, after), api.source, after.place, message, f"take it again, {_MAJOR}")
        for difference in _request(before, after):
            if difference.kind is not Kind.REQUIRED:
                hint = f"take what was taken before, {_MAJOR}"
                yield broken(_concern(api, after), api.source, difference.place, _asked(difference), hint)


def responses_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield answers, and parts of them, that are gone."""
    for api, before, after in _operations(old, new):
        for status, response in before.responses.items():
            lost: list[str] = []
            if status not in after.responses:
                lost = [f"{after.name} no longer answers {status}"]
            else:
                other = after.responses[status]
                lost += [
                    f"the answer {status} to {after.name} is no longer {media}"
                    for media in response.content
                    if media not in other.content
                ]
                lost += [
                    f"the answer {status} to {after.name} no longer has the header {name}"
                    for name in response.headers
                    if name not in other.headers
                ]
            for message in lost:
                yield broken(_concern(api, after), api.source, after.place, message, f"put it back, {_MAJOR}")
        for difference in _response(before, after):
            if difference.kind is Kind.REMOVED:
                hint = f"go on sending it, {_MAJOR}"
                yield broken(_concern(api, after), api.source, difference.place, _answered(difference), hint)


def responses_optional(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield parts of answers that were always there and need not be now."""
    for api, before, after in _operations(old, new):
        for difference in _response(before, after):
            if difference.kind is Kind.REQUIRED:
                hint = f"leave it required, {_MAJOR}"
                yield broken(_concern(api, after), api.source, difference.place, _answered(difference), hint)


def responses_widened(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield values that an answer can have and never had."""
    for api, before, after in _operations(old, new):
        for difference in _response(before, after):
            if difference.kind is Kind.VALUE:
                hint = f"answer with what clients know, {_MAJOR}"
                yield broken(_concern(api, after), api.source, difference.place, _answered(difference), hint)


def authentication_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield operations that a client can no longer call with the credentials that were enough."""
    for api, before, after in _operations(old, new):
        for alternative in before.security:
            if not any(each <= alternative for each in after.security):
                was = " and ".join(sorted(name for name, _ in alternative)) or "no credentials"
                message = f"{after.name} could be called with {was}, and cannot any more"
                hint = f"go on taking it beside the new way, {_MAJOR}"
                yield broken(_concern(api, after), api.source, after.place, message, hint)


def _request(before: Operation, after: Operation) -> Iterator[Difference]:
    for key, parameter in after.parameters.items():
        if key in before.parameters:
            schemas = (before.parameters[key].data.get("schema", {}), parameter.data.get("schema", {}))
            place = (*parameter.place, "schema")
            yield from request_differences(before.document, after.document, schemas, place, key[1])
    for media, body in after.bodies.items():
        if media in before.bodies:
            pair = (before.bodies[media].data.get("schema", {}), body.data.get("schema", {}))
            place = (*body.place, "schema")
            yield from request_differences(before.document, after.document, pair, place, "the body")


def _response(before: Operation, after: Operation) -> Iterator[Difference]:
    for status, response in after.responses.items():
        earlier = before.responses.get(status)
        if earlier is None:
            continue
        for media, content in response.content.items():
            if media in earlier.content:
                pair = (earlier.content[media].data.get("schema", {}), content.data.get("schema", {}))
                place = (*content.place, "schema")
                yield from response_differences(before.document, after.document, pair, place, f"the answer {status}")


def _asked(difference: Difference) -> str:
    return f"in requests, {difference.message}"


def _answered(difference: Difference) -> str:
    return f"in answers, {difference.message}"


def _concern(api: Api, operation: Operation) -> tuple[Any, ...]:
    return ("operation", api.name, str(api.version), operation.name)


def _apis(old: Catalog, new: Catalog) -> Iterator[tuple[Api, Api]]:
    after = {(api.name, api.version): api for api in new.apis}
    yield from ((api, after[api.name, api.version]) for api in old.apis if (api.name, api.version) in after)


def _operations(old: Catalog, new: Catalog) -> Iterator[tuple[Api, Operation, Operation]]:
    for before, after in _apis(old, new):
        known = {operation.name: operation for operation in operations(before)}
        for operation in operations(after):
            if operation.name in known:
                yield after, known[operation.name], operation


def _asking(old: Catalog, new: Catalog) -> Iterator[tuple[Api, Operation, Operation]]:
    """Yield the operations whose requests the API itself describes: webhooks are compared with their provider."""
    for api, before, after in _operations(old, new):
        if not is_derived(api, after.path):
            yield api, before, after
