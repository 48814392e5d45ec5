"""The secret guard: values and texts that look like passwords, keys or tokens. Pure; never prints a value.

May import: ``worker.wire.awsclients``, the standard library.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any

from ..worker.wire import awsclients

LIMIT = 64 * 1024
"""Bytes of a text beyond which it is not scanned."""

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        ("AWS access key id", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        ("AWS secret key", r"(?i)aws.{0,20}secret.{0,20}['\"=:\s]([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
        ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b"),
        ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
        ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}\b|https://hooks\.slack\.com/services/T\w+/B\w+/\w+"),
        ("API key", r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}\b|\b[rs]k_live_[A-Za-z0-9]{20,}\b"),
        ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
        ("Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("PyPI token", r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}"),
        ("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("Databricks token", r"\bdapi[a-f0-9]{32}\b"),
        ("SendGrid key", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
        ("Azure key", r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}"),
        ("JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
        ("private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
        ("URL with credentials", r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,30}://[^\s/:@'\"<>{}$]*:([^\s/@'\"<>{}$]{3,})@[\w.-]"),
        ("key in a URL", r"(?i)[?&](?:api_?key|access_token|auth_token|subscription-key)=([\w.~%-]{16,})"),
        ("authorization header", r"(?i)^\s*(?:bearer|basic)\s+(?=\S*\d)([\w.~+/-]{16,}=*)\s*$"),
        ("password in a connection string", r"(?i)(?:^|;|\s)(?:password|pwd)\s*=\s*([^;\s'\"{}<>*$]{4,})(?:;|$)"),
    )
)
_ASSIGNED = re.compile(
    r"(?i)([\w.-]*(?:passw(?:or)?d|passphrase|secret|api_?key|access_?key|auth_?token|access_?token|private_?key)[\w.-]*)"
    r"['\"]?\s*[:=]\s*['\"]([^'\"\n]{6,})['\"]"
)
_NAME = re.compile(
    r"(?i)(?:^|[_\-.\s])(?:pass(?:word|wd|phrase)?|pwd|secrets?|token|api_?key|apikey|auth_?key|access_?key(?:_?id)?|secret_?key"
    r"|private_?key|credentials?|conn(?:ection)?_?str(?:ing)?|client_?secret|bearer|(?:auth|access|refresh|bearer|api)_?token)$"
    r"|(?:password|passwd|apikey|secretkey|accesstoken|authtoken|clientsecret)$"
)
_PAIR = re.compile(r"(?i)(?:^|_)(?:auth|creds|credentials|login)$")
# Words around "token" that belong to text processing (or to what Dask tells values by), not to access.
_HARMLESS_NAME = re.compile(
    r"(?i)(?:pad|eos|bos|sep|cls|mask|unk|unknown|determ|start|end|stop|next|prev|special|sos|oov|split|line|word|input|output|first|last"
    r"|image|new)_?(?:tokens?|key)$|^tokens?$|public_?key|^pass$"
)
_PLACEHOLDER = re.compile(
    r"(?i)^\s*$|^<.*>$|^\$|^\{.*\}$|^%\(|^\*+$|^[x.\-_]+$|your|change[_-]?me|example|placeholder|dummy|redacted|"
    r"insert|enter |todo|"
    r"^(?:none|null|true|false|n/?a|test\w*|password|passwd|secret|token|api_?key|key|string|foo|bar|abc\d*|value|unknown"
    r"|default)$"
)
_TYPES = (
    ("botocore.session.Session", "botocore session"),
    ("botocore.credentials.", "AWS credentials"),
    ("os._Environ", "environment variables"),
    ("google.oauth2.", "Google credentials"),
    ("google.auth.", "Google credentials"),
    ("azure.identity.", "Azure credentials"),
    ("azure.core.credentials.", "Azure credentials"),
    ("paramiko.pkey", "SSH key"),
    ("paramiko.rsakey", "SSH key"),
    ("paramiko.ed25519key", "SSH key"),
    ("requests.auth.", "HTTP credentials"),
)
_CHILDREN = 200
_PLAIN = frozenset({int, float, bool, complex, type(None), range})


def in_text(text: str) -> str:
    """What kind of secret a text holds, or ''."""
    if len(text) > LIMIT:
        return ""
    for what, pattern in _PATTERNS:
        found = pattern.search(text)
        if found and not (found.groups() and _placeholder(found.group(1) or "")):
            return what
    return ""


def in_source(text: str) -> str:
    """What kind of secret code or a configuration file holds in a literal, or ''."""
    found = in_text(text)
    if found:
        return found
    for name, value in _ASSIGNED.findall(text[:LIMIT]):
        if in_name(name.rpartition(".")[2], value):
            return f"a value for {name}"
    return ""


def _placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None


def in_name(name: str, value: Any) -> str:
    """Whether a string under such a name is a secret: ``api_key = '...'``."""
    if type(value) not in (str, bytes) or not _NAME.search(name) or _HARMLESS_NAME.search(name):
        return ""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    # Shorter than any password worth the name, prose, paths and plain URLs are no secrets.
    if (
        not 6 <= len(text) <= 4096
        or _placeholder(text)
        or text.count(" ") > 2
        or "://" in text
        or text.startswith(("/", "./", "~"))
    ):
        return ""
    return "a name for secrets"


@functools.lru_cache(maxsize=4096)
def _blocked(kind: type) -> str:
    full = f"{kind.__module__}.{kind.__qualname__}"
    for prefix, what in _TYPES:
        if full == prefix or (prefix.endswith((".", "key")) and full.startswith(prefix)):
            return what
    return "HTTP session" if full == "requests.sessions.Session" else ""


def in_type(value: Any) -> str:
    """What a value is by its type when such values hold credentials."""
    what = _blocked(type(value))  # type: ignore[arg-type]  # types are hashable
    if what == "HTTP session":
        return "HTTP credentials" if getattr(value, "auth", None) else ""
    return what


def in_value(name: str, value: Any, depth: int = 2) -> str:
    """Where and what kind of secret a value seems to hold (``['db']: URL with credentials``), or ''.

    Looks at strings and bytes up to 64 kB, ``depth`` levels deep in dicts, lists, tuples and instances.
    """
    kind = type(value)
    if kind in _PLAIN:
        return ""
    client = awsclients.kind_of(kind)
    if client:  # they go without their credentials, and not at all where keys were given to them
        return f"boto3 {client}" if awsclients.was_given_keys(value) else ""
    what = in_type(value)
    if what:
        return what
    if issubclass(kind, (str, bytes)):
        text = value if issubclass(kind, str) else value[: LIMIT + 1].decode("latin-1")
        return (in_text(text) if len(text) >= 12 else "") or in_name(name, value)
    if depth == 0:
        return ""
    if kind is tuple and len(value) == 2 and _PAIR.search(name):  # as HTTP libraries take user and password
        return in_name("password", value[1])
    for key, child in _children(value):
        found = in_value(key, child, depth - 1)
        if found:
            return f"{key}: {found}" if key else found
    return ""


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if issubclass(kind, dict):
        for key, child in itertools.islice(dict.items(value), _CHILDREN):
            yield (key if isinstance(key, str) else ""), child
        return
    fields = getattr(kind, "_fields", None)
    if issubclass(kind, tuple) and isinstance(fields, tuple):
        yield from zip(fields, tuple.__iter__(value), strict=False)
        return
    if issubclass(kind, (list, tuple, set, frozenset)):
        for child in itertools.islice(value, _CHILDREN):
            yield "", child
        return
    if (
        issubclass(kind, type)
        or callable(value)
        or (kind.__module__ or "").partition(".")[0] in ("numpy", "pandas", "builtins")
    ):
        return
    try:
        own = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):  # slots and C types have none; a class with what it copied from another one
        return
    if type(own) is dict:
        yield from itertools.islice(own.items(), _CHILDREN)
