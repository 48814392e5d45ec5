"""IPython magics in transformed code: which they are, what code they carry, which are refused. Pure.

After IPython's transform a magic is a call such as ``get_ipython().run_line_magic('time', 'x = f(y)')``.

May import: this room's ``strings``, ``errors``, the standard library.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from ..errors import CaptureError

Kind = Literal["line", "cell", "system", "getoutput"]
_CALLS: dict[str, Kind] = {
    "run_line_magic": "line",
    "magic": "line",
    "run_cell_magic": "cell",
    "system": "system",
    "getoutput": "getoutput",
    "getoutput_list": "getoutput",
}


@dataclass(frozen=True)
class Magic:
    """One use of a magic: ``name`` without percent signs; ``body`` is that of a cell magic."""

    kind: Kind
    name: str
    line: str
    body: str = ""
    lineno: int = 1

    @property
    def shown(self) -> str:
        """As the user typed it."""
        return {"line": "%", "cell": "%%"}.get(self.kind, "!") + self.name


# Option letters that take a value, for magics whose line is code that runs in the namespace.
_CODE_LINES = {
    "time": "",
    "timeit": "nrt",
    "prun": "lsTD",
    "lprun": "fmDTu",
    "memit": "rti",
    "mprun": "fT",
    "snakeviz": "f",
}
_CODE_BODIES = frozenset({"time", "timeit", "prun", "capture", "memit", "lprun", "mprun", "snakeviz", "heat", "pypy"})
# Their code runs inside a function: nothing that it assigns is a name of the notebook.
_NO_BINDING = frozenset({"timeit", "memit", "mprun", "lprun"})
# IPython expands neither ``$x`` nor ``{x}`` in these.
_NO_EXPANSION = frozenset(
    {"time", "timeit", "prun", "capture", "debug", "html", "javascript", "js", "latex", "markdown", "svg"}
)

_HERE = "It works on this kernel: run it in a local cell."
_REFUSED = {
    "debug": "A remote cell cannot ask for input. After a failure, run %debug in a local cell.",
    "pdb": "A remote cell cannot ask for input. After a failure, run %debug in a local cell.",
    "load": "It puts text into a cell of this notebook. " + _HERE,
    "loadpy": "It puts text into a cell of this notebook. " + _HERE,
    "store": "It reads or writes the database of this kernel's profile. " + _HERE,
    "reset": "It clears the namespace of this kernel. " + _HERE,
    "reset_selective": "It clears names of this kernel. " + _HERE,
    "edit": "It opens an editor. " + _HERE,
    "ed": "It opens an editor. " + _HERE,
    "recall": "It needs the history of this kernel. " + _HERE,
    "rep": "It needs the history of this kernel. " + _HERE,
    "rerun": "It needs the history of this kernel. " + _HERE,
    "macro": "It needs the history of this kernel. " + _HERE,
    "save": "It needs the history of this kernel. " + _HERE,
    "notebook": "It needs the history of this kernel. " + _HERE,
    "history": "It needs the history of this kernel. " + _HERE,
    "hist": "It needs the history of this kernel. " + _HERE,
    "pastebin": "It needs the history of this kernel. " + _HERE,
    "logstart": "It logs this kernel's session. " + _HERE,
    "connect_info": "It is about this kernel. " + _HERE,
    "qtconsole": "It connects to this kernel. " + _HERE,
    "processing": "A remote cell cannot start a further one. Use it in a local cell.",
}

_KNOWN_WORDS = """
pdb alias alias_magic autoawait autocall automagic autosave bookmark cat cd clear code_wrap colors conda config cp dhist
dirs doctest_mode env gui ldir less lf lk ll load_ext ls lsmagic lx magic man mamba matplotlib micromamba mkdir more
mv page pdef pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch psource pushd pwd pycat pylab quickref
rehashx reload_ext rm rmdir run sc set_env subshell sx system tb time timeit unalias unload_ext uv who who_ls whos
xdel xmode capture html javascript js latex markdown bash sh script perl pypy python python2 python3 ruby svg
writefile file ! autoreload aimport
"""
_KNOWN = frozenset(_KNOWN_WORDS.split())
_WHOLE = frozenset({"who", "whos", "who_ls", "psearch"})
_LOOKS = frozenset({"pinfo", "pinfo2", "pdoc", "pdef", "psource", "pfile", "page"})


def magic_of(node: ast.Call) -> Magic | None:
    """The magic that a call runs, or None for any other call."""
    func = node.func
    if not (isinstance(func, ast.Attribute) and func.attr in _CALLS and isinstance(func.value, ast.Call)):
        return None
    if not (isinstance(func.value.func, ast.Name) and func.value.func.id == "get_ipython"):
        return None
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if len(texts) != len(node.args) or not texts:
        return None
    kind = _CALLS[func.attr]
    if kind in ("system", "getoutput"):
        return Magic(kind, "", texts[0], "", node.lineno)
    if func.attr == "magic":
        name, _, rest = texts[0].partition(" ")
        return Magic("line", name.lstrip("%"), rest, "", node.lineno)
    return Magic(kind, texts[0], texts[1] if len(texts) > 1 else "", texts[2] if len(texts) > 2 else "", node.lineno)


def options(line: str, with_value: str) -> tuple[dict[str, list[str]], str]:
    """Split leading short options off a magic's line: ``-n 10 -r3 f(x)`` → ``{'n': ['10'], 'r': ['3']}, 'f(x)'``."""
    found: dict[str, list[str]] = {}
    rest = line.lstrip()
    while re.match(r"-{1,2}[A-Za-z]", rest):
        token, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        if token.startswith("--"):
            found.setdefault(token[2:], [])
        elif token[1] in with_value:
            value = token[2:]
            if not value:
                value, _, rest = rest.partition(" ")
            found.setdefault(token[1], []).append(value)
            rest = rest.lstrip()
        else:
            found.setdefault(token[1:], [])
    return found, rest


