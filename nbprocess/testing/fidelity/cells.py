"""Notebooks as lists of cells, and how a cell is put for either kernel. Pure but for reading the file."""

from __future__ import annotations

import ast
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

_HOME_ONLY = {"lsmagic", "quickref", "magic", "connect_info"}
_HOME_ONLY |= {"load_ext", "reload_ext", "unload_ext", "matplotlib", "config", "autoreload", "aimport"}
COMMENT = "# %%processing"
"""Stands on line 1 where the offloaded cell has its magic, so that both number their lines alike."""


def read(path: Path) -> list[str]:
    """The code cells of a notebook (``.ipynb``), or of a script with ``# %%`` lines (``.py``).

    Raises:
        ValueError: it is neither, or no notebook for Python.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return from_script(text)
    try:
        notebook = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is no notebook: {error}") from None
    language = str((notebook.get("metadata", {}).get("kernelspec") or {}).get("language", "python"))
    if language.lower() and not language.lower().startswith(("python", "ipython")):
        raise ValueError(f"{path} is a notebook for {language}, not for Python.")
    cells = list(notebook.get("cells", ()))
    for sheet in notebook.get("worksheets", ()):  # nbformat 3
        cells += sheet.get("cells", ())
    sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell.get("cell_type") == "code"]
    return [text for text in ("".join(source) for source in sources) if text.strip()]


_ABOVE = re.compile(r"(?:\.\./)+[\w.\- ]+(?:/[\w.\- ]+)*")
_MOST = 200 * 2**20
"""Bytes of a folder that is copied for the kernels."""


def above(cells: Iterable[str], folder: Path) -> list[str]:
    """Files and folders above the notebook's that its cells name (``../data/x.csv``), where they are there; of one that
    is to be written, the folder."""
    named: dict[str, None] = {}
    for source in cells:
        for text in _ABOVE.findall(source):
            found = next((at for at in (text, text.rstrip(), posixpath.dirname(text)) if (folder / at).exists()), "")
            if found.strip("./") and _size(folder / found) <= _MOST:
                named[found] = None
    return list(named)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    total = 0
    for file in path.rglob("*"):
        total += file.stat().st_size if file.is_file() else 0
        if total > _MOST:
            break
    return total


_SEPARATOR = re.compile(r"^#[ \t]*%%(?P<title>[^\n%]*)\n|^#{20,}[^\n]*\n", re.M)
"""What begins a cell of a script for Jupytext, editors and sphinx-gallery."""
_TEXT = re.compile(r"(?:#(?! ![%!])[^\n]*(?:\n|$))*")


def from_script(text: str) -> list[str]:
    """The code cells of a script: each line ``# %%`` (or of twenty ``#``) begins one, comments right below it and the
    docstring on top are text, as sphinx-gallery has it; a line ``# !magic`` stands for ``magic``."""
    text = _below_docstring(text)
    begins = [(0, 0, ""), *((m.start(), m.end(), m["title"] or "") for m in _SEPARATOR.finditer(text))]
    ends = [*(start for start, _, _ in begins[1:]), len(text)]
    parts = []
    for (_, begin, title), end in zip(begins, ends):  # noqa: B905
        if "[markdown]" not in title and "[raw]" not in title:
            part = text[begin:end]
            parts.append(_TEXT.sub("", part, count=1) if begin else part)
    sources = [re.sub(r"^# !(?=[%!])", "", part, flags=re.M).strip("\n") for part in parts]
    return [source for source in sources if re.search(r"^\s*[^#\s]", source, re.M)]


def _below_docstring(text: str) -> str:
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return text
    if not statements or ast.get_docstring(ast.Module(statements, [])) is None:
        return text
    lines = text.splitlines(keepends=True)
    return "".join(lines[statements[0].end_lineno :])


def is_for_home(cell: str) -> bool:
    """Whether a cell only sets up its own kernel: such cells are run in place in both."""
    lines = [line.strip() for line in cell.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    names = [re.match(r"%%?(\w+)", line) for line in lines]
    if names and names[0] is not None and lines[0].startswith("%%processing"):
        return True
    return all(name is not None and (name[1] in _HOME_ONLY or name[1].startswith("processing")) for name in names)


_UNFILLED = re.compile(r"(?:^|\n)\s*(?:\w+\s*=\s*)?(?:np|numpy)\.empty(?:_like)?\([^\n]*\)\s*(?:#[^\n]*)?(?:\n|$)")


def shows_unfilled(cell: str) -> bool:
    """Whether a statement of the cell makes an array by ``np.empty``, with whatever was in that memory before."""
    return _UNFILLED.search(cell) is not None


_ENTROPY = re.compile(
    r"default_rng\(\s*\)|RandomState\(\s*\)|random\.Random\(\s*\)|SystemRandom|\bsecrets\.|uuid[14]\(|urandom\("
)


def draws_entropy(cell: str) -> bool:
    """Whether the cell draws what no seed determines: it may be alike in place by luck."""
    return _ENTROPY.search(cell) is not None


def words(cell: str) -> set[str]:
    """All words of a cell that could be names."""
    return set(re.findall(r"[^\W\d]\w*", cell))


def is_timed(cell: str) -> bool:
    """Whether a magic runs statements as often as it takes to measure them."""
    return re.search(r"^\s*(?:\w+\s*=\s*)?%%?timeit\b", cell, re.M) is not None


def is_numbered(cell: str) -> bool:
    """Whether a comment can be put on top: not of a cell magic, not of a cell that begins with an indentation, and not
    of a line such as ``ls -l``, which IPython takes for a magic only where it stands alone."""
    if len(cell.strip().splitlines()) == 1 and not _is_python(cell):
        return False
    first = next((line for line in cell.splitlines() if line.strip()), "")
    return not first.startswith("%%") and not first[:1].isspace() and not cell[:1].isspace()


def _is_python(line: str) -> bool:
    if line.lstrip()[:1] in "%!?" or line.rstrip().endswith("?"):
        return True
    if re.fullmatch(r"\s*[a-z]+\s*|\s*[a-z]+ -.*", line):
        return False
    try:
        ast.parse(line.strip())
    except SyntaxError:
        return False
    return True


def in_place(cell: str) -> str:
    """The cell as it is run in place."""
    return f"{COMMENT}\n{cell}" if is_numbered(cell) else cell


def offloaded(cell: str, python: str | None) -> str:
    """The cell as it is run offloaded, by the interpreter ``python`` (default: that of the kernel). Large results come
    back at once, not when a later cell reads them: they are to be compared."""
    image = f" --image {python}" if python else ""
    return f"%%processing --backend local --lazy 1TB{image}\n{cell}"
