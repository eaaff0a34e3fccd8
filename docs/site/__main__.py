"""Builds the site: `python -m docs.site build` (`make docs`); `overview` writes the drawing of docs/index.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from codegen.loader import load

from docs.site import api
from docs.site.documents import DeadLinkError, Places, page_of, title_of
from docs.site.links import dead_links
from docs.site.navigation import ELSEWHERE, FOLDERS, SECTIONS
from docs.site.overview import overview

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DRAWING = DOCS / "images" / "overview.svg"
CATALOGUE = ROOT / "generated" / "docs"
_CATALOGUE_PAGE = """# Contract catalogue

What the contracts say, for people: records with every version, topics with writers, readers and pins, tables, providers
with their mappings in words, examples, rules, and the lineage of each field from a provider's payload to Gold. It is a
site of its own, built by `make catalogue`; press `/` there to search.

<p><a href="catalogue/index.html">Open the catalogue</a></p>

"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def build(
    sphinx: Annotated[Path, typer.Option(help="The program sphinx-build.")] = ROOT / ".venv-docs/bin/sphinx-build",
    output: Annotated[Path, typer.Option(help="Folder of the site; what is in it goes.")] = ROOT / "build" / "site",
) -> None:
    """Build the site of all documents; fail where a link or an anchor is dead, or where Sphinx warns of anything."""
    sources = output.with_name(f"{output.name}-source")
    for folder in (sources, output):
        shutil.rmtree(folder, ignore_errors=True)
    catalog = load(ROOT / "contracts")
    try:
        for page, text in pages(catalog, os.environ.get("REPOSITORY_URL")).items():
            _write(sources / page, text)
    except DeadLinkError as error:
        sys.exit(f"the site was not built: {error}")
    shutil.copytree(DOCS / "images", sources / "images")
    command: list[str | Path] = [
        sphinx,
        "--quiet",
        "--fail-on-warning",
        "--builder",
        "html",
        "--conf-dir",
        DOCS / "site",
    ]
    # Its own memory lies beside the sources, not on the site.
    command += ["--doctree-dir", sources / ".doctrees", sources, output]
    done = subprocess.run(command, check=False)  # noqa: S603  # ours
    if done.returncode:
        sys.exit("the site was not built: see the lines above")
    (output / ".buildinfo").unlink(missing_ok=True)
    shutil.copytree(CATALOGUE, output / "catalogue")
    for each in catalog.apis:
        _write(output / "openapi" / f"{api.slug(each)}.json", json.dumps(each.source.data, indent=2) + "\n")
    if dead := list(dead_links(output)):
        sys.exit("\n".join([*dead, "the site is built, and has dead links"]))
    typer.echo(f"{os.path.relpath(output / 'index.html')}: {len(list(output.rglob('*.html')))} pages; no link is dead")


@app.command(name="overview")
def draw() -> None:
    """Write the drawing that docs/index.md shows, from the contracts."""
    DRAWING.write_text(overview(load(ROOT / "contracts")), encoding="utf-8")


def pages(catalog: Catalog, repository: str | None = None) -> dict[str, str]:
    """Return the text of each page in Markdown, by its path on the site.

    `repository` is the address under which files of the repository are shown, for links to what is not on the site.

    Raises:
        DeadLinkError: A document links to what is not there.
    """
    documents = _documents()
    folders = {f"docs/{name}": f"{name}/index.md" for name in FOLDERS}
    places = Places({**documents, **folders, "docs": "index.md"}, lambda path: (ROOT / path).exists(), repository)
    texts = {document: (ROOT / document).read_text(encoding="utf-8") for document in documents}
    found = {page: page_of(document, texts[document], places) for document, page in documents.items()}
    for folder, title in FOLDERS.items():
        listed = sorted(page for page in found if page.startswith(f"{folder}/"))
        found[f"{folder}/index.md"] = _list_of(title, listed, {page: title_of(found[page]) for page in listed})
    for each in catalog.apis:
        found[f"api/{api.slug(each)}.md"] = api.reference(each)
    listed = sorted(page for page in found if page.startswith("api/"))
    found["api/index.md"] = _list_of("HTTP interfaces", listed, {page: title_of(found[page]) for page in listed})
    found["catalogue.md"] = _CATALOGUE_PAGE
    found["index.md"] += "".join(_trees())
    return found


def _documents() -> dict[str, str]:
    """Return the page of each document, by its path in the repository."""
    below = {f"docs/{path.relative_to(DOCS).as_posix()}": path.relative_to(DOCS).as_posix() for path in _below_docs()}
    return {**below, **ELSEWHERE}


def _below_docs() -> Iterator[Path]:
    yield from (path for path in sorted(DOCS.rglob("*.md")) if not path.is_relative_to(DOCS / "site"))


def _list_of(title: str, listed: list[str], titles: dict[str, str]) -> str:
    names = [page.rpartition("/")[2] for page in listed]
    lines = [f"- [{titles[page]}]({name})" for page, name in zip(listed, names, strict=True)]
    return "\n".join([f"# {title}\n", *lines, "", _tree("", names)])


def _trees() -> Iterator[str]:
    for section in SECTIONS:
        yield f"\n{_tree(section.title, section.pages)}"


def _tree(caption: str, names: list[str] | tuple[str, ...]) -> str:
    """Return what Sphinx makes its navigation of; documents of the repository hold nothing of the kind."""
    head = ["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), ""]
    return "\n".join([*head, *names, "```\n"])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    app()
