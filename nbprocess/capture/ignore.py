"""Which files of a folder never travel, and the rules of ``.gitignore`` and ``.nbprocessignore``.

May import: the standard library only.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

IGNORE_FILES = (".gitignore", ".nbprocessignore")

_NEVER_NAMES_WORDS = """
.netrc _netrc .pgpass .pypirc .npmrc .htpasswd .git-credentials .aws .azure .ssh .gnupg .kube .docker .git .hg .svn
credentials.json client_secret.json service_account.json secrets.toml secrets.json secrets.yaml secrets.yml
"""
_NEVER_NAMES = frozenset(_NEVER_NAMES_WORDS.split())
_NEVER_PATTERNS = (
    ".env*",
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.kdbx",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
)
_CLUTTER_NAMES_WORDS = """
.ipynb_checkpoints __pycache__ node_modules .venv venv .tox .nox .mypy_cache .ruff_cache .pytest_cache .cache .idea
.vscode .DS_Store .virtual_documents .Trash .local .conda .eggs site-packages lost+found
"""
_CLUTTER_NAMES = frozenset(_CLUTTER_NAMES_WORDS.split())
_CLUTTER_PATTERNS = ("*.ipynb", "*.pyc", "*.pyo", "*.swp", "*~", "*.egg-info")


def never(name: str) -> bool:
    """Whether a file or folder of that name may hold secrets: it is never sent, even when it is named."""
    return name in _NEVER_NAMES or any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in _NEVER_PATTERNS)


def clutter(name: str) -> bool:
    """Whether a file or folder of that name is no input of a cell."""
    return name in _CLUTTER_NAMES or any(fnmatch.fnmatchcase(name, pattern) for pattern in _CLUTTER_PATTERNS)


@dataclass(frozen=True)
class _Rule:
    regex: re.Pattern[str]
    negated: bool
    folders_only: bool


class Rules:
    """The rules of one ignore file; paths are relative to its folder, with ``/``."""

    def __init__(self, text: str) -> None:
        self.rules = [rule for rule in map(_rule, text.splitlines()) if rule is not None]

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """True: ignored; False: taken back by a ``!`` rule; None: no rule says anything. The last rule wins."""
        found: bool | None = None
        for rule in self.rules:
            if (is_folder or not rule.folders_only) and rule.regex.match(path):
                found = not rule.negated
        return found


def _rule(line: str) -> _Rule | None:
    line = line.rstrip("\n\r")
    line = re.sub(r"(?<!\\) +$", "", line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    line = line[negated:]
    if line.startswith("\\"):
        line = line[1:]
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    if not line:
        return None
    anchored = "/" in line
    pattern = _translate(line.lstrip("/"))
    return _Rule(re.compile(pattern if anchored else f"(?:.*/)?{pattern}", re.DOTALL), negated, folders_only)


def _translate(glob: str) -> str:
    """A gitignore pattern as a regular expression over the whole path."""
    parts: list[str] = []
    i = 0
    while i < len(glob):
        if glob.startswith("**/", i):
            parts.append("(?:.*/)?")
            i += 3
        elif glob.startswith("**", i):
            parts.append(".*")
            i += 2
        elif glob[i] == "*":
            parts.append("[^/]*")
            i += 1
        elif glob[i] == "?":
            parts.append("[^/]")
            i += 1
        elif glob[i] == "[" and "]" in glob[i + 2 :]:
            end = glob.index("]", i + 2)
            inner = glob[i + 1 : end].replace("\\", "\\\\")
            parts.append(f"[{'^' + inner[1:] if inner.startswith('!') else inner}]")
            i = end + 1
        else:
            parts.append(re.escape(glob[i]))
            i += 1
    return "".join(parts) + r"\Z"