def code_of(magic: Magic) -> tuple[str, bool, list[str]]:
    """The Python in a magic: the code, whether it binds names of the notebook, names given by options (``-f func``).

    Lines of a cell magic's body may themselves be magics: see ``plain``.
    """
    if magic.kind == "line" and magic.name in _CODE_LINES:
        given, code = options(magic.line, _CODE_LINES[magic.name])
        return code, magic.name not in _NO_BINDING, given.get("f", []) if magic.name in ("lprun", "mprun") else []
    if magic.kind == "cell" and magic.name in _CODE_BODIES:
        body, names = magic.body, []
        if magic.name in _CODE_LINES and magic.name != "time":
            given, setup = options(magic.line, _CODE_LINES[magic.name])
            body, names = f"{setup}\n{body}", given.get("f", [])
        return body, magic.name not in _NO_BINDING, names
    return "", False, []


def bound_names(magic: Magic) -> list[str]:
    """Names that a magic itself binds: ``%%capture out``, ``%%bash --out o``, ``%sc x=ls``."""
    if magic.kind == "cell" and magic.name == "capture":
        return [word for word in magic.line.split() if word.isidentifier()][:1]
    if magic.kind == "cell":
        return re.findall(r"--(?:out|err|proc)[= ](\w+)", magic.line)
    if magic.kind == "line" and magic.name == "sc":
        return re.findall(r"^(?:-\w\s+)*(\w+)\s*=", magic.line)
    return []


def looked_at(magic: Magic) -> str:
    """The object that ``x?`` and its kin show: its dotted name, or ''."""
    if magic.kind != "line" or magic.name not in _LOOKS:
        return ""
    found = re.match(r"\s*([^\W\d][\w.]*)", magic.line)
    return found.group(1) if found else ""


def asked_about(magic: Magic) -> tuple[str, str]:
    """Kind and name of the magic that is meant: ``x`` by ``%x?``, which shows its help; else the magic itself."""
    found = re.match(r"\s*(%%?)(\w+)", magic.line) if magic.kind == "line" and magic.name in _LOOKS else None
    return (magic.kind, magic.name) if found is None else ("line" if found[1] == "%" else "cell", found[2])


def shows_modules(magic: Magic) -> bool:
    """Whether the magic shows the versions of what the notebook has imported: ``%watermark --iversions``."""
    return magic.kind == "line" and magic.name == "watermark" and re.search(r"(?:^|\s)--?\w*iv", magic.line) is not None


def expands(magic: Magic) -> bool:
    """Whether IPython evaluates ``$x`` and ``{x}`` in the magic's line."""
    return magic.name not in _NO_EXPANSION and magic.name not in _CODE_LINES


