"""What a cell's calls change in a library comes to light by the code of what it calls, and is done again at the other
end."""

from __future__ import annotations

import ast
import copy
import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprocess.worker import entries, keeping, reach

LIBRARY = """
import functools, threading
from . import parts
from .parts import Registry, registry as _registry

theme, handlers, options, seen = None, ["first", "last"], {"a": 1, "b": {"c": 2}}, {"x"}
_local = threading.local()
unused = []

class Settings:
    __slots__ = ("colour", "more")
    def __init__(self): self.colour, self.more = "red", []
    def set(self, colour): self._store(colour)
    def _store(self, colour): self.colour = colour

settings = Settings()

class Node:
    def __init__(self, inner): self.inner, self.shared, self.values = inner, inner and inner.shared or [0], []
    def poke(self): self.inner.values.append(1)

nodes = Node(Node(Node(Node(Node(Node(None))))))
use = settings.set  # a method that is offered as a function

def checked(function):
    @functools.wraps(function)
    def wrapper(*arguments, **named): return function(*arguments, **named)
    return wrapper

@checked
def set_theme(name):
    _set(name)

def _set(name):
    global theme
    theme = name

def remember(name):
    _local.name = name

def register(name): return _registry.add(name)

def make(name): return globals().setdefault(name, type(name, (), {}))

def engine(name): parts.Drawer._engine = name

def late(value):
    from . import parts
    parts.LATE.append(value)

def extend(name, to=Registry): to.table[name] = len(name)

def look(): return len(options), theme
"""
PARTS = """
LATE = []

class Drawer:
    _engine = "dot"

class Registry:
    table = {}
    def __init__(self): self.known = {}
    def add(self, name):
        self.known[name] = True
        return lambda function: function

registry = Registry()
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    folder = tmp_path / "keeps"
    folder.mkdir()
    (folder / "__init__.py").write_text(LIBRARY)
    (folder / "parts.py").write_text(PARTS)
    monkeypatch.syspath_prepend(tmp_path)
    keeping._noted.clear()
    keeping._known.clear()
    yield fresh()
    for name in [name for name in sys.modules if name.partition(".")[0] == "keeps"]:
        del sys.modules[name]
    keeping._noted.clear()
    keeping._known.clear()


def fresh() -> Any:
    """The library as another process has it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "keeps"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return importlib.import_module("keeps")


def run(monkeypatch: pytest.MonkeyPatch, code: str, **names: Any) -> dict[str, Any]:
    """Run a cell as a job does, statement by statement; what its calls changed."""
    namespace: dict[str, Any] = {"__name__": "__main__", **names}
    main = type(sys)("__main__")
    vars(main).update(namespace)
    monkeypatch.setitem(sys.modules, "__main__", main)
    for node in ast.parse(textwrap.dedent(code)).body:
        keeping.note(reach.calls(node))
        exec(compile(ast.Module([node], []), "cell", "exec"), vars(main))
    return {f"{module}:{path}": how for (module, path), how in keeping.changed().items()}


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("lib.handlers.append('x')", {"keeps:handlers": ("list", 2, 2, 0, ["x"])}),
        ("lib.handlers.insert(1, 'x')", {"keeps:handlers": ("list", 2, 1, 1, ["x"])}),
        ("lib.options.update(a=2, n=3)", {"keeps:options": ("items", {"a": 2, "n": 3}, [])}),
        ("lib.options.pop('a')", {"keeps:options": ("items", {}, ["a"])}),
        ("lib.seen.add('y'); lib.seen.discard('x')", {"keeps:seen": ("set", ["y"], ["x"])}),
        ("lib.set_theme('dark')", {"keeps:theme": ("value", "dark")}),
        ("lib.settings.set('blue')", {"keeps:settings.colour": ("value", "blue")}),
        ("lib.settings.more.append(1)", {"keeps:settings.more": ("list", 0, 0, 0, [1])}),
        (
            "lib.nodes.poke()",
            {"keeps:nodes.inner.values": ("list", 0, 0, 0, [1])},
        ),  # not what lies deeper than it looks
        ("lib.use('blue')", {"keeps:settings.colour": ("value", "blue")}),
        ("lib.remember('n')", {"keeps:_local.name": ("value", "n")}),
        ("lib.engine('neato')", {"keeps.parts:Drawer._engine": ("value", "neato")}),
        ("lib.late(5)", {"keeps.parts:LATE": ("list", 0, 0, 0, [5])}),
        ("lib.extend('abc')", {"keeps.parts:Registry.table": ("items", {"abc": 3}, [])}),
        ("_ = lib.extend('abc')", {"keeps.parts:Registry.table": ("items", {"abc": 3}, [])}),
        ("@lib.register('f')\ndef f(): pass", {"keeps:_registry.known": ("items", {"f": True}, [])}),
        ("def go(): lib.set_theme('dark')\ngo()", {"keeps:theme": ("value", "dark")}),
        ("if True:\n    lib.set_theme('dark')", {"keeps:theme": ("value", "dark")}),
        ("lib.look(); lib.options.get('a'); str(lib)", {}),
        ("def go(): lib.set_theme('dark')", {}),
    ],
)
def test_what_a_call_changes(monkeypatch: pytest.MonkeyPatch, library: Any, code: str, changes: dict[str, Any]) -> None:
    """Found, and done again in another process, in the very containers that are there."""
    assert run(monkeypatch, code, lib=library) == changes
    there = copy.deepcopy(changes)
    keeping._known.clear()
    other = fresh()
    held = {name: getattr(other, name) for name in ("handlers", "options", "seen", "settings")}
    for place, how in there.items():
        module, path = place.split(":")
        keeping.take(sys.modules[module], path, how)
    assert {f"{m}:{path}": how for (m, path), how in keeping.changed().items()} == changes  # goes on to the next job
    assert all(getattr(other, name) is value for name, value in held.items())
    run(monkeypatch, "lib.look()", lib=other)
    assert {f"{m}:{path}": how for (m, path), how in keeping.changed().items()} == changes


