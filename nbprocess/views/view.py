"""Show a job in the form that the host can show: widget, static HTML, or text; and leave the last true state behind.

May import: ``nbprocess.state`` and this room; IPython and anywidget only when they are needed.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Literal, TextIO

from nbprocess.state import JobLike, JobState
from nbprocess.views import beside, html, refresh, text, words
from nbprocess.views.outputs import Outputs, outputs_text

if TYPE_CHECKING:
    from nbprocess.views.card import JobCard

Form = Literal["widget", "html", "text", "terminal"]
HTML_SECONDS = 1.0  # how often a view without a widget is replaced; each time the page builds it anew
SAVED_SECONDS = 30.0  # how old what a saved notebook shows of a running job may be; a new phase is shown at once
REPEAT_SECONDS = 1.5  # after the last change everything is sent once more


def show(job: JobLike, *, waiting: bool = False) -> View:
    """Show ``job`` under the cell that runs now (in a terminal: on stderr) and keep it up to date.

    Call it in the cell's own thread. ``waiting``: the cell will wait for the job, so an interrupt stops it; set
    ``view.waiting = False`` when it no longer does. The environment variable ``NBPROCESS_VIEW`` (``widget``, ``html``,
    ``text``) overrules the choice of the form. Never raises because of a front end: it takes a simpler form instead.
    """
    return View(job, host_form(), waiting=waiting)


def summary(job: JobLike) -> None:
    """Leave the static form of a job that is over already, without any widget."""
    state = job.state()
    if not in_kernel():
        print(text.summary(state), file=sys.stderr, flush=True)
        return
    from IPython.display import display

    log = job.log(max(0, state.log_lines - html.TAIL_LINES), state.log_lines)
    bundle = {"text/plain": text.summary(state), "text/html": html.card(state, time.time(), log)}
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def host_form() -> Form:
    """The richest form that this process can show."""
    wanted = os.environ.get("NBPROCESS_VIEW", "").strip().lower()
    if not in_kernel():
        return "terminal"
    if wanted == "text":
        return "text"
    if wanted == "html" or importlib.util.find_spec("anywidget") is None:
        return "html"
    return "widget"


def attended() -> bool:
    """Whether somebody looks at what the running cell shows, as far as one can tell.

    nbclient (and with it nbconvert and papermill) executes with ``allow_stdin`` off, since nobody could answer.
    ``NBPROCESS_VIEW=widget`` says that somebody looks all the same.
    """
    if os.environ.get("NBPROCESS_VIEW", "").strip().lower() == "widget":
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    request = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    return bool(request.get("content", {}).get("allow_stdin", True))


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel (front ends and nbconvert both speak through one)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class View:
    """One job on one place of the screen. Made by ``show``; ``finish`` when the job ended and its results are in."""

    def __init__(self, job: JobLike, form: Form, *, waiting: bool = False, stream: TextIO | None = None) -> None:
        self.job = job
        self.form: Form = form
        self.card: JobCard | None = None
        self.context = copy_context()
        self._waiting = waiting
        self._stream = stream
        self._handle: Any = None
        self._saved: Any = None  # of the HTML beside the widget
        self._saved_mark, self._saved_at = "", 0.0
        self._saving = threading.Lock()
        self._shown = ""
        self._finished = False
        self._repeated = False
        self._unsubscribe: Callable[[], None] | None = None
        self._open()
        self._unsubscribe = job.subscribe(self._changed)
        refresh.request(self)

    @property
    def waiting(self) -> bool:
        """Whether the cell waits for the job: then the page may interrupt the kernel when Stop finds no other way."""
        return self._waiting

    @waiting.setter
    def waiting(self, value: bool) -> None:
        self._waiting = value
        if self.card is not None:
            self.card.waiting = value

    def _open(self) -> None:
        state, now = self.job.state(), time.time()
        if self.form == "terminal":
            self._print(state, now)
            return
        from IPython.display import DisplayHandle

        bundle: dict[str, Any] = dict(self._static(state, now))
        metadata: dict[str, Any] = {}
        if self.form == "widget":
            try:
                from nbprocess.views.card import JobCard

                self.card = JobCard(self.job, waiting=self._waiting)
                self.card.wanted = self._changed  # type: ignore[method-assign]
                represented: Any = self.card._repr_mimebundle_()
                data, metadata = represented if isinstance(represented, tuple) else (represented, {})
                if beside.pages_have_siblings():
                    self._saved = DisplayHandle()  # type: ignore[no-untyped-call]
                    self._saved.display({**bundle, "text/html": beside.saved(bundle["text/html"])}, raw=True)
                    self._saved_mark, self._saved_at = words.status_word(state), time.monotonic()
                    bundle = {"text/plain": ""}
                bundle = {**data, **bundle}
            except Exception as error:  # a broken or too old widget stack: the static form says the same
                self.form = "html"
                if self.card is not None:
                    self.card.close()
                    self.card = None
                print(
                    f"nbprocess: no job widget here ({type(error).__name__}: {error}); plain HTML instead.",
                    file=sys.stderr,
                )
        self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
        self._handle.display(bundle, raw=True, metadata=metadata)

    def _static(self, state: JobState, now: float, outputs: Outputs = (), *, last: bool = False) -> dict[str, str]:
        bundle = {"text/plain": text.summary(state, now) + outputs_text(outputs)}
        if self.form != "text":
            total = state.log_lines
            log = self.job.log(max(0, total - html.TAIL_LINES), total) if last or self.form == "html" else ()
            bundle["text/html"] = html.card(state, now, log, outputs)
        return bundle

    def _changed(self) -> None:
        """The job said that it changed, or the page asked for more. Any thread."""
        self._repeated = False
        refresh.request(self)

    def refresh(self) -> float | None:
        """One step of the refreshing thread."""
        if self.card is not None:
            self._save()
            if self.card.pull():
                return 0.0
            if not self._repeated:
                if self._quiet():
                    self._repeated = True
                    self.card.repeat()
                    return None
                return REPEAT_SECONDS
            return None
        if self._handle is not None and not self._finished:
            self._update_static()
            return None if self.job.state().terminal else HTML_SECONDS
        return None

    def _quiet(self) -> bool:
        """Whether the job's log has stopped growing since the last step."""
        state = self.job.state()
        mark = f"{state.log_lines}/{state.phase}/{state.status}"
        quiet, self._shown = mark == self._shown, mark
        return quiet

    def _save(self) -> None:
        """Keep what a notebook without its kernel shows of the job near the truth."""
        word, now = words.status_word(self.job.state()), time.monotonic()
        if self._saved is None or (word == self._saved_mark and now - self._saved_at < SAVED_SECONDS):
            return
        with self._saving:
            if not self._finished:
                self._saved_mark, self._saved_at = word, now
                self._update_static()

    def _update_static(self, outputs: Outputs = (), *, last: bool = False) -> None:
        static = self._static(self.job.state(), time.time(), outputs, last=last)
        if self._saved is None:
            self._handle.update(static, raw=True)
        elif last:
            self._saved.update(static, raw=True)
            self._handle.update({"text/plain": "", "text/html": beside.GONE}, raw=True)
        else:
            self._saved.update({**static, "text/html": beside.saved(static["text/html"])}, raw=True)

    def tick(self) -> None:
        """To be called now and then by the thread that waits: a terminal gets its next line, widgets their messages."""
        if self.form == "terminal":
            self._print(self.job.state(), time.time())
        elif self.card is not None:
            from nbprocess.views.pump import pump

            shell = sys.modules["IPython"].get_ipython()
            pump(getattr(shell, "kernel", None))

    def _print(self, state: JobState, now: float) -> None:
        mark = f"{words.status_word(state)}"
        if mark == self._shown:
            return
        self._shown = mark
        stream = self._stream or sys.stderr
        print(text.line(state, now), file=stream, flush=True)

    def finish(self, outputs: Outputs = ()) -> None:
        """The job has ended: bring all up to date and put the static form in the place of the widget. Any thread.

        ``outputs`` are the cell's prints and displays (``Job.events()``) for a job whose cell is no longer running:
        they cannot be replayed as outputs of that cell, so they become part of the static form under it.

        The widget itself lives on behind it: a page that was reloaded meanwhile still shows it (it no longer knows
        where the static form belongs), with its final state and its log.
        """
        with self._saving:
            if self._finished:
                return
            self._finished = True
        self.waiting = False
        if self.form == "terminal":
            print(text.summary(self.job.state()), file=self._stream or sys.stderr, flush=True)
        elif self.card is not None:
            # A copy of the context, since the refreshing thread may be inside it.
            self.context.copy().run(self._finish_card, self.card)
        if self._handle is not None:
            # In an empty context, so that the message belongs to the cell that runs now: front ends route it by its
            # display id anyway, and nbclient drops what belongs to a cell that is over.
            Context().run(self._update_static, outputs, last=True)

    def _finish_card(self, card: JobCard) -> None:
        while card.pull():
            pass
        card.repeat()
        self._repeated = True

    def close(self) -> None:
        """Stop following the job and take the widget away. The static form, if it is there, stays."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        refresh.forget(self)
        if self.card is not None:
            if not self._finished and self._handle is not None:
                self._update_static(last=True)
            self.card.close()
            self.card = None
