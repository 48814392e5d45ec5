"""Which names a cell reads, binds and deletes: one line per construct."""

from __future__ import annotations

import builtins
import symtable
from pathlib import Path

import pytest

from nbprocess.capture.scope import analyse

# code → must, maybe, binds, deletes (names separated by spaces)
CASES: list[tuple[str, str, str, str, str]] = [
    # plain reads and assignments
    ("y = x", "x", "", "y", ""),
    ("x = 1\ny = x", "", "", "x y", ""),
    ("y = x\nx = 1", "x", "", "x y", ""),
    ("x += 1", "x", "", "x", ""),
    ("x = 0\nx += 1", "", "", "x", ""),
    ("a, b = b, a", "a b", "", "a b", ""),
    ("a = b = c", "c", "", "a b", ""),
    ("a, *rest = xs", "xs", "", "a rest", ""),
    ("(a, [b, c]) = v", "v", "", "a b c", ""),
    ("x: int = v", "v", "", "x", ""),
    ("x: T", "T", "", "", ""),
    ("x: 'T' = 1", "", "", "x", ""),
    ("from __future__ import annotations\nx: T = 1", "", "", "x annotations", ""),
    ("o.a = v", "o v", "", "", ""),
    ("d[k] = v", "d k v", "", "", ""),
    ("d[k] += v", "d k v", "", "", ""),
    ("a[i:j] = b", "a i j b", "", "", ""),
    ("lst.append(v)", "lst v", "", "", ""),
    ("o.a.b[c].d = 1", "o c", "", "", ""),
    ("print(len(x))", "x", "", "", ""),
    ("x", "x", "", "", ""),
    ("'docstring'", "", "", "", ""),
    # deletion
    ("del x", "x", "", "", "x"),
    ("x = 1\ndel x", "", "x", "", "x"),  # what the notebook has by that name is gone, too
    ("del x\nx = 1", "x", "", "x", ""),
    ("del d[k]", "d k", "", "", ""),
    ("del o.a", "o", "", "", ""),
    ("if c:\n    del x\ny = x", "c x", "", "y", "x"),
    # branches
    ("if c:\n    x = 1\ny = x", "c", "x", "x y", ""),
    ("if c:\n    x = 1\nelse:\n    x = 2\ny = x", "c", "", "x y", ""),
    ("if c:\n    x = 1\nelif d:\n    x = 2\nelse:\n    x = 3\ny = x", "c d", "", "x y", ""),
    ("if c:\n    x = 1\nelif d:\n    x = 2\ny = x", "c d", "x", "x y", ""),
    ("if c:\n    x = 1\nelse:\n    raise E\ny = x", "c E", "", "x y", ""),
    ("if c:\n    y = x\nelse:\n    x = 1", "c x", "", "x y", ""),
    ("if True:\n    x = 1\ny = x", "", "", "x y", ""),
    ("if False:\n    x = z\ny = x", "x", "", "y", ""),
    ("if __name__ == '__main__':\n    x = 1\ny = x", "", "", "x y", ""),
    ("if not c:\n    x = 1\ny = x", "c", "x", "x y", ""),
    ("x = a if c else b", "a b c", "", "x", ""),
    ("if (m := f(s)) and m.ok:\n    y = m", "f s", "", "m y", ""),
    ("if a and (m := f()):\n    y = m\nz = m", "a f", "m", "m y z", ""),
    ("if a or (m := f()):\n    y = 1\nz = m", "a f", "m", "m y z", ""),
    ("if not (m := f()):\n    raise E\ny = m", "f E", "", "m y", ""),
    ("c and (x := 1)\ny = x", "c", "x", "x y", ""),
    ("c or (x := 1)\ny = x", "c", "x", "x y", ""),
    ("(x := 1) and c\ny = x", "c", "", "x y", ""),
    ("y = (x := 1) if c else 2\nz = x", "c", "x", "x y z", ""),
    ("a < (x := b) < (z := d)\ny = x, z", "a b d", "z", "x y z", ""),
    ("assert (x := f()), msg\ny = x", "f msg", "", "x y", ""),
    # loops
    ("for i in xs:\n    y = i\nz = y", "xs", "y", "i y z", ""),
    ("for i in xs:\n    pass\nz = i", "xs", "i", "i z", ""),
    ("for i in range(3):\n    y = i\nz = y, i", "", "", "i y z", ""),
    ("for i in [1, 2]:\n    y = i\nz = y", "", "", "i y z", ""),
    ("for i in range(0):\n    y = i\nz = y", "", "y", "i y z", ""),
    ("for i in range(n):\n    y = i\nz = y", "n", "y", "i y z", ""),
    ("for i in xs:\n    s += i", "s xs", "", "i s", ""),
    ("for i in xs:\n    if i:\n        break\n    y = 1\nelse:\n    y = 2\nz = y", "xs", "y", "i y z", ""),
    ("for i in xs:\n    break\nelse:\n    y = 2\nz = y", "xs", "y", "i y z", ""),
    ("for i in xs:\n    pass\nelse:\n    y = 2\nz = y", "xs", "", "i y z", ""),
    ("for i in range(2):\n    if c:\n        continue\n    y = 1\nz = y", "c", "y", "i y z", ""),
    ("for d[k] in xs:\n    pass", "d k xs", "", "", ""),
    ("for o.a in xs:\n    pass", "o xs", "", "", ""),
    ("while c:\n    x = 1\ny = x", "c", "x", "x y", ""),
    ("while True:\n    x = 1\n    break\ny = x", "", "", "x y", ""),
    ("while True:\n    if c:\n        break\n    x = 1\ny = x", "c", "x", "x y", ""),
    ("while (l := f()):\n    g(l)\nz = l", "f g", "", "l z", ""),
    ("while True:\n    pass\ny = x", "", "", "", ""),
    ("while c:\n    break\nelse:\n    x = 1\ny = x", "c", "x", "x y", ""),
    # try
    ("try:\n    x = f()\nexcept E:\n    x = 1\ny = x", "f", "E", "x y", ""),
    ("try:\n    x = f()\nexcept E:\n    pass\ny = x", "f", "x E", "x y", ""),
    ("try:\n    x = f()\nexcept E:\n    raise\ny = x", "f", "E", "x y", ""),
    ("try:\n    f()\nexcept E as e:\n    g(e)", "f", "E e g", "", "e"),
    ("try:\n    f()\nexcept E as e:\n    g(e)\nz = e", "f", "E e g", "z", "e"),
    ("try:\n    x = f()\nfinally:\n    g()\ny = x", "f g", "", "x y", ""),
    ("try:\n    f()\nfinally:\n    x = 1\ny = x", "f", "", "x y", ""),
    ("try:\n    f()\nexcept E:\n    x = 1\nelse:\n    x = 2\ny = x", "f", "E", "x y", ""),
    ("try:\n    x\nexcept NameError:\n    x = 1", "", "x", "x", ""),
    ("try:\n    import torch\nexcept ImportError:\n    torch = None\ny = torch", "", "", "torch y", ""),
    ("try:\n    import torch\nexcept ImportError:\n    pass\ny = torch", "", "torch", "torch y", ""),
    # with
    ("with open(p) as f:\n    x = f.read()\ny = x", "p", "", "f x y", ""),
    ("with suppress(E):\n    x = f()\ny = x", "suppress E f", "x", "x y", ""),
    ("with a as b, c(b) as d:\n    d.go()", "a c", "", "b d", ""),
    ("with torch.no_grad():\n    x = m(v)\ny = x", "torch m v", "", "x y", ""),
    ("async with s.get(u) as r:\n    x = await r.json()", "s u", "", "r x", ""),
    ("async for i in xs:\n    print(i)", "xs", "", "i", ""),
    ("x = await f(y)", "f y", "", "x", ""),
    # match
    ("match p:\n    case C(a=1, b=q):\n        r = q\n    case _:\n        r = 0\ny = r", "p C", "", "q r y", ""),
    ("match p:\n    case [a, *rest]:\n        y = a, rest", "p", "", "a rest y", ""),
    ("match p:\n    case {'k': v, **kw}:\n        y = v, kw", "p", "", "v kw y", ""),
    ("match p:\n    case M.RED:\n        y = 1\nz = y", "p M", "y", "y z", ""),
    ("match p:\n    case n if n > lim:\n        y = n\nz = n", "p lim", "", "n y z", ""),
    ("match p:\n    case 1 | 2 as k:\n        pass\nz = k", "p", "k", "k z", ""),
    # comprehensions
    ("y = [f(x) for x in xs]", "f xs", "", "y", ""),
    ("y = {k: g(v) for k, v in d.items() if v > lim}", "g d lim", "", "y", ""),
    ("y = {x for x in x}", "x", "", "y", ""),
    ("y = [a for a in as_ for b in a.bs(c)]", "as_ c", "", "y", ""),
    ("y = sum(w * x for x in xs)", "w xs", "", "y", ""),
    ("g = (w * x for x in xs)", "xs", "w", "g", ""),
    ("x = 1\ny = [x for x in xs]\nz = x", "xs", "", "x y z", ""),
    ("any((m := p) for p in ps)\ny = m", "ps", "m", "m y", ""),
    ("y = [(t := f(x), t) for x in xs]", "f xs", "t", "t y", ""),
    ("y = [lambda: x for x in xs]", "xs", "", "y", ""),
    ("y = [[c for c in r] for r in m]", "m", "", "y", ""),
    # functions
    ("def f(a, b=d, *args, **kw):\n    return a + b + c", "d", "c", "f", ""),
    ("@dec(arg)\ndef f():\n    return x", "dec arg", "x", "f", ""),
    ("def f(a: T) -> R:\n    b: U = a", "T R", "", "f", ""),
    ("from __future__ import annotations\ndef f(a: T) -> R: ...", "", "", "f annotations", ""),
    ("def f():\n    return x\nx = 1\nf()", "", "", "f x", ""),
    ("def f():\n    return x\nf()\nx = 1", "", "x", "f x", ""),
    ("def f():\n    return f()", "", "", "f", ""),
    ("def even(n):\n    return odd(n)\ndef odd(n):\n    return even(n)\neven(3)", "", "", "even odd", ""),
    ("def f():\n    global g\n    g += 1\nf()", "", "g", "f g", ""),
    ("def f():\n    global g\n    del g\nf()", "", "g", "f", "g"),
    ("def f():\n    x = 1\n    def h():\n        nonlocal x\n        x += y\n    return h", "", "y", "f", ""),
    ("f = lambda a, b=c: a + b + d", "c", "d", "f", ""),
    ("y = sorted(xs, key=lambda t: t[k])", "xs", "k", "y", ""),
    ("def f():\n    x = x0\n    return [x for _ in range(n)]", "", "x0 n", "f", ""),
    ("def f():\n    print(x)\n    x = 1", "", "", "f", ""),
    ("def f():\n    import m\n    return m.g(z)", "", "z", "f", ""),
    ("def f():\n    for i in xs:\n        with c as d:\n            pass\n    return i, d", "", "xs c", "f", ""),
    ("def f():\n    try:\n        a()\n    except E as e:\n        b(e)", "", "a E b", "f", ""),
    ("async def f():\n    return await g(x)\nawait f()", "", "g x", "f", ""),
    ("def gen():\n    yield from src", "", "src", "gen", ""),
    (
        "def f(x):\n    class C(B):\n        a = a0\n        def m(self):\n            return x, q\n    return C",
        "",
        "B a0 q",
        "f",
        "",
    ),
    ("def f():\n    x[0] = 1", "", "x", "f", ""),
    ("def f(k):\n    match k:\n        case [a, b]:\n            return a + b + c", "", "c", "f", ""),
    # classes
    ("class C(B, metaclass=M):\n    a = v\n    def m(self):\n        return g(a)", "B M v", "g a", "C", ""),
    ("class C:\n    x = x", "x", "", "C", ""),
    ("class C:\n    a = 1\n    b = a", "", "", "C", ""),
    ("class C:\n    a = 1\n    b = [a for _ in range(2)]", "a", "", "C", ""),
    ("class C:\n    a = [1]\n    b = [x for x in a]", "", "", "C", ""),
    ("class C:\n    def m(self, d=dflt) -> R:\n        return C", "dflt R", "", "C", ""),
    ("@dataclass\nclass P:\n    x: T = field(default=d)", "dataclass T field d", "", "P", ""),
    ("class C:\n    def __init__(self):\n        self.__x = __y", "", "_C__y", "C", ""),
    ("class C:\n    if c:\n        z = 1\n    w = z", "c", "z", "C", ""),
    ("class A:\n    class B:\n        y = x", "x", "", "A", ""),
    ("class C:\n    global g\n    g = 1\ny = g", "", "", "C g y", ""),
    # imports
    ("import a.b\ny = a.b.c", "", "", "a y", ""),
    ("import a.b as c\ny = c", "", "", "c y", ""),
    ("from a import b as c, d\ny = c, d", "", "", "c d y", ""),
    ("from nowhere import *\ny = x", "", "x", "y", ""),
    # strings
    ("y = f'{x:>{w}} {z!r}'", "x w z", "", "y", ""),
    ("y = f'{a[\"k\"]}'", "a", "", "y", ""),
    ("'{x} {y.z}'.format(**locals())", "x y", "", "", ""),
    ("'{x} {n}'.format(n=1, **globals())", "x", "", "", ""),
    # exec, eval and the namespace
    ("y = eval('a + b')", "a b", "", "y", ""),
    ("exec('x = z')\ny = x", "z", "", "x y", ""),
    ("y = globals()['x']", "x", "", "y", ""),
    ("globals()['x'] = v\ny = x", "v", "", "x y", ""),
    ("if 'x' in globals():\n    pass", "", "x", "", ""),
    ("if 'x' not in dir():\n    x = f()\ny = x", "f", "x", "x y", ""),
    ("y = globals().get('x', d)", "d", "x", "y", ""),
    ("globals().update(a=b)\ny = a", "b", "", "a y", ""),
    ("eval = f\ny = eval(s)", "f s", "", "eval y", ""),
    ("y = vars(o)", "o", "", "y", ""),
    # history
    ("y = Out[3] + _ + __ + _5", "_3 _ __ _5", "", "y", ""),
    ("y = In[2]", "", "In", "y", ""),
    ("y = Out[n]", "n", "Out", "y", ""),
    # dead code
    ("raise E\ny = x", "E", "", "", ""),
    ("for i in xs:\n    continue\n    y = z", "xs", "", "i", ""),
    # magics, as IPython's transform leaves them
    ("get_ipython().run_line_magic('time', 'x = f(y)')\nz = x", "f y", "", "x z", ""),
    ("get_ipython().run_line_magic('timeit', '-n 10 -r3 f(y)')", "f y", "", "", ""),
    ("get_ipython().run_line_magic('timeit', 't = f(y)')\nz = t", "f y t", "", "z", ""),
    ("get_ipython().run_line_magic('prun', '-l 5 -s cumulative f(y)')", "f y", "", "", ""),
    ("get_ipython().run_line_magic('lprun', '-f g f(y)')", "g f y", "", "", ""),
    ("get_ipython().run_cell_magic('time', '', 'x = f(y)\\n')", "f y", "", "x", ""),
    ("get_ipython().run_cell_magic('timeit', 'a = b', 'c = f(a)\\n')", "b f", "", "", ""),
    ("get_ipython().run_cell_magic('capture', 'out --no-stderr', 'x = y\\n')\nz = out", "y", "", "x out z", ""),
    ("get_ipython().run_cell_magic('time', '', '%%capture o\\n!ls {p}\\nx = y\\n')", "p y", "", "o x", ""),
    ("get_ipython().system('ls {d}')", "d", "", "", ""),
    ("x = get_ipython().getoutput('cat {p[0]} | awk \"{{print $1}}\"')", "p", "", "x", ""),
    ("get_ipython().run_line_magic('run', 'a.py {arg}')", "arg", "", "", ""),
    ("get_ipython().run_line_magic('pinfo', 'x.y')", "x", "", "", ""),
    ("get_ipython().run_cell_magic('bash', '--out o', 'echo $HOME {x}\\n')\ny = o", "", "", "o y", ""),
    ("get_ipython().run_line_magic('xdel', 'x')", "x", "", "", "x"),
]


