"""Reads the contracts folder into the typed model; collects everything that is wrong before it gives up."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from functools import partial
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, TypeVar

from codegen import build, extension, following, gateway, lifecycles, policies, specification
from codegen.avsc import Reader
from codegen.content import not_contracts, text_of
from codegen.currencies import currencies
from codegen.database import database_table
from codegen.derived import derived
from codegen.document import Document, parse
from codegen.families import Families, families
from codegen.files import record_file
from codegen.findings import ContractError, Finding
from codegen.kinds import API, EXAMPLE, advice, belonging, kind_of
from codegen.model import Api, Catalog, Payload, Provider, RecordVersion
from codegen.placeholders import placeholders
from codegen.rules import rules
from codegen.services import Services, services
from codegen.shape import Shape
from codegen.staging import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from codegen.derived import DerivedTable
    from codegen.document import Place
    from codegen.model import Table, Topic
    from codegen.staging import Staged

Built = TypeVar("Built")

READING: Mapping[str, str] = {
    "folder": "There is a folder of contracts.",
    "orphan": "Every file is a plain file, and a contract of some kind by its name and place.",
    "missing": "What every pipeline needs is there: rules, identity, currencies, the files of each provider.",
    "unreadable": "Every file can be read.",
    "syntax": "A file is YAML or JSON in UTF-8, with the values of JSON only, each key once, no aliases.",
    "todo": "Nothing is still to be written: no text begins with TODO.",
    "meta": "The meta schemas are JSON Schemas, and let nothing through that codegen cannot use.",
    "shape": "A file has the shape that the meta schema of its kind describes.",
    extension.RULE: extension.PURPOSE,
    following.RULE: following.PURPOSE,
    "avro-type": "A record's types can be expressed by every target.",
    "openapi": "An OpenAPI document keeps its specification; its references lead to what it declares.",
    lifecycles.RULE: lifecycles.PURPOSE,
    "example-base": "An example has a body, of its own or by another example.",
}
"""What reading the contracts keeps true, before any rule of lint is tried: ids of findings, with their purpose."""

_BEGINNING = 1000
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
        self._shapes: dict[str, Shape | None] = {}

    def catalog(self) -> Catalog:
        if (wrong := not_contracts(self._root)) is not None:
            raise ContractError((wrong,))
        for file in self._files():
            self._read(file)
        records = self._records()
        apis = tuple(self._apis())
        topics = tuple(self._all("topics/", build.topic))
        validation = self._one("rules/validation", rules)
        null_values = () if validation is None else validation.null_values
        providers = tuple(self._providers(lambda each: following.mapped(each, topics, records), null_values))
        ingestion = self._one("rules/ingestion", rules)
        identity = self._one("rules/identity", build.identity)
        known = self._one("reference/iso4217", currencies)
        tables = tuple(self._all("tables/", lambda each: build.table(each, self._followed(each, topics, records))))
        views = dict(_views(tables, records))
        derived_tables = tuple(self._all("derived/", lambda each: self._derived(each, views)))
        database = tuple(
            self._all("database/", lambda each: database_table(each, self._followed(each, topics, records)))
        )
        files = tuple(self._all("files/", record_file))
        # Absent in contracts of an earlier commit; that today's have it is a rule of lint.
        declared = self._one("services", services) if "services.yaml" in self._documents else Services()
        grouped = self._one("families", families) if "families.yaml" in self._documents else Families()
        retry = self._one("rules/retry", policies.retry) if "rules/retry.yaml" in self._documents else None
        business = self._one("rules/business", policies.business) if "rules/business.yaml" in self._documents else None
        if self._findings or validation is None or ingestion is None or identity is None or known is None:
            raise ContractError(tuple(self._findings))
        return Catalog(
            records=records,
            topics=topics,
            tables=tables,
            derived=derived_tables,
            database=database,
            files=files,
            providers=providers,
            validation=validation,
            ingestion=ingestion,
            identity=identity,
            currencies=known,
            currency_source=self._documents["reference/iso4217.yaml"],
            apis=tuple(gateway.expanded(apis, providers)),
            services=declared or Services(),
            families=grouped or Families(),
            retry=retry,
            business=business,
        )

    def _files(self) -> Iterator[File]:
        """Yield every file below the folder; what is neither a file nor a folder is a finding."""

        def unreadable(error: OSError) -> None:
            self._findings.append(_unreadable(self._path(File(error.filename)), error))

        for folder, folders, names in os.walk(self._root, onerror=unreadable):
            folders.sort()
            for name in folders:
                file = File(folder, name)
                if file.is_symlink() or kind_of(self._path(file)) is not None:
                    what = "a link" if file.is_symlink() else "a folder"
                    self._findings.append(_no_file(self._path(file), what))
            for name in sorted(names):
                file = File(folder, name)
                mode = file.lstat().st_mode
                if stat.S_ISREG(mode):
                    yield file
                else:
                    self._findings.append(_no_file(self._path(file), "a link" if stat.S_ISLNK(mode) else "a device"))

    def _path(self, file: File) -> str:
        return file.relative_to(self._root).as_posix()

    def _read(self, file: File) -> None:
        path = self._path(file)
        if _UNREAD.fullmatch(path):
            return
        kind = kind_of(path)
        if kind is None:
            message = "no contract can have this name or place"
            self._findings.append(Finding(path, 0, "orphan", message, advice(path, _beginning(file))))
            return
        document = self._parsed(file)
        if document is None:
            return
        todo = dict(placeholders(document))
        wrong = [*todo.values(), *self._misshapen(kind, document, tuple(todo))]
        self._findings += wrong
        if not wrong:
            self._documents[path] = document

    def _parsed(self, file: File) -> Document | None:
        path = self._path(file)
        try:
            return parse(path, text_of(path, file.read_bytes()))
        except ContractError as error:
            self._findings += error.findings
        except OSError as error:
            self._findings.append(_unreadable(path, error))
        return None

    def _misshapen(self, kind: str, document: Document, todo: tuple[Place, ...]) -> Iterator[Finding]:
        """Yield what is wrong beside what is still to be written."""
        if kind == "avsc":
            return
        if kind == "openapi":
            if not todo:
                yield from specification.findings(document)
            return
        shape = self._shape(kind)
        said = document.data.get("kind") if isinstance(document.data, dict) else None
        where = belonging(said)
        if shape is not None and said != kind and where is not None:
            # All else that is wrong with it is so because of this.
            message = f'kind must be "{kind}", not "{said}"'
            yield document.finding("shape", ("kind",), message, f"{where}; if it is of the kind {kind}, say so")
            return
        for place, finding in shape.findings(document) if shape is not None else ():
            if not any(place[: len(each)] == each for each in todo):
                yield finding

    def _shape(self, kind: str) -> Shape | None:
        """Return the shape of a kind, None where its meta schema cannot be used; that is told once."""
        if kind not in self._shapes:
            self._shapes[kind] = self._read_shape(kind)
        return self._shapes[kind]

    def _read_shape(self, kind: str) -> Shape | None:
        file = self._root / "meta" / f"{kind}.schema.json"
        if not file.is_file():
            hint = "put it back: it says what files of this kind look like"
            self._findings.append(Finding(self._path(file), 0, "missing", "the meta schema is not there", hint))
            return None
        document = self._parsed(file)
        try:
            return None if document is None else Shape(kind, document)
        except ValueError as error:
            self._findings.append(Finding(self._path(file), 1, "meta", str(error), "put it back, or correct it"))
            return None

    def _records(self) -> dict[str, tuple[RecordVersion, ...]]:
        found: dict[str, tuple[RecordVersion, ...]] = {}
        unread = {each.file.split("/")[1] for each in self._findings if each.file.startswith("avro/")}
        findings: list[Finding] = []
        written = extension.schemas(self._documents, findings)
        # What is made from a file that could not be read has nothing wrong with it.
        for each in findings:
            made_from = {each.file.split("/")[1], self._documents[each.file].data.get("extends")}
            self._findings += [] if made_from & unread else [each]
        for name, versions in sorted(written.items()):
            made = (self._record(name, number, each) for number, each in sorted(versions.items()))
            found[name] = tuple(each for each in made if each is not None)
        return {name: versions for name, versions in found.items() if versions}

    def _record(self, name: str, number: int, written: extension.Written) -> RecordVersion | None:
        reader = Reader(written.document)
        record = self._make(written.document, lambda _: reader.record())
        # A field that two versions have from one place is found wrong in both.
        self._findings += [each for each in reader.findings if each not in self._findings]
        told = {each.message for each in self._findings}
        self._findings += [each for each in reader.inherited if each.message not in told]
        if record is None:
            return None
        text = json.dumps(written.document.data, separators=(",", ":"), ensure_ascii=False)
        return RecordVersion(name, number, record, text, written.document, written.base)

    def _apis(self) -> Iterator[Api]:
        for path, document in self._documents.items():
            match = API.fullmatch(path)
            if match is not None:
                yield Api(match["name"], int(match["version"]), document)

    def _followed(
        self, document: Document, topics: tuple[Topic, ...], records: dict[str, tuple[RecordVersion, ...]]
    ) -> int:
        # What follows something that could not be read has nothing wrong with it.
        if self._findings and "version" not in document.data:
            raise ContractError(())
        return following.followed(document, topics, records)

    def _derived(self, document: Document, views: Mapping[str, Sequence[Staged]]) -> DerivedTable:
        # What passes on a table that could not be read has nothing wrong with it.
        if self._findings and "passes" in document.data:
            raise ContractError(())
        return derived(document, views)

    def _providers(self, version: Callable[[Document], int], null_values: tuple[str, ...]) -> Iterator[Provider]:
        folder = self._root / "providers"
        for name in sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else ():
            parts = [self._single(f"providers/{name}/{part}") for part in ("provider", "mapping", "payload.openapi")]
            provider, mapping, payload = parts
            if provider is None or mapping is None or payload is None:
                continue
            examples = {
                path: document
                for path, document in self._documents.items()
                if (match := EXAMPLE.fullmatch(path)) and match["provider"] == name
            }
            broken = frozenset(
                match["name"]
                for finding in self._findings
                if (match := EXAMPLE.fullmatch(finding.file)) and match["provider"] == name
            )
            declared: dict[str, Any] = {
                "mapping": mapping,
                "payload": Payload(payload),
                "examples": examples,
                "broken": broken,
                "null_values": null_values,
            }
            built = self._make(provider, partial(build.provider, **declared, version=version(mapping)))
            if built is not None:
                yield self._with_lives(built)

    def _with_lives(self, provider: Provider) -> Provider:
        # A provider need not have any.
        document = self._documents.get(f"providers/{provider.name}/lifecycles.yaml")
        if document is None:
            return provider
        made = self._make(document, lambda each: lifecycles.lives(each, provider.envelope, provider.examples))
        return replace(provider, lives=made or ())

    def _all(self, folder: str, make: Callable[[Document], Built]) -> Iterator[Built]:
        for path, document in self._documents.items():
            if path.startswith(folder) and (made := self._make(document, make)) is not None:
                yield made

    def _one(self, name: str, make: Callable[[Document], Built]) -> Built | None:
        document = self._single(name)
        return None if document is None else self._make(document, make)

    def _make(self, document: Document, make: Callable[[Document], Built]) -> Built | None:
        """Return what a document declares; None where it cannot be made, which becomes a finding."""
        try:
            return make(document)
        except ContractError as error:
            self._findings += error.findings
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            message = f"codegen cannot use what it holds: {type(error).__name__} {error}"
            hint = "correct the file; if its meta schema allows this, correct that too"
            self._findings.append(document.finding("meta", (), message, hint))
        return None

    def _single(self, name: str) -> Document | None:
        path = f"{name}.yaml"
        document = self._documents.get(path)
        if document is None and not any(finding.file == path for finding in self._findings):
            self._findings.append(Finding(path, 0, "missing", "the contract is not there", "write it"))
        return document


def _views(
    tables: tuple[Table, ...], records: dict[str, tuple[RecordVersion, ...]]
) -> Iterator[tuple[str, tuple[Staged, ...]]]:
    for table in tables:
        for each in records.get(table.record, ()):
            if each.version == table.version and table.staging is not None:
                yield table.identifier, tuple(staged(table.staging, each.record))


def _beginning(file: File) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_BEGINNING).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _unreadable(path: str, error: OSError) -> Finding:
    return Finding(path, 0, "unreadable", f"it cannot be read: {error.strerror or error}", "make it readable")


def _no_file(path: str, what: str) -> Finding:
    return Finding(path, 0, "orphan", f"this is {what}, contracts are plain files", "put a plain file there, or none")
