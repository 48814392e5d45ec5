"""What the functions, classes and values of a notebook drag in."""

from __future__ import annotations

import json

from nbprocess.capture import reads

from .notebook import Notebook


def test_a_function_brings_the_globals_of_its_body_transitively() -> None:
    book = Notebook("k = 3", "def g(x):\n    return x * k", "def f(x):\n    return g(x)\nunused = 1")
    assert book.needs("y = f(2)") == {"f": "must", "g": "maybe", "k": "maybe"}


def test_needs_name_the_definition_that_needs_them() -> None:
    need = next(n for n in Notebook("k = 3\n\ndef f():\n    return k").capture("f()").needs if n.name == "k")
    assert (need.via, need.line) == ("f", 4)


def test_mutual_recursion_ends() -> None:
    book = Notebook("def a(n):\n    return b(n)\ndef b(n):\n    return a(n)")
    assert book.needs("a(1)") == {"a": "must", "b": "maybe"}


def test_a_decorated_function_brings_wrapper_and_original() -> None:
    book = Notebook(
        "import functools\nlog = []\nrate = 2",
        "def dec(f):\n    @functools.wraps(f)\n    def w(*a):\n        log.append(a)\n        return f(*a)\n    return w",
        "@dec\ndef price(x):\n    return x * rate",
    )
    assert {"price", "log", "rate"} <= set(book.needs("price(1)"))


def test_a_wrapper_made_in_a_function_does_not_make_its_locals_undefined() -> None:
    book = Notebook(
        "def dec(f):\n    import functools\n    @functools.wraps(f)\n    def w():\n        return f()\n    return w"
    )
    book.run("@dec\ndef h():\n    return 1")
    assert book.capture("h()").undefined == ()


def test_partials_caches_methods_and_closures_are_followed() -> None:
    book = Notebook(
        "import functools\na = b = c = d = 1\nfor n, v in zip('abcd', range(1000, 1004)):\n    globals()[n] = [v]",
        "def f(x):\n    return a\np = functools.partial(f, 1)",
        "@functools.lru_cache\ndef cached(x):\n    return b",
        "class C:\n    def m(self):\n        return c\nmeth = C().m",
        "def make(inner):\n    return lambda: inner()\ndef target():\n    return d\nclosed = make(target)",
    )
    assert "a" in book.needs("p()")
    assert "b" in book.needs("cached(1)")
    assert "c" in book.needs("meth()")
    assert "d" in book.needs("closed()")


def test_a_class_that_copied_what_is_in_another_one_is_no_obstacle() -> None:
    book = Notebook(
        "class First:\n    pass\nOther = type('Other', (), dict(vars(First)))",  # TensorFlow wraps TensorArrays so
        "value = Other()",
    )
    assert "value" in book.needs("print(value)")


def test_functions_inside_containers_and_instances_are_followed() -> None:
    book = Notebook(
        "k = [1]\nj = [2]\nimport types",
        "def f():\n    return k\nsteps = {'a': [f]}",
        "def g():\n    return j\nbox = types.SimpleNamespace(call=g)",
    )
    assert book.needs("steps") == {"steps": "must", "f": "maybe", "k": "maybe"}
    assert {"g", "j"} <= set(book.needs("box"))


def test_a_class_needs_its_bases_now_and_its_methods_globals_later() -> None:
    book = Notebook(
        "default = 3\nhelper = [1]\nclass Base:\n    pass",
        "class C(Base):\n    size = default\n    def m(self):\n        return helper",
    )
    assert book.needs("C()") == {"C": "must", "Base": "must", "default": "must", "helper": "maybe"}


def test_an_instance_brings_its_class() -> None:
    book = Notebook("offset = [2]\nclass C:\n    def m(self):\n        return offset", "c = C()")
    assert book.needs("c.m()") == {"c": "must", "C": "maybe", "offset": "maybe"}


