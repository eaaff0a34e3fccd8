"""What the pages of the catalogue share: the template environment, the table of contents, text with code in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.emit.postgres import shown_type
from codegen.mapping.wording import wording
from codegen.rules import circumstances
from codegen.text import file
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from catalogue.targets import avro, types_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile

_NOTICE = "Built by `catalogue` from {source}; not committed. Change the contract, then run `make catalogue`."
_CODE = re.compile(r"`([^`]+)`")
_ADDRESS = re.compile(r"https?://[^\s<>]*[^\s<>.,;)]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the table of contents, with the pages below it."""

    title: str
    href: str
    below: tuple[Entry, ...] = ()


def notice(source: str) -> str:
    """Return the sentence that names a page's source, where sources are paths in the repository."""
    return _NOTICE.format(source=source)


def prose(text: str) -> Markup:
    """Return plain text as HTML: what stands between backticks as code, addresses as links."""
    marked = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(_ADDRESS.sub(lambda found: f'<a href="{found[0]}" rel="noreferrer">{found[0]}</a>', marked))  # noqa: S704 - escaped above


def breakable(path: str) -> Markup:
    """Return a path as HTML that may go on in a new line after each dot."""
    return Markup(str(escape(path)).replace(".", ".<wbr>"))  # noqa: S704 - escaped


def counted(number: int, noun: str, many: str = "") -> str:
    """Return a number with its noun: `1 field`, `2 fields`."""
    return f"{number} {noun if number == 1 else many or noun + 's'}"


def contents(catalog: Catalog) -> tuple[Entry, ...]:
    """Return the table of contents."""
    return (
        Entry("Overview", "index.html"),
        Entry("Lineage", "lineage.html", tuple(_providers(catalog, "lineage"))),
        Entry("Providers", "providers.html", tuple(_providers(catalog, "provider"))),
        Entry("Examples", "examples.html", tuple(_providers(catalog, "examples"))),
        Entry("Records", "records.html", tuple(Entry(name, f"record-{name}.html") for name in catalog.records)),
        Entry("Topics", "topics.html"),
        Entry("Tables", "tables.html"),
        Entry(
            "APIs",
            "apis.html",
            tuple(Entry(f"{api.name} v{api.version}", f"api-{api.name}-v{api.version}.html") for api in catalog.apis),
        ),
        Entry("Rules", "rules.html"),
        Entry("Currencies", "currencies.html"),
        Entry("Checks", "checks.html"),
        Entry("Changes", "changes.html"),
    )


def _providers(catalog: Catalog, page: str) -> Iterator[Entry]:
    for provider in catalog.providers:
        yield Entry(provider.title, f"{page}-{provider.name}.html")


class Site:
    """Renders pages that share a frame."""

    def __init__(self, catalog: Catalog, traced: frozenset[str]) -> None:
        """Take the catalog that the pages show, and the fields that have a row in its lineage."""
        self._environment = _environment()
        self._environment.globals.update(catalog=catalog, contents=contents(catalog), traced=traced)

    def page(self, path: str, template: str, source: str, **values: Any) -> GeneratedFile:
        """Return a page; `source` names the contracts that it is made from."""
        text = self._environment.get_template(f"{template}.html.jinja").render(
            notice=notice(source), page=path, **values
        )
        return file(path, text)

    def asset(self, path: str) -> GeneratedFile:
        """Return the style sheet or the script of that name."""
        text = self._environment.get_template(f"{path}.jinja").render(notice=notice("codegen/catalogue"))
        return file(path, text)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("catalogue"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters.update(
        prose=prose,
        breakable=breakable,
        counted=counted,
        avro=avro,
        types_of=types_of,
        postgres=shown_type,
        wording=wording,
        circumstances=circumstances,
    )
    return environment
