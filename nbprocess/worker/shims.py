"""Displays without IPython: ``display`` and what cells use of ``IPython.display``. May import: ``formatters``,
``pretty``, the standard library."""

from __future__ import annotations

import base64
import os
import sys
import types
import uuid

from . import formatters, pretty

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_front: Any = None

_METHODS = (  # IPython's formatters, in its order
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_pdf_", "application/pdf"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_latex_", "text/latex"),
    ("_repr_json_", "application/json"),
    ("_repr_javascript_", "application/javascript"),
)


class _Written:
    """What a function for ``text/plain`` writes to: of IPython's pretty printer the part that they use."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(self, text: str) -> None:
        """Add a text."""
        self.parts.append(text)

    def pretty(self, value: object) -> None:
        """Add a value."""
        self.parts.append(repr(value))

    def breakable(self, sep: str = " ") -> None:
        """Where a line may end; it does not."""
        self.parts.append(sep)


def format_value(value: object, include: Any = None, exclude: Any = None) -> Any:
    """The mimebundle of ``value``: pair (data, metadata)."""
    data: dict[str, object] = {"text/plain": pretty.text(value)}
    metadata: dict[str, object] = {}
    if isinstance(value, type):
        return data, metadata

    def take(mime: str, found: object) -> None:
        if isinstance(found, tuple) and len(found) == 2:
            found, metadata[mime] = found
        if isinstance(found, bytes):
            found = base64.b64encode(found).decode("ascii")
        if found is not None:
            data[mime] = found

    own = _front.formatted if _front is not None else []
    for name, mime in _METHODS:
        method = getattr(value, name, None)
        chosen = formatters.chosen(own, mime, type(value)) if own else None
        if chosen is not None:
            take(mime, chosen(value))
        elif callable(method):
            try:
                take(mime, method())
            except NotImplementedError:
                continue  # a class may inherit a method that it does not fill
    chosen = formatters.chosen(own, "text/plain", type(value)) if own else None
    if chosen is not None:
        written = _Written()
        chosen(value, written, False)
        data["text/plain"] = "".join(written.parts)
    bundle = getattr(value, "_repr_mimebundle_", None)
    if callable(bundle):
        found = bundle(include=include, exclude=exclude)
        if isinstance(found, tuple):
            found, more = found
            metadata.update(more)
        data.update(found or {})
    keep = {k for k in data if (not include or k in include) and k not in (exclude or ())}
    return {k: v for k, v in data.items() if k in keep}, {k: v for k, v in metadata.items() if k in keep}


class DisplayHandle:
    """What ``display(..., display_id=True)`` returns."""

    def __init__(self, display_id: str) -> None:
        self.display_id = display_id

    def display(self, value: object, **options: object) -> None:
        """Display again under the same id."""
        display(value, display_id=self.display_id, **options)

    def update(self, value: object, **options: object) -> None:
        """Replace what is shown."""
        update_display(value, display_id=self.display_id, **options)


def display(
    *values: Any,
    include: Any = None,
    exclude: Any = None,
    metadata: Any = None,
    transient: Any = None,
    display_id: Any = None,
    raw: Any = False,
    **_: Any,
) -> Any:
    """As IPython's ``display``."""
    return _publish(values, include, exclude, metadata, display_id, raw, "display_data")


def update_display(
    value: Any,
    *,
    display_id: Any,
    include: Any = None,
    exclude: Any = None,
    metadata: Any = None,
    raw: Any = False,
    **_: Any,
) -> Any:
    """Replace what was displayed under ``display_id``."""
    _publish([value], include, exclude, metadata, display_id, raw, "update_display_data")


def _publish(values: Any, include: Any, exclude: Any, metadata: Any, display_id: Any, raw: Any, kind: Any) -> Any:
    if display_id is True:
        display_id = uuid.uuid4().hex
    for value in values:
        data, found = (value, {}) if raw else format_value(value, include, exclude)
        event = {"type": kind, "data": data, "metadata": {**found, **(metadata or {})}, "display_id": display_id}
        _front.channel.event(event)
    return DisplayHandle(display_id) if display_id and kind == "display_data" else None


def clear_output(wait: bool = False) -> None:
    """Clear the cell's output."""
    _front.channel.event({"type": "clear_output", "wait": bool(wait)})


class _Data:
    """Text or bytes with a mime type, from a value, a file or a URL."""

    mime = "text/plain"
    binary = False

    def __init__(self, data: Any = None, url: Any = None, filename: Any = None, metadata: Any = None) -> None:
        if isinstance(data, str) and self.binary and os.path.exists(data):
            filename, data = data, None
        if filename is not None:
            with open(filename, "rb" if self.binary else "r") as file:
                data = file.read()
        elif url is not None and data is None:
            from urllib.request import urlopen

            with urlopen(url) as answer:
                data = answer.read() if self.binary else answer.read().decode()
        self.data, self.metadata = data, metadata or {}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        data = base64.b64encode(self.data).decode("ascii") if isinstance(self.data, bytes) else self.data
        return {self.mime: data}, {self.mime: self.metadata} if self.metadata else {}

    def __repr__(self) -> str:
        return f"<IPython.core.display.{type(self).__name__} object>"


class HTML(_Data):
    """HTML text."""

    mime = "text/html"


class Markdown(_Data):
    """Markdown text."""

    mime = "text/markdown"


class Latex(_Data):
    """LaTeX text."""

    mime = "text/latex"


class SVG(_Data):
    """An SVG drawing."""

    mime = "image/svg+xml"


class Javascript(_Data):
    """A script."""

    mime = "application/javascript"


class JSON(_Data):
    """A JSON value."""

    mime = "application/json"


class Image(_Data):
    """A PNG or JPEG picture, from bytes, a file or a URL."""

    binary = True
    mime = "image/png"

    def __init__(
        self,
        data: Any = None,
        url: Any = None,
        filename: Any = None,
        format: Any = None,
        width: Any = None,
        height: Any = None,
        **_: Any,
    ) -> None:
        super().__init__(data, url, filename, {k: v for k, v in (("width", width), ("height", height)) if v})
        if format in ("jpg", "jpeg") or (isinstance(self.data, bytes) and self.data[:2] == b"\xff\xd8"):
            self.mime = "image/jpeg"


def use(front: Any) -> None:
    """Displays go to this front."""
    global _front
    _front = front


def install(front: Any) -> None:
    """Let ``import IPython`` and ``from IPython.display import ...`` find these: the image lacks IPython."""
    use(front)
    package = types.ModuleType("IPython", "nbprocess stand-in: this image has no IPython")
    package.__path__ = []
    face = types.ModuleType("IPython.display")
    for name in ("HTML", "Markdown", "Latex", "SVG", "Javascript", "JSON", "Image", "display", "update_display",
                 "clear_output", "DisplayHandle"):  # fmt: skip
        setattr(face, name, globals()[name])
    package.get_ipython, package.display = front.get_ipython, face  # type: ignore[attr-defined]
    package.version_info, package.__version__ = (0, 0, 0), "0.0"  # type: ignore[attr-defined]
    sys.modules["IPython"], sys.modules["IPython.display"] = package, face
