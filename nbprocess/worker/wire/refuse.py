"""Values that must not or cannot travel, with the reason and the way out; and the way to the culprit inside a value.

May import: ``ways``, the standard library. Types of libraries are recognised by name: nothing is imported for it.
"""

from __future__ import annotations

import pickle
import types
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from .ways import place

_SECRET = "it holds credentials, which are never sent. Make it inside the cell: the job has its own role there."
_CONNECTION = "a connection lives in this process only. Open it inside the cell."
_THREAD = "it belongs to the threads of this process. Make it inside the cell."
_DIGEST = "a digest that is not finished belongs to this process. Use its hexdigest(), or make it inside the cell."
_SPARK = "it is a handle to a cluster. Collect the data first, or make it inside the cell."
_WINDOW = "it is a window onto a dict. Make a list of it."
_NODES = "its nodes lie in the memory of lxml. Send its text (etree.tostring()), and parse that inside the cell."
_QUERY = "a query belongs to its connection. Fetch its rows (df(), fetchall()), or ask inside the cell."
_USED_UP = "what it still would give exists in this process only. Make a list of it, or create it inside the cell."

# (module prefix, type name or "*") → reason; checked against every class in the type's MRO.
_BY_NAME: Dict[Tuple[str, str], str] = {
    ("builtins", "generator"): _USED_UP,
    ("builtins", "async_generator"): _USED_UP,
    ("builtins", "coroutine"): "it can be awaited in this process only. Await it here, or create it inside the cell.",
    ("builtins", "frame"): "a frame lives in this process only. Leave it out.",
    ("builtins", "traceback"): "a traceback lives in this process only. Leave it out.",
    (
        "os",
        "_Environ",
    ): "the environment may hold secrets and is never sent. Use --env NAME for the variables that are needed.",
    ("_io", "TextIOWrapper"): "a file is open in this process only. Open it inside the cell.",
    ("_io", "BufferedReader"): "a file is open in this process only. Open it inside the cell.",
    ("_io", "BufferedWriter"): "a file is open in this process only. Open it inside the cell.",
    ("_io", "BufferedRandom"): "a file is open in this process only. Open it inside the cell.",
    ("_io", "FileIO"): "a file is open in this process only. Open it inside the cell.",
    ("_thread", "lock"): _THREAD,
    ("_thread", "RLock"): _THREAD,
    ("_thread", "_local"): _THREAD,
    ("threading", "*"): _THREAD,
    ("multiprocessing", "*"): _THREAD,
    ("queue", "*"): _THREAD,
    ("_queue", "SimpleQueue"): _THREAD,
    ("concurrent.futures", "*"): _THREAD,
    ("subprocess", "Popen"): "a process belongs to this machine. Start it inside the cell.",
    ("asyncio", "*"): "it belongs to the event loop of this process. Create it inside the cell.",
    ("_asyncio", "*"): "it belongs to the event loop of this process. Create it inside the cell.",
    ("socket", "socket"): _CONNECTION,
    ("_socket", "socket"): _CONNECTION,
    ("ssl", "SSLContext"): _CONNECTION,
    ("_ssl", "_SSLContext"): _CONNECTION,
    ("nbprocess.views", "*"): "it shows a job in this page only. Leave it out.",
    ("plotly.basewidget", "BaseFigureWidget"): "its parts lead to this page. Use go.Figure(...) of it instead.",
    ("sqlite3", "Connection"): _CONNECTION,
    ("sqlite3", "Cursor"): _CONNECTION,
    ("sqlalchemy", "Engine"): _CONNECTION,
    ("sqlalchemy", "Connection"): _CONNECTION,
    ("sqlalchemy", "Session"): _CONNECTION,
    ("psycopg2", "connection"): _CONNECTION,
    ("duckdb", "DuckDBPyConnection"): _CONNECTION,
    ("_duckdb", "DuckDBPyConnection"): _CONNECTION,
    ("duckdb", "DuckDBPyRelation"): _QUERY,
    ("_duckdb", "DuckDBPyRelation"): _QUERY,
    ("boto3", "*"): _SECRET,
    ("botocore", "*"): _SECRET,
    ("aiobotocore", "*"): _SECRET,
    ("requests.sessions", "Session"): _SECRET,
    ("requests.auth", "*"): _SECRET,
    ("google.auth", "*"): _SECRET,
    ("google.oauth2", "*"): _SECRET,
    ("azure.identity", "*"): _SECRET,
    ("paramiko", "*"): _SECRET,
    ("requests_oauthlib", "*"): _SECRET,
    ("httpx", "Client"): _SECRET,
    ("httpx", "AsyncClient"): _SECRET,
    ("openai", "OpenAI"): _SECRET,
    ("openai", "AsyncOpenAI"): _SECRET,
    ("anthropic", "Anthropic"): _SECRET,
    ("anthropic", "AsyncAnthropic"): _SECRET,
    ("google.cloud.client", "Client"): _SECRET,
    ("huggingface_hub.hf_api", "HfApi"): _SECRET,
    ("github", "Github"): _SECRET,
    ("smtplib", "SMTP"): _CONNECTION,
    ("ftplib", "FTP"): _CONNECTION,
    ("imaplib", "IMAP4"): _CONNECTION,
    ("http.client", "HTTPConnection"): _CONNECTION,
    ("psycopg", "Connection"): _CONNECTION,
    ("pymysql.connections", "Connection"): _CONNECTION,
    ("pyodbc", "*"): _CONNECTION,
    ("oracledb", "Connection"): _CONNECTION,
    ("snowflake.connector", "*"): _CONNECTION,
    ("pymongo", "MongoClient"): _CONNECTION,
    ("redis", "Redis"): _CONNECTION,
    ("trino.dbapi", "Connection"): _CONNECTION,
    ("_multiprocessing", "SemLock"): _THREAD,
    ("mmap", "mmap"): "mapped memory belongs to this process. Read its bytes, or open the file inside the cell.",
    ("builtins", "memoryview"): "it is a window onto other memory. Make bytes of it.",
    ("builtins", "dict_keys"): _WINDOW,
    ("builtins", "dict_values"): _WINDOW,
    ("builtins", "dict_items"): _WINDOW,
    ("builtins", "code"): "compiled code fits one version of Python. Send its text, and compile it inside the cell.",
    ("weakref", "*"): "a weak reference points into this process. Use the object itself.",
    ("_weakrefset", "WeakSet"): "weak references point into this process. Use a plain set.",
    ("builtins", "weakref"): "a weak reference points into this process. Use the object itself.",
    ("builtins", "ReferenceType"): "a weak reference points into this process. Use the object itself.",
    ("_contextvars", "ContextVar"): "a context variable belongs to this process. Make it inside the cell.",
    ("builtins", "ContextVar"): "a context variable belongs to this process. Make it inside the cell.",
    ("re", "Match"): "a match refers to the scan that made it. Use its groups() instead.",
    ("builtins", "mappingproxy"): "it is a window onto a class. Make a dict of it.",
    ("tempfile", "TemporaryDirectory"): "its folder is deleted with the object. Create it inside the cell.",
    ("tempfile", "_TemporaryFileWrapper"): "a file is open in this process only. Open it inside the cell.",
    ("IPython.core.display_functions", "DisplayHandle"): "it belongs to this page. Create it inside the cell.",
    (
        "xgboost",
        "QuantileDMatrix",
    ): "XGBoost cannot save it. Send the data that it was made of, and make it inside the cell.",
    ("lxml.etree", "_Element"): _NODES,
    ("lxml.etree", "_ElementTree"): _NODES,
    ("_sre", "SRE_Scanner"): "a scan goes on in this process only. Make a list of its matches.",
    ("_hashlib", "HASH"): _DIGEST,
    ("_hashlib", "HMAC"): _DIGEST,
    ("hmac", "HMAC"): _DIGEST,
    ("_blake2", "*"): _DIGEST,
    ("pyspark.sql", "SparkSession"): _SPARK,
    ("pyspark.sql", "DataFrame"): _SPARK,
    ("pyspark", "SparkContext"): _SPARK,
    ("distributed.client", "Client"): _SPARK,
    ("ray", "ObjectRef"): _SPARK,
}
_HARMLESS = {("queue", "Empty"), ("queue", "Full"), ("asyncio", "Queue")}
_ROOTS = {prefix.split(".")[0] for prefix, _ in _BY_NAME}
_known: Dict[type, Optional[str]] = {}
_widgets: Dict[type, bool] = {}


