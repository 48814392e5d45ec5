"""The magics: the only room that knows IPython and all others.

``load`` must stay quick (``%load_ext nbprocess`` imports no boto3, pandas or numpy), so rooms are imported where used.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from . import options as table
from .errors import BackendError, CaptureError, OptionError, RequestError, StoreError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .job import Job
    from .plan import Context, Plan
    from .script import Script

# Mistakes of the person, or of the world around: one red line, no traceback of ours.
EXPECTED = (OptionError, CaptureError, RequestError, BackendError, StoreError)


def _sending(plan: Plan) -> Any:
    """Shows how far sending is, once it takes long enough to ask."""
    line: Any = None

    def report(transfer: Any) -> None:
        nonlocal line
        if line is None and transfer is not None:
            from .views.sendingline import SendingLine
            from .views.view import in_kernel

            line = SendingLine(plan.state(), kernel=in_kernel())
        if line is not None:
            line(transfer)

    return report


@contextlib.contextmanager
def _plainly() -> Any:
    try:
        yield
    except EXPECTED as error:
        raise UsageError(str(error)) from None


@magics_class
class ProcessingMagics(Magics):
    """``%%processing`` and its line magics."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.ip = shell
        from .background import Background

        self.session: dict[str, Any] = {}
        self.background = Background(shell)
        self.last_plan: Plan | str | None = None

    # -- the cell ----------------------------------------------------------------------------------------------------

    @line_cell_magic
    def processing(self, line: str, cell: str | None = None) -> Any:
        """Run the cell on another machine, as if it had run here."""
        if cell is None:
            if line.lstrip().startswith("--"):
                return self._run_container(line)
            self._show_jobs(line)
            return None
        from .worker import filters

        with filters.unnoticed():
            self._run_cell(line, cell)
        return None

    def _run_cell(self, line: str, cell: str) -> None:
        from .launch import launch

        with _plainly(), self._syntax():
            line, cell, lines = table.whole_line(line, cell, self._expanded)
            options = self._options(line)
            if options.entrypoint:
                raise OptionError(
                    "--entrypoint runs the container's own program, so that the cell's text would not be used. "
                    "Write it as a line without a cell: %processing --image URI --entrypoint ..."
                )
            if options.source_dir:
                raise OptionError(
                    "--source-dir belongs to %processing_script FILE; a cell sends what it needs by itself."
                )
            if options.command:
                from .script import from_cell

                self._run_script(from_cell(cell, options), options)
                return
            plan = self._plan(cell, line, options, lines)
            if options.dry_run:
                self.last_plan = plan.text()
                print(self.last_plan)
                return
            job = launch(plan, self.ip.user_ns, report=_sending(plan))
            plan.release()
            self.last_plan = plan
        if options.background:
            captured = plan.capture
            self.background.add(
                job, captured.binds, options.lazy, code=captured.cell.code, inputs=plan.manifest["strength"]
            )
        else:
            job.alone = True
            self._follow(job, options.lazy)

    def _expanded(self, text: str) -> str:
        """``{expressions}`` and ``$names`` filled in from the notebook, as IPython does with a magic's first line."""
        from IPython.utils.text import DollarFormatter

        try:
            return DollarFormatter().vformat(text, (), self.ip.user_ns)
        except Exception:  # IPython leaves such a line as it is, too
            return text

    def _options(self, line: str, *, code: bool = True) -> table.Options:
        """The options of a line, with the objects that it names in the notebook."""
        given = table.parse_line(line)
        from .sdkobjects import expand

        return table.resolve(expand(given, self.ip.user_ns, code=code), self.session, Path.cwd())

    def _run_script(self, script: Script, options: table.Options) -> Job | None:
        """Run a script or container; in the foreground its log is this cell's output. Returns the job."""
        from .script import launch, prepare

        with _plainly():
            plan = prepare(script, options, self._context())
            if options.dry_run:
                print(plan.text())
                return None
            job = launch(plan)
        if options.background:
            self.background.add(job, (), options.lazy)
        else:
            self._follow(job, options.lazy)
        return job

    def _run_container(self, line: str) -> Job | None:
        from .script import Script

        with _plainly():
            options = self._options(line, code=False)
            if options.command:
                raise OptionError(
                    "--command runs a script: put %%processing --command ... on top of a cell with its text."
                )
        return self._run_script(Script(), options)

    @line_magic
    def processing_script(self, line: str) -> Job | None:
        """``%processing_script FILE [options] [-- ARGUMENT ...]``: run a file or project as a job; returns the job."""
        from .script import from_file

        words, _, rest = f" {line} ".partition(" -- ")
        with _plainly():
            file, options_line = _first_word(words)
            arguments = _split(rest)
            options = self._options(options_line)
            if arguments:
                options = table.with_values(options, arg=(*options.arg, *arguments))
            script = from_file(file, options)
        return self._run_script(script, options)

    def _follow(self, job: Job, lazy: int) -> None:
        from . import foreground

        try:
            foreground.follow(self.ip, job, lazy)
        finally:
            self.background.keep(job)

    @contextlib.contextmanager
    def _syntax(self) -> Any:
        """A mistake in the cell's own syntax is shown as that of any cell, without the frames that lead to us."""
        try:
            yield
        except SyntaxError as error:
            nothing: Any = []
            lines = self.ip.SyntaxTB.structured_traceback(type(error), error, nothing)
            error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
            raise

    def _plan(self, cell: str, line: str, options: table.Options, lines: int) -> Plan:
        from .capture import make_cell
        from .foreground import cell_number, remember
        from .plan import prepare
        from .worker import depth, keeping

        shell = self.ip
        try:
            code = shell.transform_cell(cell)
        except SyntaxError as error:  # what cannot be read in words, by its indentation
            error.lineno = error.lineno and error.lineno + lines
            raise
        handed = self.background.provide(code, options)
        filename = remember(shell, line, cell, code, lines)
        made = make_cell(
            cell,
            code=code,
            filename=filename,
            first_line=lines + 1,
            flags=shell.compile.flags,
            interactivity=shell.ast_node_interactivity,
            execution_count=cell_number(shell),
            room=depth.room(),
        )
        plan = prepare(made, shell.user_ns, options, self._context(), handed)
        changing = ", ".join(type(one).__name__ for one in keeping.others(shell.ast_transformers))
        if changing:
            plan.notices.append(f"The AST transformers of this kernel ({changing}) do not change what the job runs.")
        return plan

    def _context(self) -> Context:
        from .plan import Context
        from .startenv import base_folder

        shell = self.ip
        parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
        notebook = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")
        return Context(
            notebook=notebook if str(notebook).endswith(".ipynb") else "",
            cell_id=str(parent.get("metadata", {}).get("cellId", "")),
            folder=Path(base_folder()),
            transform=shell.transform_cell,
            cells=dict(getattr(shell.compile, "_filename_map", None) or {}),
            known_magics=frozenset(name for kind in shell.magics_manager.magics.values() for name in kind),
            page=getattr(shell, "kernel", None) is not None,
        )

    @line_cell_magic
    def processing_plan(self, line: str, cell: str | None = None) -> None:
        """``%%processing_plan [options]`` shows what ``%%processing`` would send; the line form shows the last plan."""
        if cell is not None:
            with _plainly():
                line, cell, lines = table.whole_line(line, cell, self._expanded)
                options = self._options(line)
                if options.command:
                    from .script import from_cell, prepare

                    self.last_plan = prepare(from_cell(cell, options), options, self._context()).text()
                else:
                    self.last_plan = self._plan(cell, line, options, lines).text()
        if self.last_plan is None:
            raise UsageError("%processing_plan: no cell was planned yet. Put %%processing_plan on top of a cell.")
        print(self.last_plan if isinstance(self.last_plan, str) else self.last_plan.text())

    # -- the lines ---------------------------------------------------------------------------------------------------

    @line_magic
    def processing_config(self, line: str) -> None:
        """``%processing_config [options]`` sets defaults of this kernel, ``--reset`` forgets them; alone: all."""
        if line.strip() == "--reset":
            self.session.clear()
        elif line.strip():
            with _plainly():
                given = table.parse_line(line)
                for name in given:
                    if not table.TABLE[name].config:
                        raise UsageError(f"{table.flag(name)} belongs to one cell; it can't be a default.")
                table.resolve(given, self.session, Path.cwd())
                self.session.update(given)
        with _plainly():
            print(self._shown_config())

    def _shown_config(self) -> str:
        found = table.configured(Path.cwd())
        rows = []
        for name, row in table.TABLE.items():
            if not row.config:
                continue
            value, where = table.default(name), "default"
            if name in found:
                value, where = found[name]
            if name in self.session:
                value, where = self.session[name], "%processing_config"
            if value not in (None, (), False) or where != "default":
                rows.append(f"  {table.flag(name):<20} {_shown(value):<28} {where}")
        return "\n".join(rows)

    @line_magic
    def processing_jobs(self, line: str) -> None:
        """``%processing_jobs``: the browser over the jobs of all kernels; with a part of a name, a table."""
        self._show_jobs(line)

    def _show_jobs(self, line: str) -> None:
        from IPython.display import display

        from .api import jobs
        from .views import table as job_table

        if not line.strip():
            from .api import browser

            with _plainly():
                display(browser())  # type: ignore[no-untyped-call]
            return
        with _plainly():
            found = jobs(limit=50, problem=lambda text: print(text, file=sys.stderr), NameContains=line.strip())
        display(job_table([job.state() for job in found]))  # type: ignore[no-untyped-call]

    def _job(self, line: str, magic: str) -> Job:
        from .api import attach

        words = re.fullmatch(r"\s*(\S+)(?:\s+--region[ =]+(\S+))?\s*", line)
        if words is None:
            raise UsageError(
                f"%{magic}: write the name of one job, and --region REGION where it is not in the configured one. "
                "%processing_jobs lists the jobs there are."
            )
        name, region = words.groups()
        pending = self.background.find(name)
        if pending is not None:
            return pending
        with _plainly():
            return attach(name, region=region)

    @line_magic
    def processing_attach(self, line: str) -> None:
        """``%processing_attach NAME``: follow a job and bring its results here, from whatever kernel it was started.

        ``--region REGION`` looks in another region than the configured one.
        """
        job = self._job(line, "processing_attach")
        self._follow(job, table.resolve({}, self.session, Path.cwd()).lazy)

    @line_magic
    def processing_logs(self, line: str) -> None:
        """``%processing_logs NAME``: print the whole log of a job so far."""
        for event in self._job(line, "processing_logs").logs():
            print(event.text, file=sys.stderr if event.stream == "stderr" else sys.stdout)

    @line_magic
    def processing_stop(self, line: str) -> None:
        """``%processing_stop NAME``: stop a job; what is ready can be brought back with ``%processing_attach``."""
        job = self._job(line, "processing_stop")
        if job.done():
            print(f"{job.name} has ended already: {job.status}.")
            return
        with _plainly():
            job.stop()
            job.wait(60)
        print(f"{job.name}: {job.status}.")


