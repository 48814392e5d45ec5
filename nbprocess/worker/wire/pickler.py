"""The pickler: C speed for plain data, our own reductions for what plain pickle loses or gets wrong.

May import: the standard library, this folder, the worker's ``tombstone``; cloudpickle as the last resort.
"""

from __future__ import annotations

import copyreg
import functools
import io
import pickle
import sys
import types
import weakref
from typing import Any, Dict, List, Optional, Set

from ..tombstone import Tombstone, why
from . import (
    arrays,
    awsclients,
    caches,
    callbacks,
    classes,
    compiled,
    constants,
    containers,
    databases,
    duck,
    dynamic,
    exceptions,
    frames,
    functions,
    generators,
    handlers,
    inflight,
    leftovers,
    libraries,
    mapped,
    named,
    openfiles,
    parameters,
    plugins,
    records,
    refuse,
    remade,
    reopened,
    singles,
    states,
    subclasses,
    tables,
    tensors,
    widgets,
)
from .atrest import NEWOBJ
from .refuse import Refused
from .ways import Ways

CODECS = ("plain", "numpy", "frame", "source", "pickle", "bytecode")
"""From the most neutral to the last resort."""

_PLAIN = {
    *(
        "builtins",
        "__main__",
        "datetime",
        "decimal",
        "fractions",
        "collections",
        "pathlib",
        "uuid",
        "enum",
        "functools",
    ),
    *(
        "numpy",
        "pandas",
        "zoneinfo",
        "types",
        "random",
        "copyreg",
        "operator",
        "itertools",
        "string",
        "nbprocess",
        "_io",
    ),
}
_FRAME = 1 << 16
"""Bytes from which on pickle hands the very object to the file, which wants C's order."""
_COMPILED = {"builtin_function_or_method", "cython_function_or_method", "fused_cython_function"}
_CARRIED = Ways(
    [*databases.TABLE, *leftovers.TABLE, *openfiles.TABLE, *parameters.TABLE, *reopened.TABLE, *widgets.TABLE]
)
_STANDARD: Set[str] = set(getattr(sys, "stdlib_module_names", ())) | {"builtins", "__main__", "nbprocess", ""}


