"""``get_ipython()`` where the image has no IPython: the common magics, clear errors for the rest.

May import: this package, the standard library.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
import time

from . import formatters, shims
from .runner import Program, execute

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class UsageError(Exception):
    """A magic is unknown here or was called wrongly."""


class Captured:
    """What ``%%capture name`` binds."""

    def __init__(self) -> None:
        self.stdout = self.stderr = ""
        self.outputs: list[object] = []

    def __str__(self) -> str:
        return self.stdout

    def show(self) -> None:
        """Print it after all."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)


class Lines(list):  # type: ignore[type-arg]
    """What ``x = !cmd`` binds: a list of lines with IPython's short forms."""

    @property
    def n(self) -> str:
        """The lines as one string."""
        return "\n".join(self)

    @property
    def s(self) -> str:
        """The lines joined by blanks."""
        return " ".join(self)


class StandIn:
    """The part of IPython's shell that cells call."""

    kernel = None
    """There to be found: libraries tell a notebook from a terminal by it (pandas chooses ``max_columns`` so)."""

    def __init__(self, front: Any) -> None:
        self._front = front
        self.user_ns = front.namespace
        self.execution_count = front.count
        self.config: dict[str, object] = {}
        self._last_folder = os.getcwd()

    def starts(self, program: Any) -> None:
        """Nothing to prepare."""

    def ends(self) -> None:
        """Nothing to show: figures have a backend of their own."""

    def displayhook(self, value: object) -> None:
        """Show the value of an expression."""
        self._front.note_last(value)
        data, metadata = shims.format_value(value)
        event = {"type": "execute_result", "data": data, "metadata": metadata}
        self._front.channel.event({**event, "execution_count": self.execution_count})

    def run_line_magic(self, name: str, line: str, _stack_depth: int = 1) -> object:
        """``%name line``."""
        return self._magic(name, "%", "line")(self._expand(line))

    def run_cell_magic(self, name: str, line: str, cell: str) -> object:
        """``%%name line`` over ``cell``."""
        return self._magic(name, "%%", "cell")(self._expand(line), cell)

    def system(self, command: str) -> None:
        """``!command``: its output is the cell's."""
        sys.stdout.flush()
        self.user_ns["_exit_code"] = subprocess.call(self._expand(command), shell=True, executable=_bash())

    def getoutput(self, command: str, split: bool = True) -> object:
        """``x = !command``."""
        text = subprocess.run(
            self._expand(command), shell=True, executable=_bash(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ).stdout.decode("utf-8", "replace")
        return Lines(text.splitlines()) if split else text

    def run_cell(self, code: str, **_: object) -> None:
        """Run code in the cell's namespace."""
        program = Program(plain_python(code), f"<{self._front.program.filename}>", 1, 0, "last_expr")
        execute(program, self.user_ns)

    def _magic(self, name: str, sign: str, kind: str) -> Any:
        meant = formatters.magic_names(self._front.formatted).get((kind, name))
        if meant is not None and meant[1] != name:
            called = self._magic(meant[1], sign, kind)
            return lambda line, *cell: called(f"{meant[2]} {line}".strip(), *cell)
        magic = getattr(self, f"_{kind}_{name.replace('!', 'bash').replace('sx', 'bash')}", None)
        if magic is None and kind == "cell" and name in _SHOWN:
            return functools.partial(self._show, _SHOWN[name])
        if magic is None and kind == "cell" and name in _PROGRAMS:
            return lambda line, cell: self._cell_script(f"{name} {line}", cell)
        if magic is None and kind == "line" and name in _COMMANDS:
            return lambda line: self.system(f"{_COMMANDS[name]} {line}")
        if magic is None:
            raise UsageError(
                f"{sign}{name} needs IPython, and this image has none. Add --requirements ipython, choose another "
                "image, or run that line in a local cell."
            )
        return magic

    def _expand(self, line: str) -> str:
        """``{expression}`` and ``$name``, as IPython replaces them; what cannot be evaluated stays."""

        def braces(match: re.Match[str]) -> str:
            try:
                return str(eval(match.group(1), self.user_ns))
            except Exception:  # braces of awk, of a format string, ...: IPython leaves them too
                return match.group(0)

        line = re.sub(r"(?<!\{)\{([^{}]+)\}(?!\})", braces, line)
        names = self.user_ns
        return re.sub(
            r"\$([A-Za-z_]\w*)", lambda m: str(names[m.group(1)]) if m.group(1) in names else m.group(0), line
        )

    def _timed(self, code: str) -> object:
        tree = ast.parse(plain_python(code))
        result = None
        wall, cpu = time.perf_counter(), time.process_time()
        last: Any = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<timed>", "exec"), self.user_ns)
        if last is not None:
            result = eval(compile(ast.Expression(last.value), "<timed>", "eval"), self.user_ns)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"CPU times: total: {_span(cpu)}\nWall time: {_span(wall)}")
        return result

    def _line_time(self, line: str) -> object:
        return self._timed(line)

    def _cell_time(self, line: str, cell: str) -> object:
        return self._timed(line + "\n" + cell if line else cell)

    def _line_timeit(self, line: str, cell: str | None = None) -> object:
        import timeit

        number = repeat = 0
        options = re.match(r"(?:-(?:[nr]\s*\d+|[qopc])\s*)*", line)
        assert options is not None  # the pattern matches the empty text
        for letter, count in re.findall(r"-([nr])\s*(\d+)", options.group(0)):
            number, repeat = (int(count), repeat) if letter == "n" else (number, int(count))
        statement = line[options.end() :]
        setup, statement = (statement, cell) if cell is not None else ("pass", statement)
        timer = timeit.Timer(plain_python(statement), plain_python(setup), globals=self.user_ns)
        number, repeat = number or timer.autorange()[0], repeat or 7
        runs = [seconds / number for seconds in timer.repeat(repeat, number)]
        mean = sum(runs) / len(runs)
        deviation = (sum((run - mean) ** 2 for run in runs) / len(runs)) ** 0.5
        loops = f"{repeat} runs, {number:,} loop{'s' if number != 1 else ''} each"
        print(f"{_span(mean)} ± {_span(deviation)} per loop (mean ± std. dev. of {loops})")
        return None

    def _cell_timeit(self, line: str, cell: str) -> object:
        return self._line_timeit(line if line.startswith("-") else (line or "pass"), cell)

    def _line_matplotlib(self, line: str) -> None:
        """Figures are shown inline; live ones are home's affair."""
        from . import drawing

        for name in line.split()[:1]:
            if drawing.is_live(name):
                import matplotlib

                matplotlib.interactive(True)
                drawing.use(matplotlib, name)

    def _line_config(self, line: str) -> None:
        """Settings of IPython's parts: there are none here."""

    def _line_pip(self, line: str) -> None:
        sys.stdout.flush()
        code = subprocess.call([sys.executable, "-m", "pip", *shlex.split(line)])
        if code:
            raise UsageError(f"%pip {line} failed with exit code {code}; the output above says why")
        import importlib

        importlib.invalidate_caches()

    def _line_env(self, line: str) -> object:
        if not line.strip():
            return dict(os.environ)
        name, sign, value = line.partition("=") if "=" in line else line.partition(" ")
        if not sign:
            return os.environ[name.strip()]
        os.environ[name.strip()] = value.strip()
        print(f"env: {name.strip()}={value.strip()}")
        return None

    _line_set_env = _line_env

    def _line_cd(self, line: str) -> None:
        to, here = line.strip().strip("'\"") or "~", os.getcwd()
        os.chdir(self._last_folder if to == "-" else os.path.expanduser(to))
        self._last_folder = here
        print(os.getcwd())

    def _line_pwd(self, _: str) -> str:
        return os.getcwd()

    def _line_bash(self, line: str) -> object:
        return self.getoutput(line)

    def _line_run(self, line: str) -> None:
        import runpy

        words = shlex.split(line)
        options = [word for word in itertools.takewhile(lambda word: word.startswith("-"), words)]
        unknown = [option for option in options if option not in ("-i", "-n")]
        if unknown or len(options) == len(words):
            raise UsageError(
                f"%run {line}: without IPython it takes a script and its arguments, with -i or -n before them"
                + (f", not {unknown[0]}" if unknown else "")
            )
        path, *arguments = words[len(options) :]
        path = path if os.path.exists(path) or path.endswith(".py") else path + ".py"
        before, sys.argv = sys.argv, [path, *arguments]
        try:
            if "-i" in options:  # in the notebook's own namespace
                with open(path, "rb") as file:
                    exec(compile(file.read(), path, "exec"), self.user_ns)
                return
            name = os.path.basename(path)[: -len(".py")] if "-n" in options else "__main__"
            made = runpy.run_path(path, run_name=name)
            self.user_ns.update({k: v for k, v in made.items() if not k.startswith("__")})
        finally:
            sys.argv = before

    def _line_load_ext(self, line: str) -> None:
        if line.strip() not in ("autoreload",):
            raise UsageError(f"%load_ext {line}: extensions need IPython, and this image has none")

    def _line_autoreload(self, _: str) -> None:
        """Nothing is edited while a job runs."""

    def _cell_capture(self, line: str, cell: str) -> None:
        words = [word for word in line.split() if not word.startswith("-")]
        captured, out, err = Captured(), io.StringIO(), io.StringIO()
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                self._front.channel.held(captured.outputs),
            ):
                self.run_cell(cell)
        finally:
            captured.stdout, captured.stderr = out.getvalue(), err.getvalue()
            if words:
                self.user_ns[words[0]] = captured

    def _cell_writefile(self, line: str, cell: str) -> None:
        words = shlex.split(line)
        append = words[:1] == ["-a"] or words[:1] == ["--append"]
        path = os.path.expanduser(words[-1])
        print(f"{'Appending to' if append else 'Overwriting' if os.path.exists(path) else 'Writing'} {words[-1]}")
        with open(path, "a" if append else "w", encoding="utf-8") as file:
            file.write(cell)

    _cell_file = _cell_writefile

    def _cell_bash(self, line: str, cell: str) -> None:
        sys.stdout.flush()
        code = subprocess.run([_bash() or "/bin/sh"], input=cell.encode()).returncode
        if code:
            raise subprocess.CalledProcessError(code, "bash")

    _cell_sh = _cell_bash

    def _cell_script(self, line: str, cell: str) -> None:
        """``%%script PROGRAM``, and the programs that IPython knows by name."""
        sys.stdout.flush()
        command = shlex.split(line)
        if command[0] == "python":
            command[0] = sys.executable
        code = subprocess.run(command, input=cell.encode()).returncode
        if code:
            raise subprocess.CalledProcessError(code, line)

    def _show(self, mime: str, line: str, cell: str) -> None:
        """``%%html`` and its kin: the text itself is what is shown."""
        event = {"type": "display_data", "data": {mime: cell}, "metadata": {}, "display_id": None}
        self._front.channel.event(event)


