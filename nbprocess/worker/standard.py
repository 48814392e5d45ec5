"""Settings that modules of the standard library keep: dialects of csv, the first day of the calendar's weeks, how long
sockets wait, how processes start, the size of threads' stacks, loops inside of loops (``nest_asyncio``). As JSON, for
``ambient``.

May import: the standard library.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

MODULES = {  # section → the module whose import makes it exist
    "csv": "csv",
    "calendar": "calendar",
    "socket": "socket",
    "multiprocessing": "multiprocessing",
    "threading": "threading",
    "nested_loops": "asyncio",
}
_DIALECT = (
    *("delimiter", "quotechar", "escapechar", "doublequote", "skipinitialspace", "lineterminator", "quoting", "strict"),
)
_USUAL = ("excel", "excel-tab", "unix")


def _csv(module: Any) -> Any:
    names = [name for name in module.list_dialects() if name not in _USUAL]
    return {name: {part: getattr(module.get_dialect(name), part) for part in _DIALECT} for name in names}


def _apply_csv(module: Any, state: Any) -> None:
    for name in _csv(module).keys() - state.keys():
        module.unregister_dialect(name)
    for name, parts in state.items():
        module.register_dialect(name, **parts)


def _calendar(module: Any) -> Any:
    return {"first": int(module.firstweekday())}


def _apply_calendar(module: Any, state: Any) -> None:
    module.setfirstweekday(state["first"])


def _socket(module: Any) -> Any:
    return {"timeout": module.getdefaulttimeout()}


def _apply_socket(module: Any, state: Any) -> None:
    module.setdefaulttimeout(state["timeout"])


def _multiprocessing(module: Any) -> Any:
    """The method of starting that was chosen, if it is not the usual one: that need not be the same at both ends."""
    method = module.get_start_method(allow_none=True)
    return {} if method in (None, module.get_all_start_methods()[0]) else {"start": method}


def _apply_multiprocessing(module: Any, state: Any) -> None:
    if state.get("start") in module.get_all_start_methods():
        module.set_start_method(state["start"], force=True)
    elif _multiprocessing(module):  # it was put back
        module.set_start_method(None, force=True)


def _threading(module: Any) -> Any:
    return {"stack_size": module.stack_size()}


def _apply_threading(module: Any, state: Any) -> None:
    module.stack_size(state["stack_size"])


def _nested_loops(module: Any) -> Any:
    return {"applied": hasattr(module, "_nest_patched")}


def _apply_nested_loops(module: Any, state: Any) -> list[str]:
    if not state["applied"] or hasattr(module, "_nest_patched"):
        return []
    try:
        import nest_asyncio
    except ImportError:
        return ["nest_asyncio, which lets loops of asyncio run inside of others, is not installed here"]
    nest_asyncio.apply()
    return []


COLLECT = {
    "csv": _csv,
    "calendar": _calendar,
    "socket": _socket,
    "multiprocessing": _multiprocessing,
    "threading": _threading,
    "nested_loops": _nested_loops,
}
APPLY = {
    "csv": _apply_csv,
    "calendar": _apply_calendar,
    "socket": _apply_socket,
    "multiprocessing": _apply_multiprocessing,
    "threading": _apply_threading,
    "nested_loops": _apply_nested_loops,
}
