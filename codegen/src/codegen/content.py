"""What is looked at before anything is parsed: whether a folder holds contracts, and whether bytes are text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.findings import ContractError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LARGEST = 1 << 20
"""Bytes that a contract may have; the largest there is has a thirtieth of it. What is larger is no contract."""

_FOLDERS = ("avro", "meta", "providers", "rules")
_MARKS = {
    b"\xef\xbb\xbf": ("the file begins with a byte order mark (BOM)", "save it as UTF-8 without BOM"),
    b"\xff\xfe": ("this is UTF-16, not UTF-8", "save it as UTF-8 without BOM"),
    b"\xfe\xff": ("this is UTF-16, not UTF-8", "save it as UTF-8 without BOM"),
}


def text_of(path: str, content: bytes) -> str:
    """Return the text of a file; ContractError with one finding where it is not fit to be a contract.

    A file is UTF-8 without BOM, its lines end in LF, it is not empty and not larger than `LARGEST`. Lines that end in
    CR LF are refused, since the same contract would be another text on another system.
    """
    if len(content) > LARGEST:
        message = f"the file has {len(content):,} bytes, and a contract has at most {LARGEST:,}"
        raise _wrong(path, 0, message, "leave out what is not part of it: an example is one webhook, not a recording")
    for mark, (message, hint) in _MARKS.items():
        if content.startswith(mark):
            raise _wrong(path, 1, message, hint)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"this is not UTF-8: the byte 0x{content[error.start]:02x} is not valid here"
        raise _wrong(path, line, message, "save it as UTF-8") from error
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        hint = "save it with LF alone (in git: `* text=auto eol=lf` in .gitattributes)"
        raise _wrong(path, line, "the line ends in CR LF, or has a CR in it", hint)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        raise _wrong(path, 1, "the file is empty", "write the contract, or delete the file")
    return text


def not_contracts(root: Path) -> Finding | None:
    """Return what is wrong with a folder that does not hold contracts at all, before each file in it is found wrong."""
    if not root.is_dir():
        what = "this is a file" if root.exists() else "there is no such folder"
        return Finding("", 0, "folder", what, "name the folder of the contracts")
    # One of them alone may be anybody's, such as a folder `rules` of tests.
    if sum((root / each).is_dir() for each in _FOLDERS) > 1:
        return None
    # Nothing in the contracts is deeper than an example of a provider.
    above = (*(() if ".." in root.parts else root.parents[:3]), *root.resolve().parents[:3])
    near = next((each for each in (root / "contracts", *_around(above)) if (each / "meta").is_dir()), None)
    names = ", ".join(_FOLDERS)
    hint = f"did you mean --contracts {near}?" if near else f"name the folder that {names} are in"
    return Finding("", 0, "folder", f"the folder does not have {names}: these are not contracts", hint)


def _around(above: Iterable[Path]) -> Iterator[Path]:
    """Yield each of some folders, with the contracts that may be in it, from the nearest on."""
    for each in above:
        yield each
        yield each / "contracts"


def _wrong(path: str, line: int, message: str, hint: str) -> ContractError:
    return ContractError((Finding(path, line, "syntax", message, hint),))
