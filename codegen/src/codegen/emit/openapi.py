"""Pydantic models of every HTTP API, by datamodel-code-generator: one module for each, and one for all gateways.

The API of each gateway, which follows from its provider's contract, is written as a document of its own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from datamodel_code_generator import InputFileType, LiteralType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.format import Formatter

from codegen.gateway import api_name, with_example
from codegen.model import GATEWAY, newest
from codegen.text import PACKAGE, dumped, file, notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Api, Catalog, GeneratedFile


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield a module for the newest version of each API, and the documents of the gateways, which share a module."""
    modules = {_module_name(api): api for api in reversed(newest(catalog))}
    for name, api in sorted(modules.items()):
        yield file(f"{PACKAGE}/{name}.py", _module(api, api.source.path))
    apis = {api.name: api for api in newest(catalog)}
    for provider in catalog.providers:
        if (found := apis.get(api_name(provider))) is not None:
            yield dumped(f"openapi/{found.name}.json", with_example(found, provider))


def _module_name(api: Api) -> str:
    return "gateway" if api.name.startswith(GATEWAY) else api.name.replace("-", "_")


# Formats that have a type of their own in a model, and those that a model keeps as a note in its JSON Schema.
TYPED_FORMATS = frozenset({"date", "date-time", "uuid"})
NOTED_FORMATS = frozenset({"uri-reference"})
_NOTED = "x-format"


def _module(api: Api, source: str) -> str:
    header = f"# {notice(f'contracts/{source}')}"
    generated = generate(
        json.dumps(_noted(api.source.data), ensure_ascii=False),
        input_filename=api.source.path,
        input_file_type=InputFileType.OpenAPI,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        custom_file_header=header,
        disable_timestamp=True,
        enable_faux_immutability=True,
        enum_field_as_literal=LiteralType.All,
        field_constraints=True,
        field_extra_keys_without_x_prefix={_NOTED},
        formatters=[Formatter.BUILTIN],
        strict_nullable=True,
        use_annotated=True,
        use_double_quotes=True,
        use_field_description=False,
        use_schema_description=True,
        use_standard_collections=True,
        use_union_operator=True,
    )
    return str(generated)


def _noted(data: Any) -> Any:
    """Return a document in which formats without a type of their own are extra keys, which the generator keeps."""
    match data:
        case dict():
            noted = {key: _noted(value) for key, value in data.items()}
            return {**noted, _NOTED: data["format"]} if data.get("format") in NOTED_FORMATS else noted
        case list():
            return [_noted(value) for value in data]
        case _:
            return data