def test_classes_without_methods_are_found_in_their_cell() -> None:
    book = Notebook(
        "import enum\nfrom dataclasses import dataclass, field\nstart = 5\nclass Colour(enum.Enum):\n    RED = start",
        "@dataclass\nclass P:\n    x: int = field(default=start)",
    )
    assert book.needs("Colour.RED")["start"] == "must"
    assert {"dataclass", "field", "start"} <= {n for n, s in book.needs("P()").items() if s == "must"}


def test_a_function_without_source_is_read_from_its_bytecode() -> None:
    book = Notebook("k = [1]")
    exec("def f():\n    global made\n    made = k\n    return [k for _ in k]", book.namespace)
    found = book.capture("f()")
    assert {n.name for n in found.needs} == {"f", "k"} and "made" in found.binds


def test_globals_that_a_called_function_binds_are_results() -> None:
    book = Notebook("counter = 0\ndef bump():\n    global counter, fresh\n    counter += 1\n    fresh = 1")
    found = book.capture("bump()\nprint(fresh)")
    assert {"counter", "fresh"} <= set(found.binds)
    assert {n.name for n in found.needs} == {"bump", "counter"}
    assert found.undefined == ()


def test_a_shadowed_builtin_is_shipped_and_a_plain_one_is_not() -> None:
    book = Notebook("list = [1, 2]")
    assert book.needs("x = list, tuple") == {"list": "must"}


def test_undefined_names_are_told_before_anything_is_paid() -> None:
    found = Notebook().capture("if c:\n    b\nprint(nope)")
    assert {n.name: n.strength for n in found.undefined} == {"c": "must", "b": "maybe", "nope": "must"}
    assert "`nope` is not defined in the notebook (line 3)." in found.notices
    assert not any("`b`" in n for n in found.notices)


def test_names_that_share_objects_with_shipped_containers_come_along() -> None:
    book = Notebook("base = [1]\nbox = {'inner': [base]}\nother = [2]")
    assert book.needs("box['inner'].append(1)") == {"box": "must", "base": "maybe"}


def test_the_index_of_a_frame_that_has_a_name_comes_along() -> None:
    book = Notebook("import pandas as pd\nindex = pd.Index([1, 2])\npop = pd.Series([3, 4], index=index)")
    shared = book.namespace["pop"].index is book.namespace["index"]
    assert ("index" in book.needs("pop.sum()")) == shared


def test_words_in_queries_are_possible_reads_when_they_exist() -> None:
    book = Notebook("import pandas as pd\ndf = pd.DataFrame({'a': [1]})\nthr = 0\nq = 'select * from df'\nunused = 1")
    assert book.needs("df.query('a > @thr')") == {"df": "must", "thr": "maybe"}
    assert book.needs("duckdb.sql(q)") == {"q": "must", "df": "maybe"}
    assert book.needs("def f():\n    return duckdb.sql('select * from df')\nf()") == {"df": "maybe"}


def test_the_whole_namespace_without_history_and_ipythons_own() -> None:
    book = Notebook("a = 1\nb = 2")
    book.namespace.update({"_": 1, "_5": 2, "_i": "x", "In": [], "Out": {}, "get_ipython": print})
    found = book.capture("print(sorted(globals()))", hidden=frozenset({"secretly"}))
    assert {n.name for n in found.needs} == {"a", "b"} and found.whole_namespace
    assert "line 1: globals() may read any name, so the whole namespace is sent (2 names)." in found.notices


def test_history_only_when_it_is_mentioned() -> None:
    book = Notebook("x = 1")
    book.namespace.update({"_": 7, "_3": 8, "_4": 9, "_i3": "x", "Out": {3: 8, 4: 9}, "In": ["", "x"]})
    assert book.needs("y = x") == {"x": "must"}
    assert book.needs("y = _ + Out[3]") == {"_": "must", "_3": "must"}
    assert book.needs("for i in (3, 4):\n    print(Out[i])") == {"_3": "maybe", "_4": "maybe"}


