"""What a ``with`` block, a loop or a ``join()`` leaves behind: pools that are shut down, threads and processes that
have ended (or have not begun), closed files of libraries, readers and writers of CSV.

They hold nothing of their process any more, so that each is made again from what it tells. May import: the standard
library, this folder, the worker's ``hushed``.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import Any, Callable, Dict, Optional, Tuple

from ..hushed import heard
from .atrest import NEWOBJ
from .classes import make_bare, set_state
from .refuse import Refused
from .ways import Table, Ways, place

# -- threads and processes ---------------------------------------------------------------------------------------------

_KEPT = ("_name", "_daemonic", "_target", "_args", "_kwargs")
_OF_PROCESS = {name for name in vars(threading.Thread(name="")) if name not in _KEPT}
"""The attributes of a thread that belong to its process."""


class _Running:
    """Stands for what cannot be told of a thread or process that is at work."""

    def __reduce__(self) -> Any:
        raise Refused("it is still at work. Wait for its end inside the cell (join()).")


def _reduce_thread(thread: Any) -> Any:
    if thread is threading.main_thread():
        return threading.main_thread, ()
    if thread.is_alive():
        return NotImplemented
    return NEWOBJ, (type(thread),), thread_state(thread), None, None, set_thread


def thread_state(thread: Any) -> Dict[str, Any]:
    """What a thread is and holds; ``ended``: its number, once it has run."""
    found = {name: value for name, value in vars(thread).items() if name not in _OF_PROCESS}
    begun = thread.ident if thread._started.is_set() else None
    return {**found, "ended": _Running() if thread.is_alive() else begun}


def set_thread(thread: Any, state: Dict[str, Any]) -> None:
    """Let a thread that has not begun here be as the one at the other end."""
    attributes = dict(state)
    ended = attributes.pop("ended")
    if not vars(thread):
        threading.Thread.__init__(thread, name=attributes["_name"], daemon=attributes["_daemonic"])
        thread._stderr = heard(sys.stderr)
    for name in vars(thread).keys() - _OF_PROCESS - attributes.keys():
        del vars(thread)[name]
    vars(thread).update(attributes)
    if ended is None or thread._started.is_set():
        return
    thread._started.set()
    thread._ident = thread._native_id = ended
    if hasattr(thread, "_handle"):  # since Python 3.13
        made: Any = sys.modules["_thread"]
        thread._handle = made._make_thread_handle(ended)
        thread._handle._set_done()
    else:
        thread._is_stopped, thread._tstate_lock = True, None


def _reduce_process(process: Any) -> Any:
    popen = process._popen
    if process._parent_pid != os.getpid() or (popen is not None and popen.poll() is None):
        return NotImplemented
    return NEWOBJ, (type(process),), process_state(process), None, None, set_process


def process_state(process: Any) -> Dict[str, Any]:
    """What a process is and holds; ``ended``: its number and how it ended, once it has run."""
    left_out = ("_popen", "_parent_pid", "_config")
    found = {name: value for name, value in vars(process).items() if name not in left_out}
    popen = process._popen
    if popen is None:
        return {**found, "ended": None}
    code = popen.poll()
    return {**found, "ended": _Running() if code is None else sys.intern(f"{popen.pid} {code}")}


def set_process(process: Any, state: Dict[str, Any]) -> None:
    """Let a process be as the one at the other end, as a child of the process of this end."""
    import multiprocessing

    attributes = dict(state)
    ended = attributes.pop("ended")
    vars(process).update(attributes)
    vars(process).setdefault("_popen", None)
    vars(process)["_parent_pid"] = os.getpid()
    vars(process)["_config"] = dict(multiprocessing.current_process()._config)  # type: ignore[attr-defined]
    if ended is not None and process._popen is None:
        vars(process)["_popen"] = _Ended(*map(int, ended.split()))


class _Ended:
    """Stands for the way to a process that has ended."""

    def __init__(self, pid: int, code: int) -> None:
        self.pid, self.returncode = pid, code

    def poll(self, flag: int = 0) -> int:
        """How it ended."""
        return self.returncode

    def wait(self, timeout: Optional[float] = None) -> int:
        """How it ended."""
        return self.returncode

    def terminate(self) -> None:
        """Nothing is left to end."""

    kill = close = terminate


def _reduce_popen(popen: Any) -> Any:
    return NotImplemented if popen.poll() is None else (NEWOBJ, (type(popen),), dict(vars(popen)))


# -- pools -------------------------------------------------------------------------------------------------------------


_COUNTS = ("_idle_semaphore", "_idle_worker_semaphore", "_queue_count", "_work_ids")


def _set(executor: Any, attributes: Dict[str, Any]) -> None:
    vars(executor).update(attributes)


def _reduce_executor(executor: Any) -> Any:
    """One that is shut down, or that has nothing to do: its threads and processes are made when they are needed."""
    held = vars(executor)
    ended = bool(held.get("_shutdown") or held.get("_shutdown_thread"))
    if not ended and (held.get("_pending_work_items") or len(held.get("_threads", ())) > _idle(executor)):
        return NotImplemented
    given = {"initializer": held.get("_initializer"), "initargs": held.get("_initargs", ())}
    prefix = held.get("_thread_name_prefix")
    given.update({} if prefix is None else {"thread_name_prefix": prefix})
    counts = {name: held[name] for name in _COUNTS if ended and name in held}
    return (
        make_executor,
        (type(executor), executor._max_workers, {} if ended else given, ended),
        counts,
        None,
        None,
        _set,
    )


def _idle(executor: Any) -> int:
    waiting = getattr(executor, "_idle_semaphore", None)
    return 0 if waiting is None or executor._work_queue.qsize() else int(waiting._value)


def make_executor(kind: Any, workers: int, given: Dict[str, Any], ended: bool) -> Any:
    """An executor without threads or processes, shut down or not."""
    made = kind(workers, **given)
    if ended:
        made.shutdown()
    return made


_OF_POOL = (
    *("_state", "_processes", "_maxtasksperchild", "_pool"),
    *("_worker_handler", "_task_handler", "_result_handler"),
)


def _reduce_pool(pool: Any) -> Any:
    if pool._state == "RUN" or any(process.is_alive() for process in pool._pool or ()):
        return NotImplemented
    return (
        make_bare,
        (type(pool),),
        {**{name: vars(pool)[name] for name in _OF_POOL if name in vars(pool)}, "_cache": {}},
    )


# -- closed files of libraries -----------------------------------------------------------------------------------------


def _reduce_gzip(file: Any) -> Any:
    if not file.closed:
        return NotImplemented
    kept = {name: value for name, value in vars(file).items() if type(value) in (str, int, bytes, type(None))}
    return NEWOBJ, (type(file),), {**kept, "fileobj": None}, None, None, set_state


def _reduce_by_attributes(obj: Any) -> Any:
    """One whose class would make something, or answer for what it does not hold; what is open in it is refused."""
    return make_bare, (type(obj),), dict(vars(obj)), None, None, set_state


# -- CSV ---------------------------------------------------------------------------------------------------------------

_DIALECT = ("delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace")


def _dialect(obj: Any) -> Dict[str, Any]:
    return {name: getattr(obj.dialect, name) for name in (*_DIALECT, "strict")}


def _reduce_reader(reader: Any) -> Any:
    inner = [part for part in gc.get_referents(reader) if hasattr(type(part), "__next__")]
    if len(inner) != 1:
        return NotImplemented
    source = inner[0].inner if isinstance(inner[0], _Counted) else inner[0]
    return make_reader, (source, _dialect(reader), reader.line_num)


class _Counted:
    """Lines of CSV, some of which were read before."""

    def __init__(self, inner: Any, before: int) -> None:
        self.inner, self._before = inner, before

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self._before:
            self._before -= 1
            return ""
        return next(self.inner)


def make_reader(source: Any, dialect: Dict[str, Any], lines: int) -> Any:
    """A reader that goes on where the other one is."""
    import csv

    made = csv.reader(_Counted(source, lines), **dialect)
    for _ in range(lines):
        next(made)
    return made


def _reduce_writer(writer: Any) -> Any:
    found = [getattr(part, "__self__", None) for part in gc.get_referents(writer) if not isinstance(part, type)]
    owners = [owner for owner in found if hasattr(owner, "write")]
    return (make_writer, (owners[0], _dialect(writer))) if len(owners) == 1 else NotImplemented


def make_writer(file: Any, dialect: Dict[str, Any]) -> Any:
    """A writer into that file."""
    import csv

    return csv.writer(file, **dialect)


# -- others ------------------------------------------------------------------------------------------------------------


def _reduce_struct(made: Any) -> Any:
    return type(made), (made.format,)


def _reduce_entry(entry: Any) -> Any:
    return find_entry, (entry.path[: len(entry.path) - len(entry.name)], entry.name)


def find_entry(folder: Any, name: Any) -> Any:
    """What ``os.scandir`` says of a file, if it is here too."""
    with os.scandir(folder or os.curdir) as entries:
        found = next((entry for entry in entries if entry.name == name), None)
    if found is None:
        raise FileNotFoundError(f"there is no {name} in {folder or os.curdir}")
    return found


def _reduce_decoder(decoder: Any) -> Any:
    held = {name: value for name, value in vars(decoder).items() if name != "scan_once"}
    return make_bare, (type(decoder),), held, None, None, set_decoder


def set_decoder(decoder: Any, attributes: Dict[str, Any]) -> None:
    """A decoder of JSON, with the scanner of this end."""
    import json.scanner

    vars(decoder).update(attributes)
    decoder.scan_once = json.scanner.make_scanner(decoder)


TABLE: Table = [
    (("threading", "Thread"), _reduce_thread),
    (("multiprocessing", "BaseProcess"), _reduce_process),
    (("subprocess", "Popen"), _reduce_popen),
    (("concurrent", "ThreadPoolExecutor"), _reduce_executor),
    (("concurrent", "ProcessPoolExecutor"), _reduce_executor),
    (("multiprocessing", "Pool"), _reduce_pool),
    (("gzip", "GzipFile"), _reduce_gzip),
    (("pandas", "ExcelWriter"), _reduce_by_attributes),
    (("_csv", "reader"), _reduce_reader),
    (("_csv", "writer"), _reduce_writer),
    (("_csv", "Writer"), _reduce_writer),
    (("_struct", "Struct"), _reduce_struct),
    (("json", "JSONDecoder"), _reduce_decoder),
    (("posix", "DirEntry"), _reduce_entry),
]
"""What is still at work has no way: ``NotImplemented``."""
WAYS = Ways(TABLE)


# -- what a cell changes -----------------------------------------------------------------------------------------------


def has_ends(obj: Any) -> bool:
    """Whether it is a thread or process, which begins and ends."""
    return isinstance(obj, threading.Thread) or _is_process(obj)


def _is_process(obj: Any) -> bool:
    return any(place(base) == ("multiprocessing", "BaseProcess") for base in type(obj).__mro__)


def state_of(obj: Any) -> Tuple[str, Any]:
    """The kind of state, and the state, for ``changes``."""
    return ("process", process_state(obj)) if _is_process(obj) else ("thread", thread_state(obj))


APPLY: Dict[str, Callable[[Any, Any], None]] = {"thread": set_thread, "process": set_process}
