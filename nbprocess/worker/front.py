"""What the cell sees of a notebook: ``display``, ``get_ipython``, values shown, figures, progress, no keyboard.

IPython's real shell is made only when something asks for it (its import alone takes longer than most cells): a call of
``get_ipython`` or ``display``, an import of IPython by anyone, a value that needs its formatters, a traceback.

May import: this package, the standard library; IPython where the image has it.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.util
import os
import sys

from . import filters, formulas, progress

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


_installed = set()  # type: ignore[var-annotated]


def installed(name: str) -> bool:
    """Whether the image has a top-level module. A fork server asks once for all its jobs."""
    if name not in _installed and (name in sys.modules or importlib.util.find_spec(name) is not None):
        _installed.add(name)
    return name in _installed


AS_IN_A_NOTEBOOK = {name: "1" for name in ("CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE")}
AS_IN_A_NOTEBOOK.update(PAGER="cat", GIT_PAGER="cat")
"""What Jupyter's kernel tells the programs that a cell starts, and libraries: ``ls`` shows colours."""


class StdinNotImplementedError(NotImplementedError):
    """The cell asked for keyboard input."""


class Front:
    """The notebook's face inside the job. ``result`` is the last value shown by the cell, or None."""

    def __init__(self, channel: Any, hooks: Any, manifest: Any, layout: Any, namespace: Any, before: Any) -> None:
        self.channel, self.layout, self.namespace = channel, layout, namespace
        self._hooks, self._manifest = hooks, manifest
        self.count = int(manifest.get("execution_count") or 1)
        self.result: object = None
        self.quiet = False
        self.program: Any = None
        self._shell: Any = None
        self._making = False
        self._before = before
        self._has_ipython: bool | None = None
        self.shell_values: dict[str, object] = {}
        self.shown: dict[str, object] = {"_": "", "__": "", "___": ""}
        settings = (manifest.get("ambient") or {}).get("ipython") or {}
        self._formulas = bool((manifest.get("ambient") or {}).get("sympy"))
        self._formatted: Any = []
        self._shows_plainly = settings.get("float_format") in (None, "", "%r") and settings.get("pprint", True)
        self._shows_plainly = self._shows_plainly and "rich" not in settings

    @property
    def underscores(self) -> dict[str, object]:
        """``_``, ``__`` and ``___`` as the display hook left them."""
        hook = None if self._ipython is None else self._ipython.displayhook
        return self.shown if hook is None else {name: getattr(hook, name) for name in self.shown}

    @property
    def _ipython(self) -> Any:
        """IPython's own shell, where there is one and the cell came to need it."""
        return self._shell if self.has_ipython else None

    def note_last(self, value: object) -> None:
        """Bind ``_`` to a value that was shown, unless the notebook uses the name for something of its own."""
        if self.namespace.get("_", "") is self.shown["_"] or "_" not in self.namespace:
            self.shown["_"] = self.namespace["_"] = value

    def shell_made(self) -> None:
        """Note what the making of the shell did, so that it does not count as done by the cell."""
        from . import ambient, results

        self.shell_values = {name: value for name, value in self.namespace.items() if results.is_hidden(name)}
        self._before["ipython"] = ambient.collect().get("ipython")

    def of_ipython(self) -> dict[str, object]:
        """What the cell set of IPython itself beside its settings: extensions that it loaded."""
        if self._ipython is None:
            return {}
        from . import shell

        return shell.loaded_by_cell(self._ipython)

    def said_of_ipython(self) -> list[str]:
        """What the cell asked of IPython for later cells, which run elsewhere."""
        if self._ipython is None:
            return []
        from . import shell

        names = ", ".join(shell.registered_by_cell(self._ipython))
        said = f"The cell registered functions with the job's IPython ({names}); do so here for the cells to come."
        return [said] if names else []

    def put_by_magics(self) -> list[str]:
        """Names that a magic put into the namespace and IPython does not list among the notebook's own (``%pylab``)."""
        from . import results

        if self._shell is None or not self.has_ipython:
            return []
        hidden = self._shell.user_ns_hidden
        put = [name for name in hidden if name not in self.shell_values and not results.is_hidden(name)]
        return [name for name in put if name in self.namespace and self.namespace[name] is hidden[name]]

    def format_by(self, entries: Any) -> None:
        """Show values by the functions that the notebook registered (see ``formatters``)."""
        from . import formatters

        if not entries:
            return
        self._formatted, self._shows_plainly = entries, False
        if self._shell is not None:
            formatters.apply(self._shell, entries)

    @property
    def formatted(self) -> Any:
        """The functions that the notebook shows values by, as ``formatters.registered`` gives them."""
        return self._formatted

    def newly_formatted(self) -> Any:
        """What the cell registered and what it took away, as ``formatters.changes`` gives it; None: nothing."""
        from . import formatters

        if self._shell is None or not self.has_ipython:
            return None
        found = formatters.changes(self._formatted, formatters.registered(self._shell))
        return found if any(found) else None

    @property
    def has_ipython(self) -> bool:
        """Whether the image has IPython; asked for at most once."""
        if self._has_ipython is None:
            self._has_ipython = installed("IPython")
        return self._has_ipython

    def install(self) -> None:
        """Put everything in its place."""
        for name, text in AS_IN_A_NOTEBOOK.items():
            os.environ.setdefault(name, text)
        os.environ["TERM"] = "xterm-color"
        if os.path.exists(
            "/bin/bash"
        ):  # by which IPython runs `!command`; a container names none, a notebook's host does
            os.environ.setdefault("SHELL", "/bin/bash")
        for name, value in (("get_ipython", self.get_ipython), ("display", self.display), ("input", _no_keyboard)):
            setattr(builtins, name, value)
        self._hooks.on("getpass", lambda module: setattr(module, "getpass", _no_password))
        # Libraries ask for a prompt to learn whether somebody looks on (TensorFlow's logger): that of IPython.
        sys.ps1, sys.ps2, sys.ps3 = "In : ", "...: ", "Out: "  # type: ignore[attr-defined]
        self._await_ipython()
        if "MPLBACKEND" not in os.environ:
            self._choose_backend()
        progress.send_to(self.channel.progress)
        progress.watch_tqdm(
            self._hooks, widgets=self.channel.page.alive and self.has_ipython and installed("ipywidgets")
        )
        sys.displayhook = self.show
        if "nbprocess" not in sys.modules or not hasattr(sys.modules["nbprocess"], "progress"):
            from types import ModuleType

            face = sys.modules.setdefault("nbprocess", ModuleType("nbprocess"))
            face.progress = progress.progress  # type: ignore[attr-defined]

    def _await_ipython(self) -> None:
        """Whoever imports IPython (matplotlib's inline backend, a library, the cell) must find a running shell."""
        if "IPython" not in sys.modules:
            self._hooks.on("IPython", lambda module: self.shell())
            self._hooks.done_at_home.add("IPython")  # every notebook's kernel has
            return
        # A warm server has imported it before the fork: make the shell when somebody asks for it, or if there is one.
        from IPython.core.interactiveshell import InteractiveShell

        instance: Any = InteractiveShell.instance

        def initialized(cls: Any) -> bool:
            return cls._instance is not None or self.shell() is not None

        def the_one(cls: Any, *args: Any, **kwargs: Any) -> Any:
            cls.initialized()
            return instance.__func__(cls, *args, **kwargs)

        InteractiveShell.initialized = classmethod(initialized)  # type: ignore[assignment]
        InteractiveShell.instance = classmethod(the_one)  # type: ignore[assignment]

    def _choose_backend(self) -> None:
        from . import drawing

        inline = self.has_matplotlib_inline()
        if inline:
            self._hooks.on("matplotlib_inline.backend_inline", drawing.connect_inline)
        backend = "module://" + ("matplotlib_inline.backend_inline" if inline else str(__package__) + ".figures")
        os.environ["MPLBACKEND"] = backend
        matplotlib = sys.modules.get("matplotlib")
        if matplotlib is None or drawing.chosen(matplotlib) is not None or drawing.is_named(matplotlib):
            return
        matplotlib.rcParams["backend"] = backend  # it read the variable before the fork

    def has_matplotlib_inline(self) -> bool:
        """Whether figures can go through the backend that notebooks use."""
        return self.has_ipython and installed("matplotlib_inline")

    def begin(self, program: Any) -> None:
        """The cell is about to run. What ``_`` and its like are now was shown by earlier ones; what they are later may
        be the cell's own (``for _ in``)."""
        self.program = program
        self.quiet = program.ends_quietly
        self.shown = {name: self.namespace.get(name, "") for name in self.shown}
        if self._shell is not None:
            vars(self._shell.displayhook).update(self.shown)
            self._shell.starts(program)
        if not self.has_ipython and "IPython" in program.code:
            from . import shims

            shims.install(self)

    def end(self) -> None:
        """The cell has run: show the figures that it left open."""
        if self._shell is not None:
            self._shell.ends()
        figures = sys.modules.get(__package__ + ".figures")
        if figures is not None:
            figures.flush(self.display)

    def shell(self) -> Any:
        """The shell: IPython's own where the image has it, else the stand-in."""
        if self._shell is None and not self._making:
            with filters.unnoticed():
                self._make_shell()
        return self._shell

    def _make_shell(self) -> None:
        self._making = True
        try:
            if self.has_ipython:
                from . import ipystate, shell

                self._shell = shell.make(self, self._manifest)
                ipystate.show_richly(self._shell, (self._manifest.get("ambient") or {}).get("ipython") or {})
            else:
                from . import standin

                self._shell = standin.make(self)
            if self.program is not None:
                shown = self.namespace.get("__warningregistry__")
                self._shell.starts(self.program)
                if shown is not None:  # IPython forgets at each cell's start which warnings were shown
                    self.namespace["__warningregistry__"] = shown
        finally:
            self._making = False

    def get_ipython(self) -> Any:
        """The running shell, as in any notebook."""
        return self.shell()

    def display(self, *values: object, **options: object) -> object:
        """IPython's ``display``."""
        self.shell()
        if self.has_ipython:
            from IPython.display import display
        else:
            from .shims import display
        return display(*values, **options)

    def show(self, value: object) -> None:
        """``sys.displayhook``: the value of an expression that the cell shows."""
        if value is None or self.quiet:
            return
        self.result = value
        if self._formulas and "sympy" not in sys.modules and formulas.shows(value):
            with contextlib.suppress(ImportError):
                __import__("sympy")  # the notebook's `init_printing` shows numbers, too
        if self._shell is None and self._shows_plainly and _plain(value):
            self.note_last(value)
            data = {"text/plain": repr(value)}
            self.channel.event({"type": "execute_result", "data": data, "metadata": {}, "execution_count": self.count})
            return
        self.shell().displayhook(value)

    def traceback(self, error: BaseException) -> list[str] | None:
        """The lines of a traceback as a notebook shows them; None: the standard library's will do."""
        if not self.has_ipython:
            return None
        return self.shell().traceback_lines(error)  # type: ignore[no-any-return]