class Refused(pickle.PicklingError):
    """A value that must not or cannot travel; ``args[0]`` is the reason with the way out."""


def reason(kind: type) -> Optional[str]:
    """Why values of this type do not travel; None when they may."""
    if kind not in _known:
        _known[kind] = _look_up(kind)
    return _known[kind]


def is_widget(kind: type) -> bool:
    """Whether its values are widgets of ipywidgets, or of what is made of them."""
    if kind not in _widgets:
        _widgets[kind] = any(place(base) == ("ipywidgets", "Widget") for base in kind.__mro__)
    return _widgets[kind]


def _look_up(kind: type) -> Optional[str]:
    if issubclass(kind, BaseException) or issubclass(kind, type):
        return None
    for base in kind.__mro__:
        module, name = base.__module__ or "", base.__name__  # some classes belong to no module
        if module.split(".")[0] not in _ROOTS or (module, name) in _HARMLESS:
            continue
        for (prefix, wanted), text in _BY_NAME.items():
            if wanted in ("*", name) and (module == prefix or module.startswith(prefix + ".")):
                return text
    return None


def culprit(value: Any, fails: Callable[[Any], Optional[BaseException]], depth: int = 8) -> Tuple[Any, str]:
    """The smallest part of ``value`` that cannot travel, and the path to it (``.logger.handlers[0].lock``).

    Args:
        value: a value for which ``fails(value)`` gives an error.
        fails: tries one part by itself.
        depth: how many steps to go down at most.
    """
    path = ""
    for _ in range(depth):
        if reason(type(value)) is not None:
            break  # it is refused for what it is: its inside is no news
        for step, part in _parts(value):
            if fails(part) is not None:
                value, path = part, path + step
                break
        else:
            break
    return value, path


