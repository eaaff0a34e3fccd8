"""Pydantic models of every HTTP API, by datamodel-code-generator: one module for each, and one for all gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamodel_code_generator import InputFileType, LiteralType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.format import Formatter

from codegen.emit.text import PACKAGE, file, notice
from codegen.model import GATEWAY, newest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Api, Catalog, GeneratedFile


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield a module for the newest version of each API; gateways, which all answer alike, share one."""
    modules = {_module_name(api): api for api in reversed(newest(catalog))}
    for name, api in sorted(modules.items()):
        yield file(f"{PACKAGE}/{name}.py", _module(api))


def _module_name(api: Api) -> str:
    return "gateway" if api.name.startswith(GATEWAY) else api.name.replace("-", "_")


def _module(api: Api) -> str:
    header = f"# {notice(f'contracts/{api.source.path}')}"
    generated = generate(
        api.source.text,
        input_filename=api.source.path,
        input_file_type=InputFileType.OpenAPI,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        custom_file_header=header,
        disable_timestamp=True,
        enable_faux_immutability=True,
        enum_field_as_literal=LiteralType.All,
        field_constraints=True,
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
