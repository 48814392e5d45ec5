"""What the notebook sets on modules and classes of libraries: what counts as such, and what stays here."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from nbprocess.worker import assigned, attached, entries, keeping

from .notebook import Notebook


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("np.float = float", {("np", "float")}),
        ("a = pd.DataFrame.norm = norm", {("pd.DataFrame", "norm")}),
        ("ssl.x, ssl.y = 1, 2; del np.linalg.norm", {("ssl", "x"), ("ssl", "y"), ("np.linalg", "norm")}),
        ("setattr(np, 'rms', rms)\ndelattr(np, 'rms')", {("np", "rms")}),
        ("if True:\n    torch.backends.cudnn.benchmark |= True", {("torch.backends.cudnn", "benchmark")}),
        ("get_ipython().run_cell_magic('processing', '', 'np.float = float\\n')", {("np", "float")}),
        ("plt.plot(x, c=1); df['a'] = np.sum(x) == 2; f(x).y = 1", set()),
        ("np.float = = 1", set()),
    ],
)
def test_what_code_sets(text: str, expected: set[tuple[str, str]]) -> None:
    assert assigned.assigned(text) == expected


def _with_history(*cells: str) -> Notebook:
    notebook = Notebook(*cells)
    notebook.namespace["In"] = ["", *cells]
    return notebook


def test_only_what_this_cell_may_use_is_sent_with_the_names_that_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json.JSONEncoder, "default", json.JSONEncoder.default)
    notebook = _with_history(
        "import json, numpy as np, sys\nK = 2\ndef default(self, obj): return K\nclass Own: pass\n"
        "json.JSONEncoder.default = default\nnp.nothing = 1\nsys.mine = 2\nOwn.x = 3",
    )
    monkeypatch.delattr("numpy.nothing")
    captured = notebook.capture("json.dumps({1})")
    assert captured.attached == {entries.PREFIX + "json.encoder:JSONEncoder:default": notebook.namespace["default"]}
    assert {need.name for need in captured.needs} == {"json", "K"}
    monkeypatch.delattr("sys.mine")
    assert entries.PREFIX + "numpy::nothing" in notebook.capture("np.sum([1])").attached


def test_secrets_stay_here_unless_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = _with_history("import json as api\napi.api_key = 'sk-' + 'x1' * 20")
    captured = notebook.capture("api.dumps(1)")
    assert not captured.attached
    expected = "`json.api_key` looks like it holds a secret (API key) and was not sent. --send json.api_key sends it."
    assert expected in captured.notices
    assert notebook.capture("api.dumps(1)", send=["json.api_key"]).attached
    monkeypatch.delattr("json.api_key")
    library = types.ModuleType("a_library")
    library.options = {"api_key": "correct-horse-9"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_library", library)
    notebook = _with_history("import a_library\na_library.options['api_key'] = 'correct-horse-9'")
    notebook.namespace["a_library"] = library
    captured = notebook.capture("a_library.go()")
    assert not captured.attached and any("a_library.options['api_key']" in notice for notice in captured.notices)


def test_secrets_that_calls_put_into_a_library_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "has_login.py").write_text(
        "api_token, known = None, {}\n"
        "def login(given):\n    global api_token\n    api_token = given\n    known['password'] = given\n    known['user'] = 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    library = importlib.import_module("has_login")
    notebook = _with_history("import has_login")
    main = types.ModuleType("__main__")
    vars(main).update(notebook.namespace)
    monkeypatch.setitem(sys.modules, "__main__", main)
    try:
        keeping.note(["has_login.login"])
        library.login("correct-horse-9")
        captured = notebook.capture("has_login.go()")
        assert not [entry for entry in captured.attached if "has_login" in entry]
        told = "`has_login.api_token` looks like it holds a secret"
        assert any(notice.startswith(told) for notice in captured.notices)
        assert any(notice.startswith("`has_login.known` looks like it") for notice in captured.notices)
        sent = notebook.capture("has_login.go()", send=["has_login.api_token"]).attached
        assert [value for entry, value in sent.items() if "has_login" in entry] == [("value", "correct-horse-9")]
    finally:
        keeping._noted.clear()
        keeping._known.clear()
        del sys.modules["has_login"]


def test_attributes_are_set_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    space: dict[str, Any] = {"threading": threading}
    monkeypatch.setattr(threading, "mine", 1, raising=False)
    found = assigned.found(["threading.mine = 1"], space)
    del threading.mine  # type: ignore[attr-defined]
    gone = assigned.found(["threading.mine = 1"], space)
    attached.apply(found)
    assert threading.mine == 1  # type: ignore[attr-defined]
    attached.apply(gone)
    assert not hasattr(threading, "mine")
    threading.mine = 1  # type: ignore[attr-defined]  # for the fixture to take away


def test_what_is_set_on_objects_that_libraries_offer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    mpmath = pytest.importorskip("mpmath")
    text = "mp.dps = 40\nmpmath.iv.dps = 30\nmpmath.mp.own = 1\nmine.dps = 3\nthird._mpf_ = 4\nmp._fp.pretty = True"
    space = {"mpmath": mpmath, "mp": mpmath.mp, "mine": types.SimpleNamespace(dps=1), "third": mpmath.mpf(1)}
    monkeypatch.setattr(mpmath.mp, "dps", 40)
    found = assigned.found([text], space)
    assert {name: value for name, value in found.items() if value is not entries.Gone} == {
        entries.PREFIX + "mpmath:mp:dps": 40,
        entries.PREFIX + "mpmath:iv:dps": 15,
        entries.PREFIX + "mpmath:mp._fp:pretty": False,
    }
    mpmath.mp.dps = 15
    attached.apply(found)
    assert mpmath.mp.dps == 40


def test_items_of_what_libraries_offer_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.ModuleType("a_library")
    library.Options = type("Options", (dict,), {"__module__": "a_library"})  # type: ignore[attr-defined]
    library.options = library.Options(size=1)  # type: ignore[attr-defined]
    library.plain = {"deep": 1}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_library", library)
    text = (
        "lib.options['size'] = 2\nlib.plain['deep'] = 3\nlib.options['new'] += 1\nos.environ['A'] = 'b'\nmine['x'] = 1"
    )
    text += "\nmpl.rcParams['font.size'] = 3\ndel lib.plain['gone']"
    space = {"lib": library, "os": __import__("os"), "mine": {}, "mpl": __import__("matplotlib")}
    library.options.update(size=2, new=5)
    found = assigned.found([text], space)
    place = entries.PREFIX + "a_library:"
    assert found == {
        place + "options:[size": 2,
        place + "options:[new": 5,
        place + "plain:[deep": 1,
        place + "plain:[gone": entries.Gone,
    }
    assert entries.dotted(place + "options:[size") == "a_library.options['size']"
    library.options.clear()
    library.plain["gone"] = 1
    attached.apply(found)
    assert library.options == {"size": 2, "new": 5} and library.plain == {"deep": 1}


def test_what_cannot_be_set_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mpmath")
    attached.apply({entries.PREFIX + "mpmath:mp:dps": "many", entries.PREFIX + "a_library_of_jobs::x": 1})
    said = capsys.readouterr().err
    assert "nbprocess: mpmath.mp.dps cannot be set here: " in said
    assert "nbprocess: a_library_of_jobs.x cannot be set here: No module named" in said


def test_a_module_that_gave_frames_a_property_is_imported_there_where_code_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``import hvplot.pandas``: the property is made of the module's own parts, and the code names no module."""
    import pandas as pd

    text = "import pandas as pd\nprint('hello')\npd.DataFrame.shown = property(lambda self: len(self))\n"
    (tmp_path / "gives_frames.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(pd.DataFrame, "shown", None, raising=False)
    try:
        importlib.import_module("gives_frames")
        book = Notebook("import pandas as pd\nframe = pd.DataFrame({'a': [1]})")
        assert book.capture("frame.shown").submodules == ("gives_frames",)
        assert book.capture("frame.size").submodules == ()
    finally:
        sys.modules.pop("gives_frames", None)