def shows_namespace(magic: Magic) -> bool:
    """Whether the magic lists the notebook's names."""
    return magic.kind == "line" and magic.name in _WHOLE


def file_words(magic: Magic) -> list[str]:
    """Words of a magic's or shell line (and a script body) that may be files."""
    text = magic.line if magic.kind != "cell" or magic.name in _CODE_BODIES else f"{magic.line}\n{magic.body}"
    if magic.kind == "cell" and magic.name in ("writefile", "file"):
        text = magic.line if "-a" in magic.line.split() else ""
    try:
        return shlex.split(text, comments=False)[:500]
    except ValueError:  # unbalanced quotes
        return text.split()[:500]


def run_script(magic: Magic) -> tuple[str, bool] | None:
    """``%run [-i] script.py``: the script and whether it runs in the notebook's namespace."""
    if magic.kind != "line" or magic.name != "run":
        return None
    given, rest = options(magic.line, "NTlsD")
    script = file_words(Magic("line", "run", rest))[:1]
    return (script[0], "i" in given) if script else None


def check(
    magics: Iterable[Magic],
    known: Collection[str] | None = None,
    first_line: int = 1,
    sent: Collection[str] = (),
) -> list[str]:
    """Refuse magics that cannot work in another process; notices for those whose effect stays there.

    Args:
        magics: those of the cell.
        known: names of the magics that this kernel has loaded; None when that is not known.
        first_line: line of the notebook's cell on which the code starts.
        sent: names of those that the worker gets: the notebook's own, and those of extensions that it loads.

    Raises:
        CaptureError: names the magic, its line, the reason and the way out.
    """
    used = list(magics)
    loads_extension = any(m.name in ("load_ext", "reload_ext") for m in used)
    notices: list[str] = []
    for magic in used:
        number = magic.lineno + first_line - 1
        where = f"{magic.shown} (line {number})"
        if magic.name in _REFUSED and not (magic.name == "pdb" and magic.line.strip() in ("off", "0")):
            raise CaptureError(f"{where} cannot be used in an offloaded cell. {_REFUSED[magic.name]}")
        if (
            magic.kind in ("line", "cell")
            and magic.name not in _KNOWN | _CODE_BODIES | set(_CODE_LINES)
            and not loads_extension
        ):
            if known is None or magic.name not in known:
                raise CaptureError(
                    f"{where}: magic {magic.shown} is not loaded. Load its extension in this cell (%load_ext NAME) or "
                    "check its spelling."
                )
            if magic.name in sent:
                continue
            notices.append(
                f"{magic.shown} comes from an extension or from this notebook: it works only if the worker has it too "
                "(%load_ext NAME in this cell loads it there)."
            )
        if magic.name in ("pip", "conda", "mamba", "uv") or re.match(
            r"\s*(?:pip3?|python3? -m pip)\s+install\b", magic.line
        ):
            notices.append(f"line {number}: packages are installed in the container only.")
        elif magic.name in ("env", "set_env") and magic.line.strip():
            notices.append(f"line {number}: the environment variable is set in the container only.")
    return notices


_LINE_MAGIC = re.compile(r"^(\s*)(?:([^=!%(]*?)=\s*)?(%|!!?)(\w?.*)$")


def plain(body: str) -> str:
    """Turn the magic and shell lines of a cell magic's body into calls, when IPython's own transform is not at hand."""
    first, _, rest = body.lstrip("\n").partition("\n")
    nested = re.match(r"%%(\w+) ?(.*)$", first)
    if nested:
        return f"get_ipython().run_cell_magic({nested[1]!r}, {nested[2]!r}, {rest.rstrip(chr(10)) + chr(10)!r})"
    lines: list[str] = []
    for text in body.splitlines():
        found = _LINE_MAGIC.match(text)
        if not found:
            lines.append(text)
            continue
        indent, target, mark, call = found.groups()
        if mark == "%":
            name, _, line = call.partition(" ")
            code = f"get_ipython().run_line_magic({name!r}, {line!r})"
        else:
            code = f"get_ipython().{'getoutput' if target or mark == '!!' else 'system'}({call!r})"
        lines.append(f"{indent}{f'{target.strip()} = ' if target else ''}{code}")
    return "\n".join(lines)