class _Reducing:
    """What both picklers do. Protocol 5; buffers go to ``buffers``; what is learnt on the way to ``kinds``, ``needs``,
    ``owners``."""

    def __init__(
        self,
        file: Any,
        shared: Optional[Dict[int, Any]] = None,
        *,
        storages: Optional[Dict[Any, tensors.Storage]] = None,
        probing: bool = False,
        careful: bool = False,
    ) -> None:
        # Weakly: a pickler in a cycle would keep all values alive until Python looks for cycles.
        ref = weakref.ref(self)
        super().__init__(file, 5, buffer_callback=lambda buffer: ref()._out_of_band(buffer))  # type: ignore[call-arg,union-attr]
        if careful:
            self.persistent_id = singles.naming()
        self.probing = probing
        self.known: Any = ()  # identities of what the other end has
        self.kept_by: Dict[type, Any] = {}  # see ``states.reduce_whole``
        self.by_columns = False  # to compare frames: pandas puts columns together at will
        self.buffers: List[pickle.PickleBuffer] = []
        self.kinds: Set[str] = set()
        self.needs: Dict[str, str] = {}
        self.files: Set[str] = set()  # in which the source of what was sent stands
        self.definitions: List[Any] = []  # functions and classes that go as source: their globals are no part of it
        self.owners: Dict[int, Any] = {}  # id of the memory's owner → [owner, ids of the arrays over it]
        self.private: Set[int] = set()  # arrays that a reduction made itself: never views to keep
        self.storages = {} if storages is None else storages  # of tensors: see ``tensors.storage_of``
        self.held: Dict[int, tensors.Storage] = {}  # those that were met, by identity
        self.losses: Set[str] = set()  # what values have that does not travel
        self.shells: Set[int] = set()  # nodes of documents, which get what they hold later
        self._shared = shared or {}
        self._kept: List[Any] = []
        self.compiled: Dict[str, compiled.Module] = {}  # modules that %%cython made, by their names
        self._spaces: Dict[int, Any] = {}  # id of the globals → what stands for them

    def _out_of_band(self, buffer: pickle.PickleBuffer) -> bool:
        size = buffer.raw().nbytes
        # One that is not in C's order is beyond what pickle in C writes into the stream in one piece.
        if size < arrays.IN_BAND and (size < _FRAME or memoryview(buffer).c_contiguous):
            return True
        self.buffers.append(buffer)
        return False

    def mark(self, kind: str) -> None:
        """Note that a value of this kind is in the graph."""
        self.kinds.add(kind)

    def own(self, array: Any) -> Any:
        """Register an array that a reduction made: its memory is not looked at for sharing."""
        self.private.add(id(array))
        self._kept.append(array)
        return array

    def plain(self, array: Any, view: Any) -> Any:
        """The plain ``view`` of an array of another kind, kept alive; it stands for the array's memory."""
        if arrays.owner(view) is array and not arrays.is_contents(array):
            # Its memory is its own, and others may lie over it: the plain view is not to lead back to it.
            self.owners.setdefault(id(array), [array, set()])[1].add(id(view))
            return self.own(view)
        self._kept.append(arrays.contents(view) if arrays.is_contents(array) else view)
        return self._kept[-1]

    def space_of(self, names: Dict[str, Any]) -> Any:
        """What stands for globals that are no module's: the same for all functions over them."""
        self._kept.append(names)
        return self._spaces.setdefault(id(names), functions.Space())

    def shared_base(self, array: Any) -> Any:
        """The array to make a view of: the memory's owner, when other arrays of this dump lie over it too, or an array
        of the other end; else None."""
        if id(array) in self.private or arrays.is_contents(array):
            return None
        owner = arrays.owner(array)
        self.owners.setdefault(id(owner), [owner, set()])[1].add(id(array))
        base = self._shared.get(id(owner))
        return base if base is not array and not arrays.loses_gaps(owner) else None

    def array_over(self, storage: tensors.Storage, place: int, *facts: Any) -> Any:
        """The reduction of an array over the memory of tensors."""
        return tensors.make_array_over, (storage, place - storage.flat.data_ptr(), *facts)

    def by_bytecode(self, obj: Any) -> Any:
        """The last resort: cloudpickle's bytecode, readable by the same minor version of Python only."""
        try:
            import cloudpickle
        except ImportError:
            raise Refused(
                "its source is not known here, and cloudpickle is not installed. Define it in a cell."
            ) from None
        self.mark("bytecode")
        return from_bytecode, (cloudpickle.dumps(obj, protocol=5),)

    def reducer_override(self, obj: Any) -> Any:
        """Called for everything that is not plain data."""
        kind = type(obj)
        reason = refuse.reason(kind)
        way = _CARRIED.of(kind)
        again = NotImplemented if way is None else way(obj)
        if again is not NotImplemented:
            return again
        if reason is not None:
            again = remade.reduce_remade(obj)
            if again is NotImplemented and kind is types.GeneratorType:
                again = inflight.reduce_generator(self, obj)
            if again is NotImplemented and databases.is_database(kind):
                again = databases.reduce_database(self, obj)
            if again is NotImplemented and duck.is_connection(kind):
                again = duck.reduce_connection(self, obj)
            if again is NotImplemented and duck.is_relation(kind):
                again = duck.reduce_relation(self, obj)
            if again is NotImplemented and awsclients.kind_of(kind):
                self._need("boto3")
                again = awsclients.reduce_aws(self, obj)
            if again is not NotImplemented:
                return again
            raise Refused(reason)
        if kind is Tombstone:
            raise Refused(why(obj))
        if kind is named.Named:
            self._need(obj.module)
            return remade.make_attribute, (obj.module, obj.name)
        if (isinstance(obj, type) or kind.__name__ in _COMPILED) and compiled.is_member(obj):
            return compiled.reduce_member(self, obj)
        if kind is types.FunctionType:
            found = classes.reduce_member_function(obj)
            if found is NotImplemented:
                found = functions.reduce_function(self, obj)
            if found is NotImplemented:
                self._need(obj.__module__)
            return found
        if isinstance(obj, type):
            found = classes.reduce_class(self, obj)
            if found is NotImplemented:
                self._need(obj.__module__)
            return found
        if kind is types.MethodType:
            place = functions.name_in_module(obj)
            return functions.reduce_method(obj) if place is None else (remade.make_attribute, place)
        if kind is types.ModuleType or (isinstance(obj, types.ModuleType) and sys.modules.get(obj.__name__) is obj):
            self._need(obj.__name__)
            return functions.reduce_module(obj)
        if kind is types.CellType:
            return functions.reduce_cell(obj)
        if kind is types.BuiltinFunctionType:
            self._need(getattr(obj, "__module__", None) or "")
            place = None if isinstance(obj.__self__, types.ModuleType) else functions.name_in_module(obj)
            return NotImplemented if place is None else (remade.make_attribute, place)
        if (kind.__name__ == "_grouper" and kind.__module__ == "itertools") or kind.__name__ == "NpzFile":
            return remade.reduce_remade(obj)
        if kind.__module__ == "uarray" and functions.is_offered(obj):  # what ``scipy.fft`` has
            self._need(obj.__module__)
            return remade.make_attribute, (obj.__module__, obj.__name__)
        if kind.__name__.endswith("iterator"):
            return remade.reduce_iterator(obj)
        if kind in (property, classmethod, staticmethod):
            return classes.reduce_member(obj)
        if kind in (types.GetSetDescriptorType, types.MemberDescriptorType):
            return dynamic.reduce_descriptor(obj)
        if kind is functools.cached_property:
            return dynamic.reduce_cached_property(obj)
        if kind.__name__ in ("TypeVar", "ParamSpec", "TypeVarTuple", "NewType") and kind.__module__ == "typing":
            return classes.reduce_typing(obj)
        if kind is caches.CACHED:
            return NotImplemented if functions.by_reference(obj) else functions.reduce_cached(obj, probing=self.probing)
        if kind in (io.StringIO, io.BytesIO) and obj.closed:
            return remade.make_closed_memory, (kind,)
        if kind.__module__ == "random" and obj is getattr(sys.modules.get("random"), "_inst", None):
            return remade.make_attribute, ("random", "_inst")  # `from random import uniform` leads here
        if kind.__module__ == "random" and kind.__name__ == "SystemRandom":
            return NEWOBJ, (kind,)  # it has no state
        if kind.__module__ == "sys" and issubclass(kind, tuple):
            return remade.reduce_facts(obj)
        if kind.__module__ == "decimal" and kind.__name__ == "Context":
            return remade.reduce_context(obj)
        if isinstance(obj, BaseException):
            return exceptions.reduce_exception(self, obj)
        root = (kind.__module__ or "").split(".")[0]
        if root == "pathlib":
            return remade.reduce_path(obj)
        if root == "numpy":
            return self._numpy(kind, obj)
        if subclasses.is_array(obj):
            found = subclasses.reduce_array(self, obj)
            if found is not NotImplemented:
                self._need(kind.__module__)
                return found
        if root != "pandas" and frames.is_frame(kind):
            self.mark("pickle")
            self._need(kind.__module__)
            return subclasses.reduce_frame(obj)
        if root == "pandas":
            found = frames.reduce_pandas(self, obj)
            if found is NotImplemented:
                self.mark("pickle")
            return found
        if root == "IPython" and kind.__name__ in (
            "ZMQExitAutocall",
            "ExitAutocall",
            "Quitter",
        ):
            raise Refused("it is the shell's own. Leave it out.")
        if kind is remade.Anew:
            made = self.reducer_override(obj.obj)
            made = obj.obj.__reduce_ex__(5) if made is NotImplemented else made
            return (remade.make_by, (made[0], made[1]), *made[2:])
        if kind is callbacks.Sent:
            return callbacks.reduce_sent(self, obj)
        if root in remade.SHELL_ROOTS:
            path = remade.path_in_shell(obj)
            if path is not None:
                return remade.make_of_shell, (path,)
            stream = remade.reduce_stream(obj)
            if stream is not NotImplemented:
                return stream
        if root in ("logging", "__main__") and handlers.is_handler(obj):
            return handlers.reduce_handler(obj)
        if root not in _PLAIN or root == "__main__":
            found = states.reduce_whole(self, obj)
            if found is not NotImplemented:
                self._need(kind.__module__)
                return found
        if root not in _PLAIN:
            return self._foreign(root, kind, obj)
        if kind.__module__ != "__main__":
            return NotImplemented
        if callbacks.is_node(obj):
            return callbacks.reduce_node(obj)
        if tables.is_of_columns(obj):  # made of a table of astropy
            return tables.reduce_columns(obj)
        found = containers.reduce_container(obj) if issubclass(kind, containers.KINDS) else NotImplemented
        found = classes.reduce_instance(obj) if found is NotImplemented else found
        return classes.reduce_of_library(obj) if found is NotImplemented else found

    def _foreign(self, root: str, kind: type, obj: Any) -> Any:
        """Values of installed libraries: by a codec of their own, else by pickle."""
        self._need(kind.__module__)
        if root not in _STANDARD:
            target = plugins.codec_of(kind)
            if target is not None:
                self._need(target)
                return plugins.reduce_by_plugin(target, obj)
            place = constants.name_of(obj)
            if place is not None:
                return remade.make_attribute, place
        if callbacks.is_node(obj):
            self.mark("pickle")
            return callbacks.reduce_node(obj)
        found = libraries.reduce_foreign(self, root, obj)
        found = classes.reduce_fixed(obj) if found is NotImplemented else found
        if found is NotImplemented or root == "plotly":
            self.mark("pickle")
        return classes.reduce_of_library(obj) if found is NotImplemented else found

    def _numpy(self, kind: type, obj: Any) -> Any:
        import numpy as np

        if kind is np.ndarray:
            return arrays.reduce_array(self, obj)
        if kind in (np.recarray, np.matrix) and obj.dtype.names != ():
            plain = obj.view(np.ndarray)  # a view: that it shares its memory with others is seen by this one
            return arrays.make_kind, (self.plain(obj, plain), kind)
        if kind is np.memmap:
            arrays.check_mapped(obj)
            self.mark("numpy")
            return mapped.reduce_mapped(self, obj)
        if records.is_record(obj):
            return records.make_record, (self.plain(obj, records.of_record(obj)),)
        if isinstance(obj, np.generic) and not obj.dtype.hasobject and kind is not np.void:
            return arrays.reduce_scalar(obj)
        if (kind.__module__ or "").startswith("numpy.random"):
            found = generators.reduce_generator(obj)
            if found is not NotImplemented:
                self.mark("numpy")
                return found
        if kind is np.ma.MaskedArray and obj._baseclass is np.ndarray and not obj.dtype.hasobject:
            return subclasses.reduce_masked(self, obj)
        if isinstance(obj, np.dtype):
            return arrays.reduce_dtype(obj)
        if kind is np.ufunc:
            return arrays.reduce_ufunc(obj)
        if kind in (np.finfo, np.iinfo):
            return kind, (obj.dtype,)
        if kind in (np.flatiter, np.broadcast):
            self.mark("numpy")
            return arrays.reduce_walk(obj)
        if kind is np.vectorize:
            self.mark("pickle")
            return NEWOBJ, (kind,), dict(vars(obj)), None, None, arrays.set_vectorize
        if kind.__module__ != "numpy":
            self.mark("pickle")
        return NotImplemented

    def _need(self, module: Optional[str]) -> None:
        root = (module or "").split(".")[0]
        if root not in _STANDARD and root not in self.needs:
            version = getattr(sys.modules.get(root), "__version__", "")
            self.needs[root] = version if isinstance(version, str) else ""


