"""Record versions that are made from others: what a new one adds to an old one, or a record to another record.

Two kinds of file say it. `avro/<record>/v<N>.yaml` is an earlier version of the same record with fields added to it.
`avro/<record>/extension.yaml` is a record that holds another one: it has a version for each of the other's, so that a
field of the other arrives in it without an edit. Both become the schema that a written-out `.avsc` would hold.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.document import Document
from codegen.findings import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codegen.document import Place
    from codegen.findings import Finding

RULE = "extension"
PURPOSE = "What a record version is made from is there, and each version is declared once."
FILE = re.compile(r"avro/(?P<name>[a-z][a-z0-9_]*)/(?:v(?P<version>[1-9][0-9]*)\.(?P<form>avsc|yaml)|extension\.yaml)")
"""Where records are; the file of an extension has neither version nor form."""
_AGAIN = (
    "put back what is missing, or name a version that is there; `again` gives the other record's version a second one"
)


@dataclass(frozen=True, slots=True)
class Written:
    """The schema of a record version; `base` is the version of another record that it extends, if it does."""

    document: Document
    base: tuple[str, int] | None = None


def schemas(documents: Mapping[str, Document], findings: list[Finding]) -> dict[str, dict[int, Written]]:
    """Return every record version that files declare, whether written out or made from others, by name and number.

    What cannot be made is a finding, which is added to `findings`.
    """
    found: dict[str, dict[int, Written]] = {}
    files = [(match, document) for path, document in documents.items() if (match := FILE.fullmatch(path))]
    # Those that are written out first, then by number, so that what one is made from is there.
    for match, document in sorted(files, key=lambda each: (each[0]["form"] != "avsc", int(each[0]["version"] or 0))):
        name = match["name"]
        versions = found.setdefault(name, {})
        if match["version"] and int(match["version"]) in versions:
            message = f"another file declares {name} v{match['version']}, too"
            findings.append(document.finding(RULE, (), message, "leave one of the two"))
        elif match["form"] == "avsc":
            versions[int(match["version"])] = Written(document)
        elif match["version"]:
            with _collected(findings):
                versions[int(match["version"])] = _successor(name, int(match["version"]), document, versions)
    plain = {name: versions for name, versions in found.items() if versions}
    for match, document in files:
        if match["version"]:
            continue
        if match["name"] in plain:
            message = f"{match['name']} has versions that are written by themselves, too"
            findings.append(document.finding(RULE, (), message, "leave either them or this file"))
            continue
        with _collected(findings):
            found[match["name"]] = dict(_extensions(match["name"], document, plain))
    return found


@contextmanager
def _collected(findings: list[Finding]) -> Iterator[None]:
    try:
        yield
    except ContractError as error:
        findings += error.findings


def _successor(name: str, number: int, document: Document, versions: Mapping[int, Written]) -> Written:
    """Return the version that `v<N>.yaml` declares, of the earlier one that it names.

    Raises:
        ContractError: There is no such earlier version, or a field replaces one that is not there.
    """
    data = document.data
    earlier = data["extends"]
    if earlier >= number or earlier not in versions:
        message = f"{name} v{number} extends v{earlier}, and there is no such earlier version"
        raise ContractError((document.finding(RULE, ("extends",), message, "name an earlier version"),))
    base = versions[earlier].document.data
    replaced = {each["name"]: (("replace", index), each) for index, each in enumerate(data.get("replace", ()))}
    known = {each["name"] for each in base["fields"]}
    strangers = [
        document.finding(RULE, place, f"{name} v{earlier} has no field {field!r} to replace", "add it under `fields`")
        for field, (place, _) in replaced.items()
        if field not in known
    ]
    if strangers:
        raise ContractError(tuple(strangers))
    members: list[tuple[Place, Any]] = [replaced.get(each["name"], (("extends",), each)) for each in base["fields"]]
    members += [(("fields", index), each) for index, each in enumerate(data["fields"])]
    return Written(_schema(document, {**base, **({"doc": data["doc"]} if "doc" in data else {})}, members))


def _extensions(
    name: str, document: Document, plain: Mapping[str, Mapping[int, Written]]
) -> Iterator[tuple[int, Written]]:
    """Yield every version of the record that `extension.yaml` declares, the first one first.

    The first has the fields of the other record's first version, then its own. A later one has those of the version
    before, then what the other record gained, then its own whose `since` is this version: so that stored columns keep
    their order. An own field takes the place of the other's of its name; one that is there already keeps its place and
    says from then on what the later entry says.

    Raises:
        ContractError: The other record has no versions, or there is a version that no own field begins with.
    """
    data = document.data
    other = data["extends"]
    if not plain.get(other):
        message = f"{name} extends {other}, and no record of that name is written by itself"
        raise ContractError((document.finding(RULE, ("extends",), message, "name another record of contracts/avro"),))
    # A base version that occurs twice is one of which the extension has two: the second adds only fields of its own.
    bases = sorted([*plain[other], *data.get("again", ())])
    own = [(("fields", index), each.get("since", 1), each) for index, each in enumerate(data["fields"])]
    # A version that is missing is told once, however many fields begin with it.
    missing = {since: place for place, since, _ in reversed(own) if since > len(bases)}
    there = ", ".join(f"v{each}" for each in sorted(plain[other]))
    wrong = [
        document.finding(RULE, (*place, "since"), f"there is no {name} v{since}: {other} has {there}", _AGAIN)
        for since, place in sorted(missing.items())
    ] + [
        document.finding(RULE, ("again", index), f"there is no {other} v{each}", "name one of its versions")
        for index, each in enumerate(data.get("again", ()))
        if each not in plain[other]
    ]
    begun = [(each["name"], since) for _, since, each in own]
    wrong += [
        document.finding(RULE, place, f"{name} v{since} has a duplicate field {each['name']!r}", "leave one of the two")
        for index, (place, since, each) in enumerate(own)
        if (each["name"], since) in begun[:index]
    ]
    if wrong:
        raise ContractError(tuple(wrong))
    own_names = {each["name"] for _, _, each in own}
    order: dict[str, tuple[Place, Any]] = {}
    for number, base in enumerate(bases, 1):
        schema = plain[other][base].document.data
        # Written anew, since a later version may say more of a field.
        order |= {each["name"]: (("extends",), each) for each in schema["fields"] if each["name"] not in own_names}
        for place, since, each in own:
            if since == number:
                order[each["name"]] = (place, {key: value for key, value in each.items() if key != "since"})
        head = {"type": "record", "name": name, "namespace": schema["namespace"], "doc": data["doc"]}
        yield number, Written(_schema(document, head, list(order.values())), (other, base))


def is_inherited(document: Document, place: Place) -> bool:
    """Return whether a place of a version is in what it was made from, whose own file tells what is wrong there."""
    if document.path.endswith(".avsc") or place == ("doc",):
        return False
    return not any(each[:2] == place[:2] and len(each) > len(("fields", 0)) for each in document.lines)


def _schema(document: Document, head: Mapping[str, Any], members: Sequence[tuple[Place, Any]]) -> Document:
    """Return a schema as if it were written out; its places lead to the lines that its parts come from."""
    data = {**head, "fields": [each for _, each in members]}
    marks: dict[Place, tuple[int, int]] = {("doc",): document.position(("doc",))}
    for index, (place, _) in enumerate(members):
        marks[("fields", index)] = document.position(place)
        inner = [each for each in document.lines if each[: len(place)] == place != ("extends",)]
        marks |= {("fields", index, *each[len(place) :]): document.position(each) for each in inner}
    lines, columns = ({place: mark[part] for place, mark in marks.items()} for part in (0, 1))
    return Document(document.path, document.text, data, lines, columns)