@pytest.mark.parametrize(("code", "must", "maybe", "binds", "deletes"), CASES, ids=[c[0] for c in CASES])
def test_names_of(code: str, must: str, maybe: str, binds: str, deletes: str) -> None:
    scope = analyse(code)
    ours = scope.must() - set(dir(builtins)) | (scope.must() & {"eval"} if "eval = f" in code else set())
    assert (ours, scope.maybe() - set(dir(builtins)), set(scope.binds), set(scope.deletes)) == (
        set(must.split()),
        set(maybe.split()),
        set(binds.split()),
        set(deletes.split()),
    )


WORDS = [
    ("df.query('a > @thr and b < @lim.x')", "thr lim"),
    ("pd.eval('df1 + df2')", "df1 df2"),
    ("ne.evaluate('a * b')", "a b"),
    ("smf.ols('y ~ x + np.log(z)', data=d)", "y x np log z"),
    ("duckdb.sql('SELECT * FROM flights JOIN airports USING (id)')", "SELECT FROM flights JOIN airports USING id"),
    ("q = 'select a from t'\ncon.execute(q)", "select a from t"),
    ("timeit.timeit('f(x)', globals=g)", "f x"),
    ("get_ipython().run_cell_magic('sql', '', 'SELECT n FROM t')", "SELECT n FROM t"),
    ("get_ipython().system('echo $name')", "name"),
    ("print('write to me@home')", "home"),
    ("from __main__ import f, x", "f x"),
]