def _parts(value: Any) -> Iterator[Tuple[str, Any]]:
    if issubclass(type(value), dict):
        for index, (key, item) in enumerate(dict.items(value)):
            if index > 1000:
                return
            yield f"[{key!r}]" if isinstance(key, (str, int)) else f"[<{type(key).__name__}>]", item
    elif issubclass(type(value), (list, tuple)):
        kind: Any = list if isinstance(value, list) else tuple  # whose own methods say what it holds
        for index, item in enumerate(kind.__getitem__(value, slice(1000))):
            yield f"[{index}]", item
    elif isinstance(value, (set, frozenset)):
        for item in list(value)[:1000]:
            yield "{...}", item
    elif isinstance(value, types.ModuleType):
        return  # it goes by its name or not at all
    cells = value.__closure__ if isinstance(value, types.FunctionType) else None
    if cells:
        for name, cell in zip(value.__code__.co_freevars, cells):
            try:
                yield f".<closure>.{name}", cell.cell_contents
            except ValueError:
                continue
    if (type(value).__module__ or "").split(".")[0] in ("pandas", "numpy", "tensorflow"):
        return  # their attributes are their own affair: no way in for the reader
    try:
        attributes = dict(vars(value)) if not isinstance(value, type) else {}
    except Exception:  # slots have none, and what stands for a missing value says so at any touch
        attributes = {}
    for name, item in attributes.items():
        yield f".{name}", item
