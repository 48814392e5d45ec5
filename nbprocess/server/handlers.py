"""HTTP to ``Board`` and back: authentication, authorisation, limits, errors as JSON. Blocking calls run in threads.

May import: jupyter_server, tornado, ``board``, ``errors``, ``views.lines``.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import BackendError, JobNotFound, NbprocessError, OptionError
from ..views.lines import Selection
from .board import Board
from .files import NoSuchFile, OutsideOutput

NAME = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9]){0,62}")  # botocore: ProcessingJobName

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (JobNotFound, 404),
    (NoSuchFile, 404),
    (OutsideOutput, 403),
    (OptionError, 400),
    (BackendError, 409),
    (NbprocessError, 502),
)


class Refused(Exception):
    """The request itself is at fault; ``status`` is its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Handler(APIHandler):
    """Base of all routes. XSRF and token checks are Jupyter's own."""

    auth_resource = "nbprocess"

    @property
    def board(self) -> Board:
        """The answers."""
        board: Board = self.settings["nbprocess_board"]
        return board

    async def answer(self, call: Callable[..., Any], *arguments: Any, status: int = 200) -> None:
        """Run a blocking call in a thread and answer with its value as JSON."""
        try:
            value = await self.threaded(call, *arguments)
        except NbprocessError as error:
            self.refuse(_status(error), type(error).__name__, str(error))
            return
        self.set_status(204 if value is None else status)
        self.finish(None if value is None else json.dumps(value, default=str))

    async def threaded(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The value of a blocking call; the server's loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.settings["nbprocess_threads"], functools.partial(call, *arguments))

    def refuse(self, status: int, error: str, reason: str) -> None:
        """Answer with an error."""
        self.set_status(status)
        self.finish(json.dumps({"error": error, "reason": reason}))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors that were raised, in the same shape as all others."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refused):
            status_code, reason = error.status, str(error)
        elif isinstance(error, web.HTTPError):
            reason = error.log_message or error.reason or self._reason
        else:  # the trace is in the server's log; what an exception says may hold paths and values
            reason = "The server extension nbprocess failed; the server's log has the details."
        self.set_status(status_code)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": type(error).__name__ if error else "Error", "reason": reason}))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A refused request is no fault of the server."""
        if not isinstance(value, Refused):
            super().log_exception(typ, value, tb)

    def whole(self, name: str, default: int | None, low: int = 0) -> Any:
        """A whole number from the query."""
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,18}", text) or int(text) < low:
            raise Refused(400, f"{name}={text}: give a whole number of at least {low}.")
        return int(text)


def _status(error: NbprocessError) -> int:
    return next(status for kind, status in _STATUS if isinstance(error, kind))


class JobsHandler(Handler):
    """``GET jobs?limit=…&fresh=1``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self.board.jobs, self.whole("limit", None), bool(self.whole("fresh", 0)))


class JobHandler(Handler):
    """``GET jobs/<name>``, ``DELETE jobs/<name>``"""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        await self.answer(self.board.job, name)

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        await self.answer(self.board.delete, name)


class LogHandler(Handler):
    """``GET jobs/<name>/log?cursor=0&limit=1000``"""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        await self.answer(self.board.log, name, self.whole("cursor", 0), self.whole("limit", None, 1))


class RowsHandler(Handler):
    """``GET jobs/<name>/log/rows?query=&level=0&host=&start=…&stop=…``: what the log pane shows of a search"""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        selection = Selection.from_page(
            {
                "query": self.get_query_argument("query", "", strip=False),
                "level": self.whole("level", 0),
                "host": self.get_query_argument("host", ""),
            }
        )
        await self.answer(self.board.rows, name, selection, self.whole("start", None), self.whole("stop", None))


class LineHandler(Handler):
    """``GET jobs/<name>/log/lines/<index>``: one line, or traceback, in full"""

    @web.authenticated
    @authorized
    async def get(self, name: str, index: str) -> None:
        await self.answer(self.board.line, name, int(index))


class TextHandler(Handler):
    """``GET jobs/<name>/log/file``: the whole log as text, sent while it is read"""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        try:
            parts = await self.threaded(self.board.text, name)
            part = await self.threaded(next, parts, None)
        except NbprocessError as error:
            self.refuse(_status(error), type(error).__name__, str(error))
            return
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}.log"')
        self.set_header("X-Content-Type-Options", "nosniff")
        try:
            while part is not None:
                self.write(part)
                await self.flush()
                part = await self.threaded(next, parts, None)
        except StreamClosedError:  # nobody waits for the rest
            return
        except Exception:
            self.log.exception("The log of job %s could not be read to its end", name)
            self.request.connection.stream.close()  # type: ignore[union-attr]  # or the part would pass for the whole
            return
        self.finish(set_content_type="text/plain; charset=utf-8")


class StopHandler(Handler):
    """``POST jobs/<name>/stop``"""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        await self.answer(self.board.stop, name, status=202)


class RerunHandler(Handler):
    """``POST jobs/<name>/rerun``: the same bundle under a new name"""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        await self.answer(self.board.rerun, name, status=201)


class FilesHandler(Handler):
    """``GET jobs/<name>/outputs/<output>``"""

    @web.authenticated
    @authorized
    async def get(self, name: str, output: str) -> None:
        await self.answer(self.board.files, name, output)


class ReadHandler(Handler):
    """``GET jobs/<name>/outputs/<output>/file?path=…&start=0&size=65536``: bytes, with Content-Range"""

    @web.authenticated
    @authorized
    async def get(self, name: str, output: str) -> None:
        path = self.get_query_argument("path", "", strip=False)
        start, size = self.whole("start", 0), self.whole("size", 65_536)
        try:
            data, total = await self.threaded(self.board.read, name, output, path, start, size)
        except NbprocessError as error:
            self.refuse(_status(error), type(error).__name__, str(error))
            return
        # Never rendered by the browser as a page of this server: a cell may have written HTML with scripts.
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header(
            "Content-Range", f"bytes {start}-{start + len(data) - 1}/{total}" if data else f"bytes */{total}"
        )
        self.finish(data, set_content_type="application/octet-stream")


class CatalogueHandler(Handler):
    """``GET catalogue?backend=…``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self.board.catalogue, self.get_query_argument("backend", ""))


class OptionsHandler(Handler):
    """``GET options``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self.board.options)


class NothingHere(Handler):
    """Every other path below the API."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.refuse(404, "NotFound", f"There is nothing at {self.request.path}. Job names look like {NAME.pattern}")

    post = put = patch = delete = get


def routes() -> list[tuple[str, type[Handler]]]:
    """Path patterns (the server puts its base URL before them) and their handlers."""
    base, name, output = r"/nbprocess/api", rf"/jobs/({NAME.pattern})", r"/outputs/([A-Za-z0-9_\-]{1,64})"
    return [
        (rf"{base}/jobs", JobsHandler),
        (rf"{base}{name}", JobHandler),
        (rf"{base}{name}/log", LogHandler),
        (rf"{base}{name}/log/rows", RowsHandler),
        (rf"{base}{name}/log/lines/(\d{{1,15}})", LineHandler),
        (rf"{base}{name}/log/file", TextHandler),
        (rf"{base}{name}/stop", StopHandler),
        (rf"{base}{name}/rerun", RerunHandler),
        (rf"{base}{name}{output}", FilesHandler),
        (rf"{base}{name}{output}/file", ReadHandler),
        (rf"{base}/catalogue", CatalogueHandler),
        (rf"{base}/options", OptionsHandler),
        (rf"{base}/.*", NothingHere),
    ]