def _first_word(line: str) -> tuple[str, str]:
    """The file of ``%processing_script``, and the options behind it."""
    words = _split(line)
    if not words or words[0].startswith("--"):
        raise OptionError(
            "%processing_script: the file is missing; write %processing_script FILE [options] [-- ARGUMENT]."
        )
    return words[0], shlex.join(words[1:])


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise OptionError(f"%processing_script: {str(error).lower()}; close the quotation mark.") from None


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join("=".join(item) if isinstance(item, tuple) else str(item) for item in value)
    return str(value)


ProcessingMagics.processing.__doc__ = f"""Run the cell on another machine, as if it had run here.

%%processing [options]

The names that the cell reads travel with it; what it binds, changes, prints and displays comes back.

Options:
{table.help_text()}

Defaults can stand in pyproject.toml under [tool.nbprocess], in the user's nbprocess/config.toml, in NBPROCESS_<OPTION>
variables, and in %processing_config. Values may use $name and {{expression}}.
"""


def load(shell: InteractiveShell) -> None:
    """Register the magics, the completion and the hook of background cells."""
    from . import startenv
    from .completion import install
    from .worker import keeping

    startenv.note()
    magics = ProcessingMagics(shell)
    shell.register_magics(magics)
    # A cell magic with an empty body is refused by IPython itself; the line form lists the jobs.
    magics.background.install()
    shell.ast_transformers.append(keeping.Transformer())
    _render_syntax_errors(shell)
    _render_groups(shell)
    install(shell)
    _warm_up()


