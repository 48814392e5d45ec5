"""The comparison itself: three kernels, cell by cell. May import: this folder, the standard library."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from . import cells as put
from . import compare
from .compare import Difference, Rules
from .kernel import KernelFailed, Ran, Side

Verdict = Literal["identical", "differs", "refused", "not runnable", "home"]
NOT_RUNNABLE = {
    *("ModuleNotFoundError", "ImportError", "FileNotFoundError", "URLError", "HTTPError", "ConnectionError"),
    *("ConnectionRefusedError", "gaierror", "StdinNotImplementedError", "NameError", "ConnectTimeout", "SSLError"),
    *("MaxRetryError", "RemoteDisconnected"),
}
"""Errors in place that say that this machine lacks something, not that the cell shows an error."""
_JOB_SECONDS = 120
"""What an offloaded cell may take longer than one in place."""


@dataclass(frozen=True)
class CellResult:
    """What became of one cell."""

    number: int
    source: str
    verdict: Verdict
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    seconds: tuple[float, float] = (0.0, 0.0)
    """In place and offloaded."""

    @property
    def silent(self) -> tuple[Difference, ...]:
        """Wrong values of which nothing was said."""
        return tuple(d for d in self.differences if not d.said)


@dataclass
class Report:
    """All cells of one notebook."""

    notebook: str
    python: str | None = None
    cells: list[CellResult] = field(default_factory=list)
    broken: str = ""
    """Why the comparison ended early; empty when it went through."""

    def count(self, verdict: Verdict) -> int:
        """How many cells have this verdict."""
        return sum(1 for cell in self.cells if cell.verdict == verdict)

    @property
    def runnable(self) -> int:
        """Cells that run in place and are not refused."""
        return self.count("identical") + self.count("differs")


class _Thread:
    """A kernel driven by a thread of its own: its sockets belong to it."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._pool = ThreadPoolExecutor(1)

    def do(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._pool.submit(work, *arguments)

    def close(self) -> None:
        self._pool.submit(self.side.close).result()
        self._pool.shutdown()


class Comparison:
    """Runs cells in two kernels in place and in a third one offloaded.

    Args:
        folder: of the notebook; each kernel gets a copy as its current directory. None: empty folders.
        python: interpreter of the worker; None: the kernel's own.
        timeout: seconds per cell in place.
        environment: further variables of all kernels.
        beside: what they need from above the folder (``../data/x.csv``; see ``cells.above``).
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        python: str | None = None,
        timeout: float = 120.0,
        environment: dict[str, str] | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        self._python = python
        self._scratch = Path(tempfile.mkdtemp(prefix="nbf"))

        def side(name: str, seed: int, seconds: float) -> _Thread:
            more: dict[str, Any] = {"timeout": seconds, "environment": environment, "beside": beside}
            return _Thread(Side(name, folder, self._scratch, hash_seed=seed, **more))

        self._first = side("in-place", 1, timeout)
        self._twin = side("twin", 2, timeout)
        self._other = side("offloading", 3, timeout + _JOB_SECONDS)
        self._all = (self._first, self._twin, self._other)
        self._number = 0
        self._generators = ""
        self._chance: set[str] = set()
        """Names whose values differ between the two kernels in place."""
        self._before: dict[str, str] = {}
        """The state of the first kernel before the cell."""
        self._apart: dict[str, tuple[str | None, str | None]] = {}
        """What differs though all three ran all cells in place (a time of day as text): paths and values."""

    def __enter__(self) -> Comparison:
        for started in [thread.do(thread.side.start) for thread in self._all]:
            started.result()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._all:
            thread.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # -- one cell ----------------------------------------------------------------------------------------------------

    def cell(self, source: str, *, offload: bool = True) -> CellResult:
        """Run one cell both ways and compare.

        Args:
            offload: False: it runs in place in all kernels, in the offloading one with what earlier jobs brought back.

        Raises:
            KernelFailed: a kernel cannot be brought back to where it was.
        """
        self._number += 1
        plain = put.in_place(source)
        generators, self._generators = self._generators, ""
        if put.is_for_home(source):
            rans = [thread.do(thread.side.run, plain, plain, generators) for thread in self._all]
            ran, _, other = (future.result() for future in rans)
            self._revive(*(future.result() for future in rans))
            return self._result(source, "home", ran, other)
        there = put.offloaded(source, self._python) if offload else plain
        futures = [
            self._first.do(self._first.side.run, plain, plain, generators),
            self._twin.do(self._twin.side.run, plain, plain, generators),
            self._other.do(self._other.side.run, there, plain, generators),
        ]
        ran, twin, other = (future.result() for future in futures)
        for one in (ran, twin):
            if one.status in ("timeout", "dead"):
                return self._not_runnable(source, ran, other, one)
        refusal = _refusal(ran, other)
        if refusal:
            again: Ran = self._other.do(self._in_place_there, plain, generators).result()
            self._sound(again)
            return self._result(source, "refused", ran, other, refusal)
        earlier, before = self._chance, self._before
        tables = self._tables(other)
        said = compare.notices(other)
        found = compare.outputs(ran, twin, other, self._rules(source))
        compared = [compare.without_draws(table) for table in tables] if put.is_timed(source) else tables
        changed = self._new(compare.states(compared[0], compared[1], compared[2], said)) if compared else []
        at_work = compare.at_work(before, tables[0], tables[1], put.words(source)) if changed else set()
        changed = [difference for difference in changed if not compare.names([difference.where]) & at_work]
        by_chance = False
        if other.status in ("timeout", "dead"):
            word = "took too long" if other.status == "timeout" else "ended its kernel"
            found = [Difference("the cell", "ran", f"{word} when offloaded")]
        if changed or other.status in ("timeout", "dead"):
            apart = {difference.where for difference in self._begin_anew()}
            by_chance = bool(changed) and {difference.where for difference in changed} <= apart
        if tables and (changed or compare.drew_otherwise(tables)):
            self._draw_alike()
        if ran.error in NOT_RUNNABLE or _shows_missing(ran):
            return self._result(source, "not runnable", ran, other, f"{ran.error}: {ran.message}", [*found, *changed])
        if ran.status != twin.status or ran.error != twin.error:
            return self._result(source, "not runnable", ran, other, "it fails by chance in place")
        if by_chance:
            return self._result(source, "not runnable", ran, other, "run in place once more, it gives others", changed)
        stand_ins = compare.stand_ins(changed)
        otherwise = compare.only_shown_otherwise(found, said) if found else ""
        if (stand_ins or otherwise) and bool(stand_ins) == bool(changed) and bool(otherwise) == bool(found):
            names = ", ".join(dict.fromkeys(stand_ins))
            reasons = [f"{names} cannot come back, and says why" if names else "", otherwise]
            told = "; ".join(reason for reason in reasons if reason)
            return self._result(source, "refused", ran, other, told, [*found, *changed])
        if (found or changed) and put.shows_unfilled(source):
            return self._result(source, "not runnable", ran, other, "it shows memory that nobody filled", changed)
        if (found or changed) and put.draws_entropy(source):
            return self._result(source, "not runnable", ran, other, "what it draws is chance in place", changed)
        chance = sorted(earlier & put.words(source))
        if (found or changed) and chance:
            word = f"what it reads is chance in place ({', '.join(chance)})"
            return self._result(source, "not runnable", ran, other, word, changed)
        verdict: Verdict = "differs" if found or changed else "identical"
        return self._result(source, verdict, ran, other, "", [*found, *changed])

    def _result(
        self,
        source: str,
        verdict: Verdict,
        ran: Ran,
        other: Ran,
        reason: str = "",
        differences: Sequence[Difference] = (),
    ) -> CellResult:
        seconds = (ran.seconds, other.seconds)
        return CellResult(self._number, source, verdict, reason, tuple(differences), seconds)

    def _rules(self, source: str) -> Rules:
        places = [str(thread.side.folder) for thread in self._all]
        return Rules(tuple(places), self._python is not None, not put.is_numbered(source))

    def _tables(self, other: Ran) -> list[dict[str, str]]:
        """The states of all three; nothing when the offloading kernel has none."""
        if other.status in ("timeout", "dead"):
            return []
        tables = [future.result() for future in [thread.do(thread.side.state) for thread in self._all]]
        self._generators = self._first.side.generators()
        self._chance = compare.by_chance(tables[0], tables[1]) | compare.names(self._apart)
        self._before = tables[0]
        return tables

    def _begin_anew(self) -> list[Difference]:
        """Start the offloading kernel anew, with all cells run in place; gives what is not as in the first one then."""
        self._other.do(self._other.side.begin_anew).result()
        tables = [thread.do(thread.side.state).result() for thread in self._all]
        differing = compare.states(*tables)
        self._apart = {d.where: (d.in_place, d.offloaded) for d in differing}
        self._chance |= compare.names(self._apart)
        return differing

    def _new(self, differing: list[Difference]) -> list[Difference]:
        """Those that are not known from kernels which ran all cells in place."""
        return [d for d in differing if self._apart.get(d.where) != (d.in_place, d.offloaded)]

    def _draw_alike(self) -> None:
        """Put all random generators into the states of the first kernel's: a draw more or less is counted once."""
        for future in [thread.do(thread.side.take, self._generators) for thread in self._all]:
            future.result()

    def _in_place_there(self, plain: str, generators: str) -> Ran:
        """The cell, which the offloading kernel refused to send, run there in place."""
        self._other.side.forget_last()
        return self._other.side.run(plain, plain, generators)

    def _sound(self, other: Ran) -> None:
        """After a cell that the offloading kernel ran in place too, it is where the others are, or begins anew."""
        tables = self._tables(other)
        if not tables or self._new(compare.states(tables[0], tables[1], tables[2])):
            self._begin_anew()
        if tables:
            self._draw_alike()

    def _not_runnable(self, source: str, ran: Ran, other: Ran, one: Ran) -> CellResult:
        if other.status in ("ok", "error"):
            self._other.side.history.pop()
        for thread, status in zip((self._first, self._twin), (ran.status, one.status)):  # noqa: B905
            if status in ("ok", "error"):
                thread.side.history.pop()
        for future in [thread.do(thread.side.begin_anew) for thread in self._all]:
            future.result()
        word = "takes longer than the time limit" if one.status == "timeout" else "ends the kernel"
        return self._result(source, "not runnable", ran, other, f"it {word}")

    def _revive(self, *rans: Ran) -> None:
        for thread, ran in zip(self._all, rans):  # noqa: B905
            if ran.status in ("timeout", "dead"):
                thread.do(thread.side.begin_anew).result()


def _refusal(ran: Ran, other: Ran) -> str:
    """Why the cell was not sent; empty when it was."""
    if other.error == "UsageError" and ran.error != "UsageError":
        return other.message
    return ""


def _shows_missing(ran: Ran) -> bool:
    """A shell line or a magic that this machine lacks: IPython prints that and raises nothing."""
    text = ran.stream("stderr")
    if ran.error == "CalledProcessError" and "exit status 127" in ran.message:
        return True  # how a shell says so of a program
    return ran.error == "UsageError" or ("UsageError: " in text and "not found" in text)


def check(
    cells: Sequence[str],
    *,
    folder: Path | None = None,
    notebook: str = "",
    python: str | None = None,
    timeout: float = 120.0,
    environment: dict[str, str] | None = None,
    mixed: int | None = None,
    told: Callable[[CellResult], None] = lambda cell: None,
) -> Report:
    """Compare all cells of a notebook.

    Args:
        cells: their sources.
        folder: the notebook's; copied for each kernel.
        notebook: its name, for the report.
        python: interpreter of the worker; None: the kernel's own.
        timeout: seconds per cell in place.
        environment: further variables of all kernels.
        mixed: a seed, by which about half of the cells are drawn that run in place everywhere, as in a notebook that
            offloads some of its cells; None: all are offloaded.
        told: called with each result as it comes.

    Returns:
        The report; ``broken`` says why it ended early, if it did.
    """
    report = Report(notebook, python)
    drawn = random.Random(mixed)
    try:
        beside = [] if folder is None else put.above(cells, folder)
        settings: dict[str, Any] = {"python": python, "timeout": timeout, "environment": environment}
        with Comparison(folder, beside=beside, **settings) as comparison:
            for source in cells:
                result = comparison.cell(source, offload=mixed is None or drawn.random() < 0.5)
                report.cells.append(result)
                told(result)
    except KernelFailed as error:
        report.broken = str(error)
    return report
