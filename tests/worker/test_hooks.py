"""What surrounds a cell: imports that are waited for, warnings that home's Python would not give."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import logging
import os
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from nbprocess.capture import loaded
from nbprocess.worker import preloaded
from nbprocess.worker.hooks import AfterImport
from nbprocess.worker.hushed import imports_hushed
from nbprocess.worker.runner import as_at_home


def test_a_question_whether_a_module_is_there_uses_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked_for_first.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hooks = AfterImport()
    seen = []
    hooks.on("asked_for_first", lambda module: seen.append(module.value))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    hooks.install()
    assert importlib.util.find_spec("asked_for_first") is not None
    assert importlib.util.find_spec("asked_for_first") is not None
    assert not seen
    importlib.import_module("asked_for_first")
    assert seen == [1]
    sys.modules.pop("asked_for_first")
    importlib.import_module("asked_for_first")
    assert seen == [1]


def _home_has(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that home has imported before the cell, and hooks that know it."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    hooks = AfterImport()
    hooks.install()
    hooks.done_at_home.add(name)
    hooks.on(name, lambda module: None)


def test_what_keeps_the_stream_during_a_hushed_import_writes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """NLTK's downloader has ``sys.stderr`` as a default, libraries make handlers of logging over it."""
    text = "import sys\nprint('hello')\ndef tell(text, to=sys.stderr): print(text, file=to)\n"
    _home_has("talks_when_imported", text, tmp_path, monkeypatch)
    stdout = sys.stdout
    importlib.import_module("talks_when_imported").tell("an error")
    assert capsys.readouterr() == ("", "an error\n") and sys.stdout is stdout
    sys.modules.pop("talks_when_imported")


def _root_logs(monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
    """The root logger speaks, as after ``logging.basicConfig(level="INFO")``."""
    handler = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)


def test_what_is_logged_during_a_hushed_import_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """numexpr logs how many threads it takes, once in place; the handler was there before."""
    text = "import logging\nlogger = logging.getLogger(__name__)\nlogger.info('two threads')\n"
    _home_has("logs_when_imported", text, tmp_path, monkeypatch)
    _root_logs(monkeypatch, sys.stderr)
    importlib.import_module("logs_when_imported").logger.info("later")
    assert capsys.readouterr() == ("", "later\n")
    sys.modules.pop("logs_when_imported")
    with imports_hushed():
        importlib.import_module("logs_when_imported").logger.info("of the block")
    assert capsys.readouterr() == ("", "of the block\n")
    sys.modules.pop("logs_when_imported")


def test_what_is_written_past_python_during_a_hushed_import_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Libraries in C++ log to descriptor 2."""
    _home_has("writes_when_imported", "import os\nos.write(1, b'out')\nos.write(2, b'err')\n", tmp_path, monkeypatch)
    importlib.import_module("writes_when_imported")
    sys.modules.pop("writes_when_imported")
    assert capfd.readouterr() == ("", "")
    os.write(2, b"later")
    assert capfd.readouterr() == ("", "later")


@pytest.mark.parametrize(("home", "said"), [([3, 11, 7], False), ([3, 12, 1], True), (None, True)])
def test_an_older_home_hears_nothing_of_escapes(
    home: list[int] | None, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        as_at_home(home)
        warnings.warn("invalid escape sequence '\\d'", SyntaxWarning, stacklevel=1)
    assert bool(heard) is said


DRAWS = "import random, warnings\nfirst = random.random()\n"
FILTERS = "warnings.filterwarnings('ignore', 'of %s')\nwarnings.filterwarnings('error', 'behind %s', append=True)\n"


def test_what_home_imported_long_ago_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _home_has("drawing_at_home", DRAWS + FILTERS.replace("%s", "home"), tmp_path, monkeypatch)
    state = random.getstate()
    with warnings.catch_warnings():
        before = warnings.filters[:]
        importlib.import_module("drawing_at_home")
        assert [item[0] for item in warnings.filters if item not in before] == ["ignore", "error"]
        assert warnings.filters[0][0] == "ignore" and warnings.filters[-1][0] == "error"
    assert random.getstate() == state
    assert "drawing_at_home" in loaded.that_may_draw() and "pytest" in loaded.packages()
    assert "json" not in {*loaded.that_may_draw(), *loaded.packages()}


def test_what_a_warm_server_imported_does_its_part_when_the_cell_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "warm_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("import warnings\nfrom . import inner\n" + FILTERS.replace("%s", "warm"))
    (folder / "inner.py").write_text(DRAWS + "print('twice is not told')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(preloaded, "effects", [])
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)
    random.seed(4)
    with warnings.catch_warnings():
        filters = warnings.filters[:]
        with preloaded.Recorder():
            importlib.import_module("warm_package")
        assert [(effect.name, effect.draws) for effect in preloaded.effects] == [
            ("warm_package.inner", True),
            ("warm_package", False),
        ]
        in_place, expected = random.random(), warnings.filters[:]
        warnings.filters[:] = filters
        random.seed(4)
        preloaded.at_imports(set(), set())
        exec("import json\nimport warm_package.inner", {})
        assert random.random() == in_place and warnings.filters == expected
        exec("import warm_package", {})
        assert warnings.filters == expected


def test_what_home_has_does_not_count_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preloaded, "effects", [preloaded.Effect("json.decoder", ("json",), True, [(True, "filter")])])
    before = builtins.__import__
    preloaded.at_imports({"json.decoder"}, {"json"})
    assert builtins.__import__ is before


def test_a_warning_about_an_import_is_told_of_the_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "warned_of.py").write_text("import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)
    monkeypatch.setattr(preloaded, "effects", [preloaded.Effect("else", (), True, [])])
    hooks = AfterImport()
    hooks.install()
    hooks.on("warned_of", lambda module: None)
    preloaded.at_imports(set(), set())
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        import warned_of  # type: ignore[import-not-found]  # noqa: F401
    assert [Path(one.filename).name for one in heard] == ["test_hooks.py"]


def test_what_modules_print_and_warn_of_when_results_load_them_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job has shown that; what else loading warns of stays (scikit-learn: a model of another version)."""
    text = "import warnings\nprint('hello')\nwarnings.warn('old')\ndef load():\n    warnings.warn('another version')\n"
    (tmp_path / "warns_when_imported.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        monkeypatch.setattr(warnings, "_showwarnmsg_impl", _as_python_shows)
        with imports_hushed():
            importlib.import_module("warns_when_imported").load()
    out, err = capsys.readouterr()
    assert out == "" and "another version" in err and "old" not in err
    assert ("old", UserWarning, 3) in sys.modules.pop("warns_when_imported").__warningregistry__


def _as_python_shows(message: Any) -> None:
    """What pytest's recorder of warnings stands in front of."""
    sys.stderr.write(warnings.formatwarning(message.message, message.category, message.filename, message.lineno))