@pytest.mark.parametrize(("code", "words"), WORDS, ids=[c[0] for c in WORDS])
def test_words_of_strings_that_may_be_names(code: str, words: str) -> None:
    assert set(analyse(code).notes.words) >= set(words.split())


@pytest.mark.parametrize("code", ["print('a plain text from me')", "x = 'with love'", "s.split('~')", "df['a b']"])
def test_plain_strings_name_nothing(code: str) -> None:
    assert not analyse(code).notes.words


@pytest.mark.parametrize(
    "code",
    [
        "globals()",
        "locals()",
        "vars()",
        "dir()",
        "eval(s)",
        "exec(s)",
        "def f():\n    return globals()",
        "'%s' % locals()",
    ]
    + ["import __main__\n__main__.x", "import sys\ngetattr(sys.modules[__name__], n)", "from __main__ import *"]
    + ["ip.user_ns", "get_ipython().run_line_magic('whos', '')", "'{' + s.format(**locals())"],
)
def test_whole_namespace(code: str) -> None:
    assert analyse(code).notes.whole is not None


@pytest.mark.parametrize(
    "code", ["vars(x)", "dir(x)", "eval('1')", "eval(s, {})", "def f():\n    return locals()", "globals()['x']"]
)
def test_not_the_whole_namespace(code: str) -> None:
    assert analyse(code).notes.whole is None


