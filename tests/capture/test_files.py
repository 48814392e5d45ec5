"""Local modules and data files: what travels, what stays, what is said."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from nbprocess.capture import above, modules
from nbprocess.capture import folder as folders
from nbprocess.capture.ignore import Rules, clutter, never
from nbprocess.capture.listing import lists

from .notebook import Notebook


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def put(root: Path, path: str, text: str = "x") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def targets(book: Notebook, source: str = "1", **options: object) -> set[str]:
    return {file.target for file in book.capture(source, **options).files}


def test_a_small_folder_travels_as_a_whole_without_clutter_and_secrets(tmp_path: Path) -> None:
    for path in ("data/a.csv", "b.txt", ".env", ".env.local", "key.pem", "id_rsa", ".git/config", ".aws/credentials"):
        put(tmp_path, path)
    for path in (
        "nb.ipynb",
        ".ipynb_checkpoints/x.py",
        "node_modules/m.js",
        "__pycache__/m.pyc",
        "env/pyvenv.cfg",
        "env/lib.py",
    ):
        put(tmp_path, path)
    assert targets(Notebook(folder=tmp_path)) == {"data/a.csv", "b.txt"}


def test_notebooks_travel_where_the_cell_lists_the_folder(tmp_path: Path) -> None:
    key = 'api_key = "Zx81kQ0pLw93TbVn"'
    filler = "\\n" * 40_000
    for path, text in (
        ("a.ipynb", "{}"),
        ("sub/b.ipynb", "{}"),
        ("secret.ipynb", f'{{"x": "{filler}"}}\n{key}\n'),
        ("b.txt", ""),
    ):
        put(tmp_path, path, text)
    book = Notebook(folder=tmp_path)
    for source in (
        "import os; os.listdir()",
        "!ls -l",
        "%ls",
        "ls",
        "%%bash\ncd sub; ls",
        "files = !ls *.ipynb | sort",
        "glob('*')",
    ):
        assert lists(source), source
    captured = book.capture("import os\nos.listdir()")
    assert {file.target for file in captured.files} == {"a.ipynb", "sub/b.ipynb", "b.txt"}
    assert any("notebooks of the folder are sent" in notice for notice in captured.notices)
    for source in ("lists = 3", "ls = [1]", "x.walked(1)", "# the list", "glob('*.csv')"):
        assert not lists(source), source
    assert targets(book, "1") == {"b.txt"}


def test_a_file_that_literals_name_together_travels(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "images/\n")
    for path in ("images/trees/iris.dot", "images/trees/other.dot", "images/x.png"):
        put(tmp_path, path)
    book = Notebook("from pathlib import Path\nIMAGES = Path('images') / 'trees'", folder=tmp_path)
    assert targets(book, 'open(IMAGES / "iris.dot")') == {".gitignore", "images/trees/iris.dot"}
    plain = Notebook(folder=tmp_path)
    assert targets(plain, 'import os\nopen(os.path.join("images", "trees", "other.dot"))') == {
        ".gitignore",
        "images/trees/other.dot",
    }
    assert targets(plain, 'open("trees")') == {".gitignore"}


def test_ignore_files_are_honoured_but_what_the_code_names_travels(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "data/\n*.log\n!keep.log\n")
    put(tmp_path, ".nbprocessignore", "raw.txt\n")
    for path in ("data/a.csv", "data/b.csv", "x.log", "keep.log", "raw.txt", "c.txt"):
        put(tmp_path, path)
    assert targets(Notebook(folder=tmp_path)) == {".gitignore", ".nbprocessignore", "keep.log", "c.txt"}
    assert "data/a.csv" in targets(Notebook(folder=tmp_path), "open('data/a.csv')")
    assert "data/b.csv" not in targets(Notebook(folder=tmp_path), "open('data/a.csv')")


@pytest.mark.parametrize(
    ("rules", "path", "is_folder", "verdict"),
    [
        ("*.csv", "a/b.csv", False, True),
        ("/b.csv", "a/b.csv", False, None),
        ("a/*.csv", "a/b.csv", False, True),
        ("a/*.csv", "a/c/b.csv", False, None),
        ("a/**/b.csv", "a/c/d/b.csv", False, True),
        ("**/c", "a/c", True, True),
        ("out/", "out", True, True),
        ("out/", "out", False, None),
        ("*.csv\n!b.csv", "b.csv", False, False),
        ("# note\n\n[ab].txt", "a.txt", False, True),
        ("[!a].txt", "a.txt", False, None),
        ("a?.txt", "ab.txt", False, True),
        (r"\#x", "#x", False, True),
    ],
)
def test_rules_of_gitignore(rules: str, path: str, is_folder: bool, verdict: bool | None) -> None:
    assert Rules(rules).verdict(path, is_folder) is verdict


def test_names_that_never_travel() -> None:
    assert all(
        map(
            never, (".env", ".env.prod", "prod.env", "a.pem", "id_rsa", "id_rsa.pub", ".netrc", ".aws", ".git", "x.KEY")
        )
    )
    assert not any(map(never, ("environment.yml", "keys.csv", "data", "monkey.py")))
    assert all(map(clutter, ("a.ipynb", "node_modules", ".venv", "a.pyc")))


def test_a_named_secret_file_stays_and_is_said(tmp_path: Path) -> None:
    put(tmp_path, ".env", "A=1")
    found = Notebook(folder=tmp_path).capture("load('.env')")
    assert found.files == () and any("--input NAME=.env" in n for n in found.notices)


def test_a_text_file_that_holds_a_secret_stays_and_is_said(tmp_path: Path) -> None:
    put(tmp_path, "settings.toml", "password = " + "'Tr0ub4dor&3'\n")
    put(tmp_path, "plain.toml", "name = 'x'\n")
    found = Notebook(folder=tmp_path).capture("1")
    assert {f.target for f in found.files} == {"plain.toml"}
    assert any("settings.toml is not sent: it seems to hold a secret" in n for n in found.notices)


def test_of_a_big_folder_only_what_is_named_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_FILES", 5)
    for i in range(10):
        put(tmp_path, f"data/{i}.csv")
        put(tmp_path, f"more/{i}.csv")
    monkeypatch.setattr(folders.scan, "__kwdefaults__", {**folders.scan.__kwdefaults__, "max_files": 5})
    put(tmp_path, "few/a.csv")
    book = Notebook(
        "def f():\n    return open('data/1.csv')\nwhere = 'data/2.csv'",
        "from pathlib import Path\np = Path('data/3.csv')",
        folder=tmp_path,
    )
    found = book.capture("f(); open(where); p; glob('data/[45].csv'); listdir('few'); listdir('more')")
    assert {f.target for f in found.files} == {*(f"data/{i}.csv" for i in range(1, 6)), "few/a.csv"}
    assert any("the folder more is over" in n and "--input NAME=more" in n for n in found.notices)
    assert any("only the 6 files that the code names were sent" in n for n in found.notices)


def test_the_home_folder_never_travels_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    put(tmp_path, "a.csv")
    put(tmp_path, "b.csv")
    assert targets(Notebook(folder=tmp_path), "open('a.csv')") == {"a.csv"}


def test_files_outside_the_folder_are_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "shared/big.csv")
    put(tmp_path, "home/x.csv")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    book = Notebook(folder=tmp_path / "nb")
    (tmp_path / "nb").mkdir()
    found = book.capture(f"b = '{tmp_path}/shared/big.csv'\nc = '~/x.csv'\nd = '/dev/null'\ne = '/'\nf = 'GET /usr'")
    said = [n for n in found.notices if "outside" in n]
    assert found.files == () and len(said) == 2
    assert all("--input NAME=" in n for n in said)


def test_what_the_code_names_above_the_folder_travels_and_keeps_its_place(tmp_path: Path) -> None:
    book = Notebook(folder=tmp_path / "project" / "notebooks")
    for path in ("notebooks/n.txt", "data/x.csv", "data/raw/y.csv", "other/z.csv", ".env", "top.csv", "out/old.csv"):
        put(tmp_path / "project", path)
    put(tmp_path, "far.csv")
    found = book.capture("open('../data/x.csv'), open('../.env'), open('../out/new.csv', 'w')")
    assert found.below == "notebooks" and {f.target for f in found.files} == {"notebooks/n.txt", "data/x.csv"}
    assert "out" in found.ambient["folders"] and any("../.env is not sent" in n for n in found.notices)
    joined = book.capture("from pathlib import Path\nopen(Path('..') / 'data' / 'raw' / 'y.csv')\nPath('../other')")
    assert {f.target for f in joined.files} == {"notebooks/n.txt", "data/raw/y.csv", "other/z.csv"}
    assert targets(book, "open('../*.csv'), open('../../far.csv')") >= {"project/top.csv", "far.csv"}
    assert book.capture("open('n.txt')").below == "" and targets(book) == {"n.txt"}


def test_nothing_is_told_from_too_far_above(tmp_path: Path) -> None:
    book = Notebook(folder=tmp_path / "a" / "b" / "c" / "d")
    put(tmp_path, "a/b/c/d/n.txt")
    put(tmp_path, "x.csv")
    found = book.capture("open('../../../../x.csv')")
    assert found.below == "" and any("outside" in notice for notice in found.notices)
    assert above.levels("/home/me/nb", "/home/x.csv") is None and above.levels("/home/me/nb", "/home/me/x.csv") == 1


def test_files_of_shell_lines_travel(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    put(tmp_path, "train.py")
    put(tmp_path, "data.txt")
    code = "get_ipython().system('python train.py --data \"data.txt\"')"
    assert targets(Notebook(folder=tmp_path), code) == {"train.py", "data.txt"}


def test_run_binds_the_scripts_names(tmp_path: Path) -> None:
    put(tmp_path, "prep.py", "import csv\nrows = [limit]\n")
    book = Notebook("limit = 3", folder=tmp_path)
    found = book.capture("get_ipython().run_line_magic('run', '-i prep.py')\nprint(rows)")
    assert {"rows", "csv"} <= set(found.binds) and {n.name for n in found.needs} == {"limit"}
    assert "limit" not in {n.name for n in book.capture("get_ipython().run_line_magic('run', 'prep.py')").needs}


def test_local_modules_travel_with_what_they_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nb, src, lib = tmp_path / "nb", tmp_path / "nb" / "src", tmp_path / "lib"
    put(nb, "helper_one.py", "import helper_two\nimport os, numpy\n")
    put(src, "helper_two.py", "from helper_pkg.sub import y\n")
    put(lib, "helper_pkg/__init__.py", "")
    put(lib, "helper_pkg/sub/__init__.py", "y = 1")
    put(lib, "helper_pkg/data/table.txt", "1")
    put(lib, "helper_pkg/__pycache__/x.pyc", "1")
    put(lib, "not_used.py", "")
    for path in (lib, src, nb):
        monkeypatch.syspath_prepend(str(path))
    found = Notebook(folder=nb).capture("import helper_one")
    assert {(f.target, f.kind) for f in found.files} == {
        ("helper_one.py", "module"),
        ("src/helper_two.py", "module"),
        ("_modules/helper_pkg/__init__.py", "module"),
        ("_modules/helper_pkg/sub/__init__.py", "module"),
        ("_modules/helper_pkg/data/table.txt", "module"),
    }
    assert found.syspath == (".", "src", "_modules")
    assert "helper_one" not in found.imports


def test_a_loaded_local_module_travels_and_its_changed_state_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "local_settings.py", "DEBUG = False\nLEVEL = 3\nCOUNT = 0\nCOUNT = COUNT + 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("local_settings")
    monkeypatch.setitem(sys.modules, "local_settings", module)
    module.DEBUG = True
    found = Notebook(folder=tmp_path).capture("x = 1", modules={"local_settings": module})
    assert [f.target for f in found.files if f.kind == "module"] == ["local_settings.py"]
    said = [n for n in found.notices if "was changed in this kernel" in n]
    assert said == [
        "local_settings.DEBUG was changed in this kernel; the worker imports local_settings anew. Set it inside the cell."
    ]


def test_libraries_and_the_standard_library_stay() -> None:
    import numpy

    assert not modules.is_local(numpy.__file__)
    assert not modules.is_local(importlib.__file__ or "")
    found = Notebook("import numpy, json").capture("numpy, json\nimport csv")
    assert found.files == () and {"numpy", "json", "csv"} <= set(found.imports)


def test_without_a_folder_no_data_travels(tmp_path: Path) -> None:
    put(tmp_path, "a.csv")
    assert Notebook().capture(f"open('{tmp_path}/a.csv')").files == ()


def test_a_module_with_a_secret_is_sent_as_the_code_it_is_and_said_once(tmp_path: Path) -> None:
    put(tmp_path, "local_secretive.py", "password = " + "'Tr0ub4dor&3'\n")
    found = Notebook(folder=tmp_path).capture("import local_secretive")
    assert [(f.target, f.kind) for f in found.files] == [("local_secretive.py", "module")]
    assert len([n for n in found.notices if "secret" in n]) == 1


def test_the_state_of_nbprocess_itself_never_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path / "state"))
    for name in ("data.csv", "state/buckets/b/blobs/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    assert [Path(path).name for path, _ in folders.scan(str(tmp_path))] == ["data.csv"]