def _render_syntax_errors(shell: InteractiveShell) -> None:
    """IPython asks each exception for ``_render_traceback_``, but a SyntaxError; then those of jobs show our frames."""
    renderer: Any = shell.SyntaxTB
    usual = type(renderer).structured_traceback

    def structured(etype: Any, evalue: Any, *arguments: Any, **options: Any) -> Any:
        custom = getattr(evalue, "_render_traceback_", None)
        return custom() if custom is not None else usual(renderer, etype, evalue, *arguments, **options)

    renderer.structured_traceback = structured


def _render_groups(shell: InteractiveShell) -> None:
    """Exception groups IPython leaves to Python, which shows all frames; those of jobs would show ours."""
    from .worker.failure import has_group

    usual = shell.showtraceback

    def show(exc_tuple: Any = None, *arguments: Any, **options: Any) -> None:
        error: Any = (exc_tuple or sys.exc_info())[1]
        if "_render_traceback_" in getattr(error, "__dict__", {}) and has_group(error):
            print("\n".join(error._render_traceback_()), file=sys.stderr)
        else:
            usual(exc_tuple, *arguments, **options)

    vars(shell)["showtraceback"] = show


def _warm_up() -> None:
    """Where cells will run on this machine, start the process that they are forked from while the person types."""
    import threading

    def start() -> None:
        from .plan import default_backend

        if (os.environ.get("NBPROCESS_BACKEND") or default_backend()) == "local":
            # The package first and whole: while the cell's thread is importing it, importing one of its modules here
            # would not wait for it, and Python then breaks the deadlock of the two with a half-imported module.
            importlib.import_module("nbprocess.backends.local")
            from .backends.local.launcher import start_ahead

            start_ahead()

    timer = threading.Timer(0.1, start)  # not while this cell still runs
    timer.daemon = True
    timer.start()


def unload(shell: InteractiveShell) -> None:
    """Take everything away that ``load`` registered."""
    from .completion import uninstall
    from .worker import keeping

    magics = shell.magics_manager.registry.pop("ProcessingMagics", None)
    if magics is not None:
        magics.background.uninstall()
    shell.ast_transformers[:] = keeping.others(shell.ast_transformers)
    vars(shell.SyntaxTB).pop("structured_traceback", None)
    vars(shell).pop("showtraceback", None)
    for kind in ("line", "cell"):
        for name in [n for n in shell.magics_manager.magics[kind] if n.startswith("processing")]:
            del shell.magics_manager.magics[kind][name]
    uninstall(shell)