class Pickler(_Reducing, pickle.Pickler):
    """In C."""


DEEPER = sys.version_info >= (3, 11)
"""Whether Python's own calls may go deeper than those of its C code."""
_PYTHON_DEPTH = 50_000
_NEVER_REDUCED = {type(None), bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset}
_NEVER_REDUCED.add(pickle.PickleBuffer)


_PythonPickler: Any = pickle._Pickler  # type: ignore[attr-defined]


class DeepPickler(_Reducing, _PythonPickler):  # type: ignore[misc]
    """In Python: slow, for what the one in C does not follow to its end. Since Python 3.12 that stops after some 400
    objects one inside the other, whatever the process allows; a figure has more."""

    def dump(self, obj: Any) -> None:
        depth = sys.getrecursionlimit()
        sys.setrecursionlimit(max(depth, _PYTHON_DEPTH))
        try:
            super().dump(obj)
        finally:
            sys.setrecursionlimit(depth)

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        """As ``pickle`` has it, but for the call of ``save_reduce``: one with ``*`` goes through C in Python 3.12."""
        self.framer.commit_frame()
        pid = self.persistent_id(obj) if save_persistent_id else None
        if pid is not None:
            self.save_pers(pid)
            return
        known, kind = self.memo.get(id(obj)), type(obj)
        if known is not None:
            self.write(self.get(known[0]))
            return
        # The pickler in C asks for all but these.
        made = NotImplemented if kind in _NEVER_REDUCED else self.reducer_override(obj)
        if made is NotImplemented:
            plain = self.dispatch.get(kind)
            if plain is not None:
                plain(self, obj)
                return
            if issubclass(kind, type):
                self.save_global(obj)
                return
            registered = copyreg.dispatch_table.get(kind)
            made = obj.__reduce_ex__(self.proto) if registered is None else registered(obj)
        if isinstance(made, str):
            self.save_global(obj, made)
            return
        function, arguments, state, items, pairs, setter = (*made, None, None, None, None)[:6]
        self.save_reduce(function, arguments, state, items, pairs, setter, obj=obj)


def from_bytecode(data: bytes) -> Any:
    """The inverse of ``by_bytecode``; the reader has compared the versions before."""
    return pickle.loads(data)
