"""Names that hide in strings: queries, formulas, SQL, format fields, ``$x`` and ``{x}`` of shell lines. Pure.

May import: the standard library, the worker's ``compiling``.
"""

from __future__ import annotations

import ast
import re
import string

from ..worker import compiling

_WORD = re.compile(r"[^\W\d]\w*")
_AT = re.compile(r"@([^\W\d]\w*)")
_DOLLAR = re.compile(r"\$(\$|[^\W\d]\w*)")
_SQL = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*\(?\s*(?:select\s|with\s+(?:recursive\s+)?\w+(?:\s*\([^)]*\))?\s+as\s*(?:\w+\s+)?\("
    r"|from\s+\w+\s*(?:;?\s*$|\s(?:select|where|join|limit|order|group|left|right|inner|using)\b)|insert\s+into\s"
    r"|create\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?(?:table|view)\s|update\s+\w+\s+set\s|delete\s+from\s"
    r"|(?:describe|summarize)\s+\w+\s*;?\s*$|pivot\s+\w+\s+on\s|copy\s+\(?\w+.*\s(?:to|from)\s)",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"^[^~\n]*~[^~\n]+$")

# Calls whose whole string argument is an expression over the caller's variables.
EXPRESSION_CALLS = frozenset(
    {"pd.eval", "pandas.eval", "ne.evaluate", "numexpr.evaluate", "evaluate", "ne.re_evaluate"}
)
# Calls whose string argument names variables as @x.
AT_CALLS = frozenset({"query", "eval"})
FORMULA_CALLS = frozenset(
    {"ols", "logit", "probit", "glm", "gls", "wls", "mixedlm", "poisson", "rlm", "quantreg", "phreg", "gee", "dmatrix"}
    | {"dmatrices", "from_formula", "build_design_matrices", "negativebinomial", "mnlogit", "Gam", "feols", "Model"}
)


def is_sql(text: str) -> bool:
    """Whether the text begins like an SQL statement."""
    return _SQL.match(text) is not None


def words(text: str) -> set[str]:
    """All words of the text that could be Python names."""
    return set(_WORD.findall(text))


def names_in_string(text: str, callee: str = "") -> set[str]:
    """Words of a string that may name variables of the caller.

    Args:
        text: the string.
        callee: dotted name of the function or method whose argument it is; empty when it stands alone.
    """
    if len(text) > 100_000:
        return set()
    last = callee.rpartition(".")[2]
    if callee in EXPRESSION_CALLS or is_sql(text) or (last in FORMULA_CALLS and _FORMULA.match(text)):
        return words(text)
    if "@" in text and (last in AT_CALLS or not last):
        return set(_AT.findall(text))
    return set()


def format_fields(text: str) -> set[str] | None:
    """Root names of the fields of a ``str.format`` template or of ``%(x)s``; None when it is malformed."""
    try:
        found = [field for _, field, _, _ in string.Formatter().parse(text) if field]
    except ValueError:
        return None
    roots = {re.split(r"[.\[]", field, maxsplit=1)[0] for field in found}
    return {name for name in roots | set(re.findall(r"%\((\w+)\)", text)) if name.isidentifier()}


def expansions(line: str) -> tuple[list[ast.expr], set[str]]:
    """What IPython's ``var_expand`` evaluates in a magic or shell line: ``{expr}`` as expressions, ``$x`` as names."""
    names = {name for name in _DOLLAR.findall(line) if name != "$"}
    expressions: list[ast.expr] = []
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(line) if field]
    except ValueError:  # unbalanced braces: IPython leaves such a line as it is
        fields = []
    for field in fields:
        try:
            expressions.append(compiling.parse(field.strip(), mode="eval").body)
        except SyntaxError:  # awk '{print $1}' and the like: not ours
            continue
    return expressions, names
