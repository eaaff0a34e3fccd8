"""How keys are fetched: from the address that is given and nowhere else, never much, never for long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from gateway import fetching
from gateway.fetching import Allowance, Document, Fetcher, fresh_seconds
from kit.errors import Transient

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[Fetcher, list[bytes]]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            await answer(writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield Fetcher(f"http://127.0.0.1:{port}/"), asked


def written(head: str, body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def test_the_stand_in_is_asked_for_the_path_alone() -> None:
    async with server(written("200 OK\r\nCache-Control: max-age=60", b"keys")) as (fetch, asked):
        assert await fetch("https://keys.example/a/b?c=d") == Document(b"keys", 60)
    assert asked[0].startswith(b"GET /a/b HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "head",
    ["301 Moved\r\nLocation: http://127.0.0.1:1/", "404 Not Found", "500 No", "200 OK\r\nContent-Encoding: gzip"],
)
async def test_any_other_answer_is_none(head: str) -> None:
    async with server(written(head, b"x")) as (fetch, asked):
        with pytest.raises(Transient):
            await fetch("https://keys.example/a")
    assert len(asked) == 1


async def test_a_huge_answer_is_not_read_to_its_end() -> None:
    sent = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 50_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with server(answer) as (fetch, _):
        with pytest.raises(Transient, match="more than 65536 bytes"):
            await fetch("https://keys.example/a")
    assert sent < 50_000_000


async def test_a_server_that_sends_a_byte_now_and_then_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_TIMEOUT_SECONDS", 0.2)
    left = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        finally:
            left.set()

    async with server(answer) as (fetch, _):
        with pytest.raises(Transient, match="TimeoutError"):
            await fetch("https://keys.example/a")
        await asyncio.wait_for(left.wait(), 5)


async def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(Transient, match=r"keys\.example does not answer"):
        await Fetcher("http://127.0.0.1:1")("https://keys.example/a")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "public, max-age=3600"}, 3600),
        ({"cache-control": "max-age=3600", "age": "600"}, 3000),
        ({"cache-control": "max-age=60", "age": "600"}, 0),
        ({"cache-control": "max-age=-5"}, None),
        ({"cache-control": "s-maxage=7"}, None),
        ({"cache-control": "no-store, max-age=60"}, 0),
        ({"cache-control": "no-cache"}, 0),
        ({"expires": "Fri, 01 May 2026 12:10:00 GMT", "date": "Fri, 01 May 2026 12:00:00 GMT"}, 600),
        ({"expires": "0", "date": "Fri, 01 May 2026 12:00:00 GMT"}, None),
        ({"cache-control": "max-age=" + "9" * 500}, None),
    ],
)
def test_how_long_an_answer_stays_fresh(headers: dict[str, str], seconds: float | None) -> None:
    assert fresh_seconds(httpx.Headers(headers)) == seconds


def test_an_allowance_is_back_once_its_time_is_over() -> None:
    now = 0.0
    allowance = Allowance(2, 60, lambda: now)
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now = 60.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]
