"""IPython's real shell inside the job: no history file, no profile, displays and results go to the parent.

May import: IPython (this module is imported only where the image has it), this package, the standard library.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import traceback
import types
import warnings

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

from . import failure, formatters, ipystate, keeping, results

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class _Publisher(DisplayPublisher):  # type: ignore[misc]
    """``display_pub``: displays become events."""

    channel = AnyTrait()

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        source: Any = None,
        *,
        transient: Any = None,
        update: Any = False,
        **_: Any,
    ) -> Any:
        event = {"type": "update_display_data" if update else "display_data", "data": data, "metadata": metadata or {}}
        event["display_id"] = (transient or {}).get("display_id")
        self.channel.event(event)

    def clear_output(self, wait: Any = False) -> Any:
        self.channel.event({"type": "clear_output", "wait": bool(wait)})


class _Hook(DisplayHook):  # type: ignore[misc]
    """``displayhook``: values shown become results."""

    front = AnyTrait()

    @property
    def prompt_count(self) -> int:
        return int(self.front.count)

    def quiet(self) -> bool:
        return bool(self.front is not None and self.front.quiet)

    def start_displayhook(self) -> None:
        pass

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        event = {"type": "execute_result", "data": format_dict, "metadata": md_dict or {}}
        self.front.channel.event({**event, "execution_count": self.prompt_count})

    def finish_displayhook(self) -> None:
        pass


class _Kernel:
    """What libraries ask of a kernel: to hear from the page (Panel's widgets), which says nothing to a job; what it is
    doing (``Output`` of ipywidgets)."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    @property
    def comm_manager(self) -> Any:
        import comm  # where IPython is without it, there are no such libraries either

        return comm.get_comm_manager()

    def get_parent(self, channel: Any = None) -> Any:
        """The request that is at work: that of the cell."""
        return {"header": {"msg_id": "cell"}}


class WorkerShell(InteractiveShell):  # type: ignore[misc]
    """What ``get_ipython()`` returns in the job."""

    kernel = AnyTrait(None, allow_none=True)
    """There to be found: libraries tell a notebook from a terminal by it (pandas chooses ``max_columns`` so)."""
    channel = AnyTrait()
    extensions_at_start = AnyTrait()
    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no window system; inline figures need none."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """An error that is shown and not raised, such as one in a value's ``_repr_html_``."""
        sys.stdout.flush()
        sys.stderr.flush()
        event = {"type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": list(stb)}
        self.channel.event(event)  # its own: under %%capture the publisher is another one, and takes no errors

    def ask_exit(self) -> None:
        """``exit`` in a cell ends the job; what is ready comes back."""
        raise SystemExit(0)

    def starts(self, program: Any) -> None:
        """Tell IPython of the cell, so that tracebacks call it by its number."""
        names = getattr(self.compile, "_filename_map", None)
        if names is not None:
            names[program.filename] = self.displayhook.prompt_count
        self.events.trigger("pre_execute")

    def ends(self) -> None:
        """The figures of the inline backend are shown by this event."""
        self.events.trigger("post_execute")

    def traceback_lines(self, error: BaseException) -> list[str] | None:
        """IPython's own rendering, in the user's mode and colours."""
        kind = type(error)
        custom = getattr(error, "_render_traceback_", None)
        if custom is not None:
            return list(custom())
        if isinstance(error, SyntaxError):
            frames: Any = traceback.extract_tb(error.__traceback__)
            if frames:  # it was raised by running code: IPython shows such tracebacks from its own frame on
                frames.insert(0, _running_frame())
            return list(self.SyntaxTB.structured_traceback(kind, error, frames))
        if isinstance(error, SystemExit):
            return list(self.InteractiveTB.get_exception_only(kind, error))
        if failure.has_group(error):  # IPython leaves those to Python
            told = traceback.TracebackException(kind, error, error.__traceback__)
            told.stack.insert(0, _running_frame(_awaits(error)))
            return [line.removesuffix("\n") for line in told.format()]
        return list(self.InteractiveTB.structured_traceback(kind, error, error.__traceback__, tb_offset=0))


# Code asks for these names to know whether it runs in a notebook.
WorkerShell.__name__ = WorkerShell.__qualname__ = "ZMQInteractiveShell"
WorkerShell.__module__ = "ipykernel.zmqshell"


def _awaits(error: BaseException) -> bool:
    """Whether it was raised in a cell with ``await`` outside of functions."""
    outermost = error.__traceback__
    return outermost is not None and bool(outermost.tb_frame.f_code.co_flags & inspect.CO_COROUTINE)


def _running_frame(awaiting: bool = False) -> traceback.FrameSummary:
    """IPython's own frame that runs cells, as it stands in tracebacks of syntax errors and exception groups."""
    filename = str(sys.modules[InteractiveShell.__module__].__file__)
    lines = linecache.getlines(filename)
    runs = "await eval(code_obj, self." if awaiting else "exec(code_obj, self."
    number = next((n for n, line in enumerate(lines, 1) if line.strip().startswith(runs)), 1)
    return traceback.FrameSummary(filename, number, "run_code")


def _counted_early() -> int:
    """1 where IPython counts a cell before it runs it, as newer ones do: its display hook knows."""
    known: Any = DisplayHook.prompt_count
    return 1 - int(known.fget(types.SimpleNamespace(shell=types.SimpleNamespace(execution_count=1))))


def make(front: Any, manifest: Any) -> WorkerShell:
    """The one shell of this process, over the cell's namespace."""
    namespace = front.namespace
    kept = {name: namespace[name] for name in list(namespace) if results.is_hidden(name) and not name.startswith("__")}
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.xmode = "Context"
    config.IPKernelApp = Config()  # libraries tell a notebook from a terminal by it, too (tqdm)
    # Everything that IPython wants to write goes where the job's scratch files are, never into the user's home.
    folder = front.layout.work + "/ipython"
    os.makedirs(folder + "/profile_default", exist_ok=True)
    filters = warnings.filters[:]
    sys_hook = sys.displayhook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shell = WorkerShell.instance(
            config=config,
            user_module=sys.modules["__main__"],
            user_ns=namespace,
            ipython_dir=folder,
            profile_dir=ProfileDir(location=folder + "/profile_default"),
        )
    warnings.filters[:] = filters  # type: ignore[index]  # home's own filters were applied already; IPython's belong to its start there
    sys.displayhook = sys_hook
    # As inside of a cell: the code of `%%capture` runs as a cell in the cell, and must not put the usual hook back.
    shell.display_trap._nested_level += 1
    shell.channel = shell.display_pub.channel = front.channel  # type: ignore[attr-defined]
    shell.displayhook.front = front  # type: ignore[attr-defined]
    shell.kernel = _Kernel(shell)
    shell.execution_count = front.count + _counted_early()
    names = getattr(shell.compile, "_filename_map", None)
    if names is not None:
        names.update(manifest.get("cells") or {})
    history: Any = shell.history_manager
    if isinstance(kept.get("Out"), dict):
        history.output_hist.update(kept["Out"])
    if isinstance(kept.get("In"), list):
        history.input_hist_parsed[:] = kept["In"]
    namespace.update({name: value for name, value in kept.items() if name not in ("Out", "_oh", "In", "_ih")})
    for name, value in front.shown.items():  # the hook binds them as long as they are what it left there
        setattr(shell.displayhook, name, value)
    shell.ast_transformers.append(keeping.Transformer())  # for what `%%time` runs
    ipystate.apply(shell, (manifest.get("ambient") or {}).get("ipython") or {})
    formatters.apply(shell, front.formatted)
    extensions: Any = shell.extension_manager
    shell.extensions_at_start = set(extensions.loaded)
    front.shell_made()
    return shell  # type: ignore[no-any-return]


def loaded_by_cell(shell: Any) -> dict[str, object]:
    """The extensions that the cell loaded, for the notebook's kernel to load them too, and how modules reload."""
    found: dict[str, object] = {}
    names = [name for name in shell.extension_manager.loaded if name not in shell.extensions_at_start]
    if names:
        found["extensions"] = sorted(names)
    reloads = getattr(shell.magics_manager.registry.get("AutoreloadMagics"), "_reloader", None)
    if reloads is not None and reloads.enabled:
        found["autoreload"] = "2" if reloads.check_all else "1"
    return found


def registered_by_cell(shell: Any) -> list[str]:
    """What functions of the notebook are to do in every later cell, by the name of the list that they are in."""
    lists = dict(shell.events.callbacks)
    for name in ("ast_transformers", "input_transformers_cleanup", "input_transformers_post"):
        lists[name] = getattr(shell, name, ())
    found = [name for name, entries in lists.items() if any(_is_ours(entry) for entry in entries)]
    return [*found, *(["set_custom_exc"] if shell.custom_exceptions else [])]


def _is_ours(entry: Any) -> bool:
    owner = getattr(entry, "__self__", entry)
    return "__main__" in (getattr(entry, "__module__", None), type(owner).__module__)
