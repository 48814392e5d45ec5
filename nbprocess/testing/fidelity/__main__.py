"""Runs every cell of a notebook in place and offloaded, in real kernels, and says what differs.

    python -m nbprocess.testing.fidelity NOTEBOOK [--python PATH] [--json FILE] [--timeout S]

The cells run in place in two kernels, so that what is left to chance (times, the order of sets, addresses) is known and
not counted. In a third kernel each runs with ``%%processing`` on top, on the local backend; ``--python`` names the
interpreter that the jobs run under. After a cell that differs or is refused, the third kernel is started anew and the
cells so far run in place there: a fault is counted once.

May import: this folder, nbformat, the standard library.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .compare import differences, unstable, without
from .kernels import Kernel, KernelDied, Ran, TookTooLong

_TITLE = "# %%processing \n"
"""Stands in place of the magic's line, so that tracebacks number the lines the same."""
_REFUSED = "UsageError: "
_OWN = re.compile(r"^\s*(%%?processing|%(re)?load_ext\s+nbprocess)", re.M)


@dataclass
class Verdict:
    """One code cell: ``identical``, ``differs``, ``refused`` (with a message) or ``not runnable`` (in place either)."""

    number: int
    verdict: str
    source: str
    what: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All cells of a notebook."""

    notebook: str
    cells: list[Verdict]

    def count(self, verdict: str) -> int:
        """How many cells have this verdict."""
        return sum(cell.verdict == verdict for cell in self.cells)

    @property
    def runnable(self) -> int:
        """Cells that run in place and are not refused."""
        return self.count("identical") + self.count("differs")

    @property
    def share(self) -> float:
        """Identical cells among the runnable ones, in percent."""
        return 100.0 * self.count("identical") / self.runnable if self.runnable else 100.0


def code_cells(path: Path) -> list[str]:
    """The sources of the code cells that hold more than comments."""
    import nbformat

    book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return [cell.source for cell in book.cells if cell.cell_type == "code" and _has_code(cell.source)]


def _has_code(source: str) -> bool:
    return any(line.strip() and not line.strip().startswith("#") for line in source.splitlines())


def in_place(source: str) -> str:
    """The text that runs in place: with a line for the magic's, except above a cell magic."""
    return source if source.lstrip().startswith("%%") else _TITLE + source


def compare(
    notebook: Path, *, python: str | None = None, timeout: float = 600.0, said: Callable[[Verdict], None] | None = None
) -> Report:
    """Run a notebook both ways.

    Args:
        notebook: an ``.ipynb`` file; its folder is copied for each kernel.
        python: the interpreter of the jobs; None is this one.
        timeout: seconds for one cell.
        said: called with each cell's verdict as it comes.
    """
    sources = code_cells(notebook)
    with tempfile.TemporaryDirectory(prefix="nbprocess-fidelity-") as scratch:
        work = Path(scratch) / notebook.resolve().parent.name  # the same name for all: one runs after the other
        first, chance = _twice_in_place(notebook, work, sources, timeout)
        kernel = Kernel(notebook.resolve().parent, work, 3, timeout)
        setup = "get_ipython().run_line_magic('load_ext', 'nbprocess')\n"
        if python:
            setup += f"get_ipython().run_line_magic('processing_config', '--image {python}')\n"
        verdicts = []
        try:
            kernel.start(setup)
            for number, source in enumerate(sources):
                verdict = _one(kernel, number, source, first[number], chance[number])
                verdicts.append(verdict)
                if said is not None:
                    said(verdict)
                if verdict.verdict in ("differs", "refused") and number + 1 < len(sources):
                    _replay(kernel, setup, sources[: number + 1], first)
        finally:
            kernel.close()
    return Report(str(notebook), verdicts)


def _twice_in_place(
    notebook: Path, work: Path, sources: list[str], timeout: float
) -> tuple[list[Ran | None], list[set[str]]]:
    runs: list[list[Ran | None]] = []
    for seed in (1, 2):
        kernel = Kernel(notebook.resolve().parent, work, seed, timeout)
        ran: list[Ran | None] = []
        try:
            kernel.start()
            for number, source in enumerate(sources):
                if runs and runs[0][number] is None:
                    ran.append(None)
                    continue
                try:
                    ran.append(kernel.run(in_place(source)))
                except (KernelDied, TookTooLong):
                    ran.append(None)
                    kernel.start()
                    for earlier, known in zip(sources, ran, strict=False):
                        if known is not None:
                            kernel.run(in_place(earlier))
        finally:
            kernel.close()
        runs.append(ran)
    chance = [unstable(a, b) if a is not None and b is not None else set() for a, b in zip(*runs, strict=True)]
    return [a if b is not None else None for a, b in zip(*runs, strict=True)], chance


def _one(kernel: Kernel, number: int, source: str, expected: Ran | None, chance: set[str]) -> Verdict:
    if _OWN.search(source):
        kernel.run(in_place(source))
        return Verdict(number, "not runnable", source, ["it uses nbprocess itself"])
    if expected is None:
        return Verdict(number, "not runnable", source, ["it kills the kernel or takes too long in place"])
    try:
        ran = kernel.run("%%processing \n" + source)
    except (KernelDied, TookTooLong) as error:
        return Verdict(number, "differs", source, [f"kernel: {error}"])
    if ran.stream("stderr").startswith(_REFUSED) and not expected.stream("stderr").startswith(_REFUSED):
        return Verdict(number, "refused", source, [ran.stream("stderr").strip()])
    found = without(differences(expected, ran), chance)
    if source.lstrip().startswith("%%"):  # its lines are numbered otherwise under another magic
        found = [sentence for sentence in found if not sentence.startswith("error traceback")]
    return Verdict(number, "differs" if found else "identical", source, found)


def _replay(kernel: Kernel, setup: str, sources: list[str], expected: list[Ran | None]) -> None:
    kernel.start(setup)
    for source, known in zip(sources, expected, strict=False):
        if known is not None:
            kernel.run(in_place(source))


def _say(verdict: Verdict) -> None:
    head = next((line for line in verdict.source.splitlines() if line.strip()), "")[:70]
    print(f"[{verdict.number:>3}] {verdict.verdict:<12} {head}", flush=True)
    for sentence in verdict.what:
        print(f"      {sentence}", flush=True)


def main(argv: list[str] | None = None) -> int:
    """The command; returns 0 when nothing differs, 1 when something does."""
    parser = argparse.ArgumentParser(
        prog="python -m nbprocess.testing.fidelity", description="Run a notebook's cells in place and offloaded."
    )
    parser.add_argument("notebook", type=Path, help="an .ipynb file")
    parser.add_argument("--python", metavar="PATH", help="the interpreter that the jobs run under")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the report")
    parser.add_argument("--timeout", metavar="S", type=float, default=600.0, help="seconds for one cell (600)")
    arguments = parser.parse_args(argv)
    if not arguments.notebook.is_file():
        parser.error(f"{arguments.notebook}: there is no such file")
    report = compare(arguments.notebook, python=arguments.python, timeout=arguments.timeout, said=_say)
    identical = report.count("identical")
    print(
        f"{identical} of {report.runnable} runnable cells identical ({report.share:.1f} %); "
        f"{report.count('refused')} refused with a message, {report.count('not runnable')} not runnable in place"
    )
    if arguments.json:
        figures = {"runnable": report.runnable, "identical": identical, "share": report.share, **asdict(report)}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if report.count("differs") == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