def _no_password(prompt: object = "", *_: object, **__: object) -> str:
    return _no_keyboard(prompt)


def _no_keyboard(prompt: object = "", *_: object, **__: object) -> str:
    raise StdinNotImplementedError(
        f"a cell that runs as a job cannot ask for input ({str(prompt)!r}); "
        "ask in a local cell and use the variable here"
    )


# A name that the cell binds to one of them comes back as what stands there at home.
_no_keyboard.__module__, _no_keyboard.__name__, _no_keyboard.__qualname__ = "builtins", "input", "input"
_no_password.__module__, _no_password.__name__, _no_password.__qualname__ = "getpass", "getpass", "getpass"


_SIMPLE = (int, float, complex, bool, str, bytes)


def _plain(value: object) -> bool:
    """Whether IPython would show it by ``repr`` alone, on one line."""
    if type(value) in _SIMPLE:
        return True
    if type(value) in (list, tuple) and len(value) < 30:  # type: ignore[arg-type]
        return all(type(item) in _SIMPLE for item in value) and len(repr(value)) < 78  # type: ignore[attr-defined]
    if type(value) is dict and len(value) < 30:
        return all(type(k) in _SIMPLE and type(v) in _SIMPLE for k, v in value.items()) and len(repr(value)) < 78
    return False
