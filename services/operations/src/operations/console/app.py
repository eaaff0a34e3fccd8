"""The console's pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from kit.clock import Clock
from kit.http import operational_routes
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from operations.console.access import COOKIE, HEADERS, LASTS, Session, Sessions, read_form, require
from operations.console.board import Board
from operations.console.pages import Pages
from operations.console.quarantine import PAGE, USUAL, WINDOWS, Choice, by_reason
from operations.console.runs import BusyError, Runs, Work, command
from operations.recovery.standing import STATES
from operations.trace.hops import follow
from operations.trace.ids import checked

STATIC: Final = Path(__file__).with_name("static")
_LONGEST_ID: Final = 200
_LONGEST_NOTE: Final = 500
_SEE_OTHER: Final = HTTPStatus.SEE_OTHER

Form = Annotated[dict[str, str], Depends(read_form)]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work with."""

    board: Board
    runs: Runs
    sessions: Sessions
    pages: Pages
    clock: Clock


def build_app(desk: Desk, hosts: list[str], registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """Make the application.

    Args:
        desk: What the pages work with.
        hosts: Names in the Host header that are answered: a page of another site could name any of its own.
        registry: Where metrics are shown from.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.runs.close()

    app = FastAPI(title="Payments console", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(operational_routes({}, registry, ready="Whether pages can be shown"))
    _protect(app, hosts)
    _show_errors(app, desk)
    _add_pages(app, desk)
    _add_session(app, desk)
    _add_actions(app, desk)
    return app


def _protect(app: FastAPI, hosts: list[str]) -> None:
    @app.middleware("http")
    async def add_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)


def _show_errors(app: FastAPI, desk: Desk) -> None:
    @app.exception_handler(StarletteHTTPException)
    async def show(request: Request, error: StarletteHTTPException) -> HTMLResponse:
        return _page(desk, request, "problem.html", status=error.status_code, said=str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> HTMLResponse:
        wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
        return _page(desk, request, "problem.html", status=HTTPStatus.UNPROCESSABLE_ENTITY, said=wrong)


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.get("/")
    def overview(request: Request, window: str = USUAL) -> HTMLResponse:
        choice = _choice(window=window)
        found = desk.board.overview(choice.window)
        quarantined = found.quarantine.value
        reasons = [] if quarantined is None else by_reason(quarantined.standings)
        return _page(desk, request, "overview.html", found=found, choice=choice, windows=WINDOWS, reasons=reasons)

    @app.get("/quarantine")
    def quarantine(
        request: Request,
        *,
        window: str = USUAL,
        state: str = "open",
        reason: str = "",
        provider: str = "",
        page: int = 1,
    ) -> HTMLResponse:
        choice = _choice(window=window, state=state, reason=reason, provider=provider)
        answer = desk.board.quarantine(choice.window)
        held = [] if answer.value is None else answer.value.standings
        found = choice.of(held)
        last = max(1, -(-len(found) // PAGE))
        here = min(max(1, page), last)
        return _page(
            desk,
            request,
            "quarantine.html",
            answer=answer,
            choice=choice,
            found=found[(here - 1) * PAGE : here * PAGE],
            total=len(found),
            here=here,
            last=last,
            windows=WINDOWS,
            states=STATES,
            reasons=sorted({code for each in held for code in each.failure.reason_codes}),
            providers=sorted({each.failure.provider for each in held}),
            command=command(choice, desk.clock()),
        )

    @app.get("/events")
    def search(wanted: str = "") -> RedirectResponse:
        if not wanted.strip():
            return RedirectResponse("/", _SEE_OTHER)
        return RedirectResponse("/event?" + urlencode({"wanted": wanted.strip()}), _SEE_OTHER)

    @app.get("/event")
    def event(request: Request, wanted: str) -> HTMLResponse:
        if not 0 < len(wanted) <= _LONGEST_ID:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"An id has at most {_LONGEST_ID} characters.")
        try:
            wanted = checked(wanted)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"Not looked for: {error}.") from error
        answer = desk.board.trace(wanted)
        look = answer.value
        traces = [] if look is None else [follow(facts, desk.clock()) for facts in look.found]
        status = HTTPStatus.OK if look is None or traces or look.away else HTTPStatus.NOT_FOUND
        return _page(desk, request, "event.html", status=status, wanted=wanted, answer=answer, traces=traces)

    @app.get("/runs")
    def runs(request: Request) -> HTMLResponse:
        return _page(desk, request, "runs.html", runs=desk.runs.newest())

    @app.get("/runs/{run_id}")
    def run(request: Request, run_id: str) -> HTMLResponse:
        return _page(desk, request, "run.html", work=_work(desk, run_id))


def _add_session(app: FastAPI, desk: Desk) -> None:
    @app.get("/sign-in")
    def ask(request: Request, back: str = "/") -> HTMLResponse:
        return _page(desk, request, "sign_in.html", back=_local(back), is_wrong=False)

    @app.post("/sign-in")
    def sign_in(request: Request, form: Form) -> Response:
        back = _local(form.get("back", "/"))
        session = desk.sessions.begin(form.get("token", ""))
        if session is None:
            return _page(desk, request, "sign_in.html", status=HTTPStatus.FORBIDDEN, back=back, is_wrong=True)
        response = RedirectResponse(back, _SEE_OTHER)
        response.set_cookie(
            COOKIE,
            session.id,
            max_age=int(LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @app.post("/sign-out")
    def sign_out(request: Request, form: Form) -> RedirectResponse:
        session = require(_session(desk, request), form)
        desk.sessions.end(session.id)
        response = RedirectResponse("/", _SEE_OTHER)
        response.delete_cookie(COOKIE)
        return response


def _add_actions(app: FastAPI, desk: Desk) -> None:
    @app.post("/quarantine/try")
    def attempt(request: Request, form: Form) -> RedirectResponse:
        require(_session(desk, request), form)
        named = {name: form.get(name, "") for name in ("window", "state", "reason", "provider", "event")}
        return _started(lambda: desk.runs.attempt(_choice(**named)))

    @app.post("/runs/{run_id}/redrive")
    def redrive(request: Request, form: Form, run_id: str) -> RedirectResponse:
        require(_session(desk, request), form)
        trial = _work(desk, run_id)
        who, why = form.get("who", "").strip(), form.get("why", "").strip()
        if not (who and why) or max(len(who), len(why)) > _LONGEST_NOTE:
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"Say who you are and why, each in at most {_LONGEST_NOTE} characters: both are kept on record. "
                "Nothing was sent.",
            )
        if not trial.passing:
            raise HTTPException(HTTPStatus.CONFLICT, "Nothing of this trial would pass: nothing was sent.")
        return _started(lambda: desk.runs.redrive(trial, who, why))


def _started(begin: Callable[[], Work]) -> RedirectResponse:
    try:
        work = begin()
    except BusyError as error:
        raise HTTPException(HTTPStatus.CONFLICT, f"Not started: {error}.") from error
    return RedirectResponse(f"/runs/{work.id}", _SEE_OTHER)


def _work(desk: Desk, run_id: str) -> Work:
    work = desk.runs.get(run_id)
    if work is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND,
            "This console does not remember such a run. What a redrive did is on record with each event.",
        )
    return work


def _choice(**named: str) -> Choice:
    try:
        return Choice(**{name: value for name, value in named.items() if value})
    except ValueError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}.") from error


def _local(path: str) -> str:
    """Return a path of ours, and the first page in place of anything else."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


def _session(desk: Desk, request: Request) -> Session | None:
    return desk.sessions.find(request.cookies.get(COOKIE))


def _page(desk: Desk, request: Request, template: str, *, status: int = HTTPStatus.OK, **shown: Any) -> HTMLResponse:
    query = f"?{request.url.query}" if request.url.query else ""
    known: Mapping[str, Any] = {
        "now": desk.clock(),
        "session": _session(desk, request),
        "is_open": desk.sessions.is_open,
        "here_is": request.url.path + query,
        "path": request.url.path,
        "status": int(status),
    }
    return HTMLResponse(desk.pages.render(template, {**known, **shown}), status)
