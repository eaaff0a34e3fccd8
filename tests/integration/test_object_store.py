"""The object store of the stack, whichever it is: `make integration OBJECT_STORE=minio` runs the same on the other."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from kit.lake import load_catalog
from kit.settings import LakeSettings
from pyarrow.fs import FileSelector, FileType, S3FileSystem
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitStateUnknownException, RESTError
from pyiceberg.table import Table
from requests import RequestException
from trino.dbapi import connect

from tests.supervised import listeners, pid_of

pytestmark = [pytest.mark.integration, pytest.mark.alone]

BUCKET = "lakehouse"
# As the kernel writes 127.0.0.1 and ::1, where MinIO listens, too.
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
CLIENTS = 4
KILLS = 3
SECONDS_BETWEEN_KILLS = 2.0
PATIENCE_SECONDS = 120.0
FORBIDDEN = 403


@pytest.fixture(scope="module")
def files(stack: Mapping[str, str]) -> S3FileSystem:
    return filesystem(stack, stack["S3_SECRET_ACCESS_KEY"])


def filesystem(stack: Mapping[str, str], secret: str) -> S3FileSystem:
    return S3FileSystem(
        access_key=stack["S3_ACCESS_KEY_ID"],
        secret_key=secret,
        endpoint_override=stack["S3_ENDPOINT"],
        region=stack["S3_REGION"],
        allow_delayed_open=True,
        request_timeout=20,
        connect_timeout=5,
    )


@pytest.fixture
def folder(files: S3FileSystem) -> Iterator[str]:
    path = f"{BUCKET}/object-store-tests/{uuid.uuid4().hex}"
    yield path
    files.delete_dir(path)


@pytest.fixture(scope="module")
def catalog(stack: Mapping[str, str]) -> Catalog:
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in stack.items()}))
    catalog.create_namespace_if_not_exists("object_store_tests")
    return catalog


@pytest.fixture
def table(catalog: Catalog) -> Iterator[Table]:
    identifier = ("object_store_tests", f"t_{uuid.uuid4().hex}")
    yield catalog.create_table(identifier, pa.schema([("number", pa.int64())]))
    catalog.drop_table(identifier)


def write(files: S3FileSystem, path: str, body: bytes) -> None:
    with files.open_output_stream(path) as stream:
        stream.write(body)


def read(files: S3FileSystem, path: str) -> bytes:
    with files.open_input_file(path) as file:
        return bytes(file.read())


def in_parallel(work: Callable[[int], object], count: int) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(count)))


def kill(stack: Mapping[str, str]) -> None:
    os.kill(pid_of("object-store", Path(stack["PAYMENTS_STATE_DIR"])), signal.SIGKILL)


def wait_until_it_answers(files: S3FileSystem, path: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            write(files, path, b"here")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "object"), ("PUT", "object"), ("DELETE", "object"), ("GET", "?list-type=2")]
)
def test_refuses_whoever_does_not_sign(
    stack: Mapping[str, str], files: S3FileSystem, folder: str, method: str, path: str
) -> None:
    write(files, f"{folder}/object", b"secret")
    place = f"{folder}/{path}" if path == "object" else f"{BUCKET}{path}"
    assert httpx.request(method, f"{stack['S3_ENDPOINT']}/{place}").status_code == FORBIDDEN
    assert read(files, f"{folder}/object") == b"secret"


def test_refuses_whoever_signs_with_another_secret(stack: Mapping[str, str]) -> None:
    with pytest.raises(OSError, match=r"SIGNATURE_DOES_NOT_MATCH|ACCESS_DENIED"):
        write(filesystem(stack, "of somebody else"), f"{BUCKET}/forged", b"forged")


def test_a_bucket_whose_name_is_misspelt_is_not_made(files: S3FileSystem) -> None:
    with pytest.raises(OSError, match="NO_SUCH_BUCKET"):
        write(files, "lakehose/object", b"lost")


def test_listens_on_loopback_only(stack: Mapping[str, str]) -> None:
    found = listeners(pid_of("object-store", Path(stack["PAYMENTS_STATE_DIR"])))
    assert found
    assert found <= LOOPBACK


def test_gives_any_part_of_a_large_object(files: S3FileSystem, folder: str) -> None:
    body = os.urandom(40 * 1024 * 1024)
    write(files, f"{folder}/large", body)
    with files.open_input_file(f"{folder}/large") as file:
        for start in (0, 4 * 1024 * 1024 - 7, 10 * 1024 * 1024 - 7, len(body) - 15):
            assert file.read_at(15, start) == body[start : start + 15]
    assert read(files, f"{folder}/large") == body


def test_lists_and_deletes_thousands_of_objects(files: S3FileSystem, folder: str) -> None:
    in_parallel(lambda number: write(files, f"{folder}/day={number % 7}/{number:05}", b"x"), 2500)
    found = [info.path for info in files.get_file_info(FileSelector(folder, recursive=True)) if info.is_file]
    assert sorted(found) == sorted(f"{folder}/day={number % 7}/{number:05}" for number in range(2500))
    days = [info for info in files.get_file_info(FileSelector(folder)) if info.type is FileType.Directory]
    assert len(days) == 7
    files.delete_dir_contents(folder)
    left = files.get_file_info(FileSelector(folder, recursive=True, allow_not_found=True))
    assert [info.path for info in left if info.is_file] == []


def test_what_it_answered_for_outlives_a_kill(stack: Mapping[str, str], files: S3FileSystem, folder: str) -> None:
    answered: dict[str, bytes] = {}
    over = threading.Event()

    def write_on(client: int) -> None:
        number = 0
        while not over.is_set():
            path, body = f"{folder}/{client}/{number}", os.urandom(5000 + 100 * (number % 50))
            try:
                write(files, path, body)
            except OSError:
                time.sleep(0.1)
            else:
                answered[path] = body
            number += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        writers = [pool.submit(write_on, client) for client in range(CLIENTS)]
        try:
            for _ in range(KILLS):
                before = len(answered)
                time.sleep(SECONDS_BETWEEN_KILLS)
                kill(stack)
                wait_until_it_answers(files, f"{folder}/sign of life")
                assert len(answered) > before
        finally:
            over.set()
        for writer in writers:
            writer.result()
    lost = [path for path, body in answered.items() if read(files, path) != body]
    assert lost == []


def test_a_commit_that_was_answered_outlives_a_kill(
    stack: Mapping[str, str], files: S3FileSystem, table: Table, folder: str
) -> None:
    committed: set[int] = set()
    doubtful: set[int] = set()
    for number in range(24):
        killer = threading.Timer(0.02 * (number % 8), kill, (stack,))
        if number % 4 == 3:
            killer.start()
        try:
            table.append(pa.table({"number": [number]}))
        except (OSError, RESTError, RequestException, CommitStateUnknownException):
            doubtful.add(number)
        else:
            committed.add(number)
        finally:
            killer.cancel()
            if killer.ident is not None:
                killer.join()
                wait_until_it_answers(files, f"{folder}/sign of life")
                table.refresh()
    rows: list[int] = table.refresh().scan().to_arrow()["number"].to_pylist()
    assert sorted(rows) == sorted(set(rows))
    assert committed <= set(rows) <= committed | doubtful


def test_maintenance_by_trino_leaves_every_row(stack: Mapping[str, str], table: Table, files: S3FileSystem) -> None:
    for number in range(20):
        table.append(pa.table({"number": [number]}))
    name = f"lake.{'.'.join(table.name())}"
    location = table.location().removeprefix("s3://")
    write(files, f"{location}/data/orphan.parquet", b"nobody's")
    connection = connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=stack["TRINO_HOST"], port=int(stack["TRINO_PORT"]), user=stack["TRINO_USER"]
    )
    with connection:
        cursor = connection.cursor()
        for procedure in (
            "optimize",
            "optimize_manifests",
            "expire_snapshots(retention_threshold => '0s')",
            "remove_orphan_files(retention_threshold => '0s')",
        ):
            cursor.execute(f"ALTER TABLE {name} EXECUTE {procedure}").fetchall()
        cursor.execute(f"SELECT count(*), sum(number) FROM {name}")  # noqa: S608  # the name is ours
        assert cursor.fetchall() == [[20, 190]]
    left = [info.path for info in files.get_file_info(FileSelector(f"{location}/data", recursive=True)) if info.is_file]
    assert len(left) == 1
    assert sorted(table.refresh().scan().to_arrow()["number"].to_pylist()) == list(range(20))