def test_star_import_of_a_known_module() -> None:
    scope = analyse("from m import *\ny = a + b", star=lambda module: ["a"] if module == "m" else None)
    assert scope.must() == {"b"} and set(scope.binds) == {"a", "y"}


def test_flags_of_earlier_cells_defer_annotations() -> None:
    import __future__

    assert analyse("x: T = 1", flags=__future__.annotations.compiler_flag).must() == set()


def test_imports_are_noted_with_their_guard() -> None:
    notes = analyse("import a.b\ntry:\n    import c\nexcept ImportError:\n    c = None\ndef f():\n    import d").notes
    assert [(i.module, i.optional) for i in notes.imports] == [("a.b", False), ("c", True), ("d", True)]


def test_a_read_in_a_branch_is_not_certain() -> None:
    reads = analyse("a\nif c:\n    b").reads
    assert reads["a"].certain and reads["c"].certain and not reads["b"].certain


def test_existence_only() -> None:
    assert analyse("del x").reads["x"].existence
    assert not analyse("print(x)\ndel x").reads["x"].existence


def _globals_by_symtable(table: symtable.SymbolTable, top: bool = True) -> set[str]:
    """Names that the compiler itself looks up as globals in nested scopes."""
    found: set[str] = set()
    if not top:
        found = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    for child in table.get_children():
        found |= _globals_by_symtable(child, top=False)
    return found


SOURCES = (
    sorted(Path(__file__).parents[2].glob("nbprocess/**/*.py"))[:60]
    + sorted(Path(symtable.__file__).parent.glob("[a-d]*.py"))[:40]
)


def test_no_global_read_that_the_compiler_sees_is_missed() -> None:
    """A differential test against ``symtable`` on real code: nested reads are settled, or reported."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8", errors="replace")
        tree_reads = analyse(text)
        known = set(tree_reads.reads) | set(tree_reads.binds) | set(dir(builtins)) | set(tree_reads.deletes)
        missed = _globals_by_symtable(symtable.symtable(text, path.name, "exec")) - known
        assert not {n for n in missed if not n.startswith("__")}, path