def test_what_ipython_injects_never_travels() -> None:
    book = Notebook()
    book.namespace.update({"open": open, "exit": print, "get_ipython": print, "display": print, "_oh": {}})
    assert book.needs("open('x'); exit; get_ipython; display; _oh; quit", hidden={"open", "exit"}) == {}


def test_a_users_own_value_under_such_a_name_travels() -> None:
    book = Notebook("def open(path):\n    return path")
    assert book.needs("open('x')") == {"open": "must"}


def test_imports_and_loaded_submodules() -> None:
    book = Notebook("import xml.dom\nimport json as j\nimport os", "def f():\n    import csv\n    return j.decoder")
    found = book.capture("xml.dom.Node\nf()\nos.path.join('a')")
    assert {"xml", "json", "csv", "os"} <= set(found.imports)
    assert {"xml.dom", "json.decoder"} <= set(found.submodules)
    assert json.decoder


def test_an_optional_module_that_is_missing_here_is_not_asked_for() -> None:
    found = Notebook().capture("try:\n    import no_such_thing\nexcept ImportError:\n    pass\nimport neither_this")
    assert "no_such_thing" not in found.imports and "neither_this" in found.imports


def test_skip_leaves_a_name_out() -> None:
    assert Notebook("a = b = 1").needs("a, b", skip=("b",)) == {"a": "must"}


def test_save_of_a_name_that_the_cell_does_not_bind_is_said() -> None:
    assert "--save z: the cell does not seem to bind it." in Notebook().capture("a = 1", save=("a", "z")).notices


def test_a_name_that_is_only_deleted_needs_no_value() -> None:
    found = Notebook("big = [0]").capture("del big")
    assert found.needs[0].existence and found.deletes == ("big",)


def test_later_cells_wait_only_for_what_they_may_read() -> None:
    book = Notebook("model = [1]\ndef show():\n    return model")
    pending = {"model", "scores"}
    assert reads("x = 1", pending, book.namespace) == set()
    assert reads("print(model)", pending, book.namespace) == {"model"}
    assert reads("model = 1\nprint(model)", pending, book.namespace) == set()
    assert reads("show()", pending, book.namespace) == {"model"}
    assert reads("scores", pending, book.namespace) == {"scores"}
    assert reads("globals()", pending, book.namespace) == pending
    assert reads("def broken(", pending, book.namespace) == set()
    assert reads("df.query('a > @scores')", pending) == {"scores"}


def test_a_cell_that_only_defines_functions_reads_nothing_of_what_they_will() -> None:
    pending = {"model", "scores"}
    define = "def best():\n    'Of `model`.'\n    return model.best(scores)\n"
    assert reads(define, pending) == set()
    assert reads("import numpy as np\nfrom math import pi\nLIMIT = 3\n" + define, pending) == set()
    assert reads("def best(m=model):\n    return scores", pending) == {"model"}
    assert reads(define + "best()", pending) == pending
    assert reads("@register\n" + define, pending) == pending
    assert reads("later = lambda: model", pending) == {"model"}
    assert reads(define + "from tools import *", pending) == pending


def test_values_are_not_asked_what_they_are() -> None:
    """A proxy whose ``__class__`` raises (werkzeug's LocalProxy outside of a request) is looked at by its type only."""
    book = Notebook(
        "class Proxy:\n    @property\n    def __class__(self):\n        raise RuntimeError('outside of a request')",
        "p = Proxy()\nbox = [p]",
    )
    assert {"box", "p"} <= set(book.needs("box"))


def test_no_module_is_asked_for_that_never_was() -> None:
    book = Notebook("import collections, types\nPoint = collections.namedtuple('Point', 'x y')\npoint = Point(1, 2)")
    book.run("made = types.ModuleType('made')\nexec('def one(): return 1', vars(made))")
    imports = book.capture("print(point, Point, made.one())").imports
    assert "namedtuple_Point" not in imports and "made" not in imports, imports
