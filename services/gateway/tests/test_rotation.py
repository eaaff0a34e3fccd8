"""Secrets in a file, while it changes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from gateway.rotation import SecretsFile
from kit.errors import Fault
from structlog.testing import capture_logs

HIDDEN = "whsec_hidden"
OLD = {"id": "old", "secret": HIDDEN, "merchant_id": "m"}
NEW = {"id": "new", "secret": f"{HIDDEN}_too", "merchant_id": "m"}
WRONG = [
    b"",
    b"[]",
    b"{",
    b"\xff",
    HIDDEN.encode(),
    json.dumps(HIDDEN).encode(),
    json.dumps(OLD).encode(),
    json.dumps([HIDDEN]).encode(),
    json.dumps([[HIDDEN]]).encode(),
    json.dumps([OLD, OLD]).encode(),
    json.dumps([OLD | {"id": 7}]).encode(),
    json.dumps([OLD | {"secret": [HIDDEN]}]).encode(),
    json.dumps([OLD | {"x": HIDDEN}]).encode(),
    json.dumps([OLD | {"not_before": HIDDEN}]).encode(),
    json.dumps([OLD]).encode()[:-2],
    b"[" * 100_000,
]

Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Endpoint:
    """Uses what it is given, unless `trouble` is set."""

    def __init__(self) -> None:
        self.ids: list[list[str]] = []
        self.outcomes: list[str] = []
        self.trouble: Fault | None = None

    def use(self, secrets: Any) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.ids.append([secret.id for secret in secrets])


def text(*secrets: dict[str, str]) -> bytes:
    return json.dumps(secrets).encode()


def exchange(path: Path, content: bytes) -> None:
    """Change the file in one step, so that nobody sees half of it."""
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").replace(path)


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the old secret."""
    file = tmp_path / "secrets.json"
    exchange(file, text(OLD))
    return file


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """The same, as Kubernetes mounts it: the file is a link through a link to a directory that is exchanged."""
    (tmp_path / "..1").mkdir()
    exchange(tmp_path / "..1" / "secrets.json", text(OLD))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "secrets.json").symlink_to("..data/secrets.json")
    return tmp_path / "secrets.json"


@pytest.fixture
async def follow() -> AsyncIterator[Callable[[Path], Endpoint]]:
    """Follow files until the test ends."""
    following: list[asyncio.Task[None]] = []

    def begin(path: Path) -> Endpoint:
        file, endpoint = SecretsFile(path), Endpoint()
        file.read()
        following.append(asyncio.create_task(file.follow(endpoint.use, endpoint.outcomes.append, 0.01)))
        return endpoint

    yield begin
    for each in following:
        each.cancel()
    for each in following:
        with pytest.raises(asyncio.CancelledError):
            await each


def test_reads_what_the_file_holds(path: Path) -> None:
    [secret] = SecretsFile(path).read()
    assert (secret.id, secret.secret.get_secret_value(), secret.merchant_id) == ("old", HIDDEN, "m")


def test_reads_a_file_that_an_editor_began_with_a_byte_order_mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf\r\n" + text(OLD) + b"\r\n")
    [secret] = SecretsFile(path).read()
    assert secret.key == HIDDEN


def test_tells_where_it_has_cut_off_what_cannot_be_seen_and_shows_nothing_of_it(path: Path) -> None:
    path.write_bytes(text(OLD | {"secret": f"{HIDDEN}\n"}, NEW))
    with capture_logs() as lines:
        assert [secret.key for secret in SecretsFile(path).read()] == [HIDDEN, f"{HIDDEN}_too"]
    [line] = lines
    assert (line["log_level"], line["ids"]) == ("warning", ["old"])
    assert HIDDEN not in str(line)


@pytest.mark.parametrize("content", WRONG)
def test_refuses_what_is_wrong_without_showing_it(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Fault, match="are wrong") as caught:
        SecretsFile(path).read()
    assert str(path) in str(caught.value)
    # Neither in the message nor in what a traceback would tell.
    assert HIDDEN not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_says_where_the_file_is_wrong(path: Path) -> None:
    exchange(path, text(OLD, {"id": "new", "secret": HIDDEN}))
    with pytest.raises(Fault, match=r"wrong at 1\.merchant_id: Field required\."):
        SecretsFile(path).read()