def test_what_holds_very_much_stays_behind_and_what_cannot_be_compared_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, library: Any
) -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError("neither this nor that")

        __hash__ = object.__hash__

    library.options.update(dict.fromkeys(range(6000)))
    assert run(monkeypatch, "lib.options.update(more=1)", lib=library) == {}
    assert run(monkeypatch, "lib.seen.add(odd); lib.seen.add('y')", lib=library, odd=Odd()).keys() == {"keeps:seen"}
    assert run(monkeypatch, "lib.handlers.append(odd)", lib=library, odd=Odd()).keys() == {
        "keeps:seen",
        "keeps:handlers",
    }


def test_a_class_that_a_call_makes_in_the_library(monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    found = run(monkeypatch, "lib.make('Point')", lib=library)
    assert found == {"keeps:Point": ("value", library.Point)}


def test_what_was_put_back_is_no_change(monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    assert run(monkeypatch, "lib.set_theme('dark')", lib=library)
    assert run(monkeypatch, "lib.set_theme(None)", lib=library) == {}


def test_another_version_of_the_library_keeps_what_it_has(library: Any) -> None:
    library.handlers.append("its own")
    keeping.take(library, "handlers", ("list", 2, 2, 0, ["x", "last"]))
    assert library.handlers == ["first", "last", "its own", "x"]
    keeping.take(library, "gone.theme", ("value", 1))  # it has no such object
    keeping.take(library, "theme", ("items", {"a": 1}, []))  # and something else there
    assert not hasattr(library, "gone") and library.theme is None


def test_a_cell_of_the_notebook_is_looked_at_after_its_imports(monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    """What IPython runs in place: a look before each call that an import may have brought; no other cell is changed."""
    main = type(sys)("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    code = "import keeps as lib\nfor n in range(2):\n    print(n)\nlib.set_theme('dark')\nlib.handlers.append(1)"
    tree = keeping.Transformer().visit(ast.parse(code))
    assert [type(node).__name__ for node in tree.body] == ["Import", "For", "Expr", "Expr", "Expr", "Expr"]
    assert [node.lineno for node in tree.body] == [1, 2, 4, 4, 5, 5]
    exec(compile(tree, "cell", "exec"), vars(main))
    assert {path for _, path in keeping.changed()} == {"theme", "handlers"}
    plain = ast.parse("lib.set_theme('light')\nlib.look()")
    assert len(keeping.Transformer().visit(plain).body) == 2
    expression = ast.parse("1", mode="eval")
    assert keeping.Transformer().visit(expression) is expression


def test_a_change_of_which_a_part_cannot_travel_is_not_made_by_half() -> None:
    kept = [entries.name_of(name, entries.KEPT, "x") for name in ("lib.a", "lib.b", "other")]
    stays, said = entries.not_whole([*kept, entries.name_of("lib", "", "y")], {kept[1]: "it is a lock"})
    assert stays == kept[:2]
    assert said == [
        "What the cell's calls changed in lib stays in the job (lib.b.x: it is a lock). Make the calls here, too, "
        "without %%processing."
    ]
