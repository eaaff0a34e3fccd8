"""Reads the contracts folder into the typed model; collects everything that is wrong before it gives up."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen import build
from codegen.avsc import Reader
from codegen.derived import derived
from codegen.document import Document, parse
from codegen.findings import ContractError, Finding
from codegen.model import Api, Catalog, Payload, Provider, RecordVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path as File

Built = TypeVar("Built")

_AVSC = re.compile(r"avro/(?P<name>[a-z][a-z0-9_]*)/v(?P<version>[1-9][0-9]*)\.avsc")
_API = re.compile(r"openapi/(?P<name>[a-z][a-z0-9-]*)/v(?P<version>[1-9][0-9]*)\.yaml")
_EXAMPLE = re.compile(r"providers/(?P<provider>[a-z][a-z0-9_]*)/examples/(?P<name>[a-z][a-z0-9_.-]*)\.yaml")
_PROVIDER_FILE = re.compile(r"providers/[a-z][a-z0-9_]*/(?P<file>provider|mapping|payload\.openapi)\.yaml")
_KIND_OF_FOLDER = {"topics": "topic", "tables": "table", "derived": "derived", "reference": "reference"}
_UNREAD = re.compile(r"(meta/[a-z]+\.schema\.json|(.*/)?README\.md)")


def load(root: File) -> Catalog:
    """Return the contracts below a folder; raises ContractError with all that is wrong with them."""
    return _Loading(root).catalog()


class _Loading:
    """One reading of the folder: the files so far, and what is wrong with them."""

    def __init__(self, root: File) -> None:
        self._root = root
        self._findings: list[Finding] = []
        self._documents: dict[str, Document] = {}

    def catalog(self) -> Catalog:
        if not self._root.is_dir():
            raise ContractError(
                (Finding(str(self._root), 0, "folder", "there is no such folder", "name the contracts folder"),)
            )
        for file in sorted(self._root.rglob("*")):
            if file.is_file():
                self._read(file)
        records = self._records()
        apis = tuple(self._apis())
        providers = tuple(self._providers())
        singles = {
            name: self._single(name)
            for name in ("rules/validation", "rules/ingestion", "rules/identity", "reference/iso4217")
        }
        topics = tuple(self._all("topics/", build.topic))
        tables = tuple(self._all("tables/", build.table))
        derived_tables = tuple(self._all("derived/", derived))
        if self._findings:
            raise ContractError(tuple(self._findings))
        found = {name: document for name, document in singles.items() if document is not None}
        return Catalog(
            records=records,
            topics=topics,
            tables=tables,
            derived=derived_tables,
            providers=providers,
            validation=build.rules(found["rules/validation"]),
            ingestion=build.rules(found["rules/ingestion"]),
            identity=build.identity(found["rules/identity"]),
            currencies=build.currencies(found["reference/iso4217"]),
            apis=apis,
        )

    def _read(self, file: File) -> None:
        path = file.relative_to(self._root).as_posix()
        if _UNREAD.fullmatch(path):
            return
        kind = _kind(path)
        if kind is None:
            self._findings.append(
                Finding(path, 0, "orphan", "no contract can have this name or place", "move, rename or delete the file")
            )
            return
        try:
            document = parse(path, file.read_text(encoding="utf-8"))
        except ContractError as error:
            self._findings += error.findings
            return
        except UnicodeDecodeError as error:
            self._findings.append(Finding(path, 0, "syntax", f"this is not UTF-8: {error}", "save it as UTF-8"))
            return
        wrong = list(self._misshapen(kind, document))
        self._findings += wrong
        if not wrong:
            self._documents[path] = document

    def _misshapen(self, kind: str, document: Document) -> Iterator[Finding]:
        if kind == "avsc":
            return
        if kind == "openapi":
            yield from _openapi_findings(document)
            return
        schema = json.loads((self._root / "meta" / f"{kind}.schema.json").read_text(encoding="utf-8"))
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document.data):
            best = jsonschema.exceptions.best_match([error]) or error
            place = ".".join(str(step) for step in best.absolute_path) or "the file"
            yield document.finding(
                "shape", tuple(best.absolute_path), f"{place}: {best.message}", f"see meta/{kind}.schema.json"
            )

    def _records(self) -> dict[str, tuple[RecordVersion, ...]]:
        found: dict[str, list[RecordVersion]] = {}
        for path, document in self._documents.items():
            match = _AVSC.fullmatch(path)
            if match is None:
                continue
            reader = Reader(document)
            record = reader.record()
            self._findings += reader.findings
            if record is not None:
                text = json.dumps(document.data, separators=(",", ":"), ensure_ascii=False)
                version = RecordVersion(match["name"], int(match["version"]), record, text, document)
                found.setdefault(match["name"], []).append(version)
        return {name: tuple(sorted(all_of, key=lambda each: each.version)) for name, all_of in sorted(found.items())}

    def _apis(self) -> Iterator[Api]:
        for path, document in self._documents.items():
            match = _API.fullmatch(path)
            if match is not None:
                yield Api(match["name"], int(match["version"]), document)

    def _providers(self) -> Iterator[Provider]:
        folder = self._root / "providers"
        for name in sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else ():
            parts = [self._single(f"providers/{name}/{part}") for part in ("provider", "mapping", "payload.openapi")]
            provider, mapping, payload = parts
            if provider is None or mapping is None or payload is None:
                continue
            examples = {
                path: document
                for path, document in self._documents.items()
                if (match := _EXAMPLE.fullmatch(path)) and match["provider"] == name
            }
            try:
                yield build.provider(provider, mapping, Payload(payload), examples)
            except ContractError as error:
                self._findings += error.findings

    def _all(self, folder: str, make: Callable[[Document], Built]) -> Iterator[Built]:
        for path, document in self._documents.items():
            if path.startswith(folder):
                yield make(document)

    def _single(self, name: str) -> Document | None:
        path = f"{name}.yaml"
        document = self._documents.get(path)
        if document is None and not any(finding.file == path for finding in self._findings):
            self._findings.append(Finding(path, 0, "missing", "the contract is not there", "write it"))
        return document


def _kind(path: str) -> str | None:  # noqa: PLR0911 - one return for each kind
    if _AVSC.fullmatch(path):
        return "avsc"
    if _API.fullmatch(path):
        return "openapi"
    if _EXAMPLE.fullmatch(path):
        return "example"
    match = _PROVIDER_FILE.fullmatch(path)
    if match:
        return "openapi" if match["file"] == "payload.openapi" else match["file"]
    if path == "rules/identity.yaml":
        return "identity"
    folder, _, name = path.partition("/")
    if "/" in name or not name.endswith(".yaml"):
        return None
    return "rules" if folder == "rules" else _KIND_OF_FOLDER.get(folder)


def _openapi_findings(document: Document) -> Iterator[Finding]:
    hint = "correct it; see the OpenAPI 3.1 specification"
    try:
        errors: list[Any] = list(OpenAPIV31SpecValidator(document.data).iter_errors())
    except Exception as error:  # noqa: BLE001 - the validator raises many kinds of error on a broken reference
        yield document.finding("openapi", (), f"the document cannot be read: {error}", hint)
        return
    for problem in errors:
        place = tuple(getattr(problem, "absolute_path", ()))
        yield document.finding("openapi", place, str(getattr(problem, "message", problem)), hint)