_SHOWN = {
    "html": "text/html",
    "latex": "text/latex",
    "markdown": "text/markdown",
    "svg": "image/svg+xml",
    "javascript": "application/javascript",
    "js": "application/javascript",
}
_PROGRAMS = ("python", "python3", "perl", "ruby")
_COMMANDS = {"ll": "ls -l", "ls": "ls", "cat": "cat", "less": "cat", "more": "cat", "man": "man"}
_COMMANDS.update({"cp": "cp", "mv": "mv", "rm": "rm", "mkdir": "mkdir", "rmdir": "rmdir"})
"""Aliases that IPython has for programs of the system."""


def make(front: Any) -> StandIn:
    """The one stand-in of this process."""
    shims.use(front)
    return StandIn(front)


def plain_python(code: str) -> str:
    """Lines that begin with ``%`` or ``!`` inside a magic's body, as calls of ``get_ipython()``."""

    def line_of(match: re.Match[str]) -> str:
        space, target, sign, rest = match.groups()
        if sign == "!":
            call = f"get_ipython().{'getoutput' if target else 'system'}({rest!r})"
        else:
            name, _, line = rest.partition(" ")
            call = f"get_ipython().run_line_magic({name!r}, {line!r})"
        return f"{space}{target or ''}{call}"

    return re.sub(r"(?m)^([ \t]*)([\w.\[\], ]+=[ \t]*)?([%!])(?!=)([^\n]+)$", line_of, code)


def _bash() -> str | None:
    return "/bin/bash" if os.path.exists("/bin/bash") else None


def _span(seconds: float) -> str:
    """As IPython writes times: three digits and a unit."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "μs")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