def test_says_that_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"none\.json cannot be read: No such file"):
        SecretsFile(tmp_path / "none.json").read()


def test_says_that_there_is_a_directory(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be read: Is a directory"):
        SecretsFile(tmp_path).read()


async def test_hands_over_what_has_changed(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    exchange(path, text(OLD, NEW))
    await until(lambda: bool(endpoint.outcomes))
    exchange(path, text(NEW))
    await until(lambda: len(endpoint.outcomes) > 1)
    assert (endpoint.ids, endpoint.outcomes) == ([["old", "new"], ["new"]], ["taken", "taken"])


async def test_hands_over_what_a_link_was_exchanged_for(mounted: Path, follow: Any, until: Until) -> None:
    endpoint = follow(mounted)
    folder = mounted.parent
    (folder / "..2").mkdir()
    exchange(folder / "..2" / "secrets.json", text(NEW))
    (folder / "..data_tmp").symlink_to("..2")
    os.replace(folder / "..data_tmp", folder / "..data")  # noqa: PTH105  # as Kubernetes does it
    await until(lambda: bool(endpoint.outcomes))
    assert (endpoint.ids, endpoint.outcomes) == ([["new"]], ["taken"])


async def test_hands_over_what_a_file_was_replaced_by(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    exchange(path, text(NEW))
    await until(lambda: bool(endpoint.outcomes))
    assert (endpoint.ids, endpoint.outcomes) == ([["new"]], ["taken"])


async def test_leaves_alone_what_was_written_again_as_it_was(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    for _ in range(10):
        exchange(path, text(OLD))
        await asyncio.sleep(0.01)
    exchange(path, text(NEW))
    await until(lambda: bool(endpoint.outcomes))
    assert (endpoint.ids, endpoint.outcomes) == ([["new"]], ["taken"])


@pytest.mark.parametrize("content", WRONG)
async def test_refuses_a_change_that_is_wrong_once(path: Path, follow: Any, until: Until, content: bytes) -> None:
    endpoint = follow(path)
    with capture_logs() as lines:
        exchange(path, content)
        await until(lambda: bool(endpoint.outcomes))
        # Looked at again and again, it is told once.
        await asyncio.sleep(0.1)
    assert (endpoint.ids, endpoint.outcomes) == ([], ["refused"])
    assert [line["log_level"] for line in lines] == ["error"]
    assert HIDDEN not in repr(lines)


async def test_refuses_once_that_the_file_is_there_no_more(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    with capture_logs() as lines:
        remove(path)
        await until(lambda: bool(endpoint.outcomes))
        await asyncio.sleep(0.1)
    assert (endpoint.ids, endpoint.outcomes, len(lines)) == ([], ["refused"], 1)


async def test_takes_a_good_change_after_a_bad_one(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    remove(path)
    await until(lambda: endpoint.outcomes == ["refused"])
    exchange(path, text(NEW))
    await until(lambda: len(endpoint.outcomes) > 1)
    assert (endpoint.ids, endpoint.outcomes) == ([["new"]], ["refused", "taken"])


async def test_refuses_what_the_endpoint_cannot_use(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    endpoint.trouble = Fault("The secret 'new' of this endpoint is not base64.")
    with capture_logs() as lines:
        exchange(path, text(NEW))
        await until(lambda: bool(endpoint.outcomes))
    assert (endpoint.outcomes, lines[0]["detail"]) == (["refused"], str(endpoint.trouble))


async def test_tells_by_their_ids_which_secrets_were_taken(path: Path, follow: Any, until: Until) -> None:
    endpoint = follow(path)
    with capture_logs() as lines:
        exchange(path, text(OLD, NEW))
        await until(lambda: bool(endpoint.outcomes))
        await until(lambda: bool(lines))
    assert [line["ids"] for line in lines] == [["old", "new"]]
    assert HIDDEN not in repr(lines)
