"""What the other end must have, and what is told or refused when it has not: its Python, its packages, its room.

May import: what ``plan`` may.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import setting
from .errors import BackendError, CaptureError, OptionError

if TYPE_CHECKING:
    from .backends.base import Backend
    from .capture import Capture, Cell
    from .options import Options


def requirements_of(
    options: Options, captured: Capture, dumped: Any, interpreter: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """What the worker installs first: the user's own, and with ``--mirror`` the versions that are here."""
    lines: list[str] = []
    if options.requirements:
        lines += setting.requirements_text(options).splitlines()
    if options.mirror:
        named = {re.split(r"[\s\[<>=!~;@]", line.strip(), maxsplit=1)[0].lower() for line in lines}
        pins = _unlike(captured, dumped, interpreter)
        lines += [f"{name}=={here}" for name, here, _ in pins if name not in named]
    return {"text": "\n".join(lines) + "\n"} if lines else None


def packed_layer(
    options: Options,
    backend: Backend,
    draft: Mapping[str, Any],
    requirements: dict[str, Any],
    interpreter: Mapping[str, Any] | None,
) -> str | None:
    """The packed layer of these requirements, pinned in ``requirements``; None when the job has to install them."""
    from . import layers

    image = draft["AppSpecification"]["ImageUri"]
    requirements["key"] = layers.key_of(requirements["text"], image, (interpreter or {}).get("python"))
    store = setting.store_of(options, backend)
    found = layers.find(store, requirements["key"])
    if found is None:
        return None
    requirements["layer"] = {"sha256": found["sha256"], "size": found["size"]}
    return str(found["uri"])


def check_reach(options: Options, draft: Mapping[str, Any], text: str, *, packs: bool) -> None:
    """Refuse requirements that an isolated job would have to fetch from an index.

    Args:
        options: the checked options.
        draft: the request.
        text: the requirements.
        packs: whether a job that is not isolated would pack them for the next one.

    Raises:
        OptionError: with the ways out.
    """
    isolated = (draft.get("NetworkConfig") or {}).get("EnableNetworkIsolation")
    brought = "PIP_FIND_LINKS" in dict(options.env) or "--find-links" in text or "/" in text
    if not isolated or brought:
        return
    what = "--requirements" if options.requirements else "--mirror"
    once = (
        "Run a cell with the same requirements and image once without isolation: what that installs is packed, and "
        "then needs none. Or choose"
    )
    raise OptionError(
        f"{what}: the job would have to install {', '.join(text.split()[:5])}, and under --network-isolation it has no "
        f"network. {once if packs else 'Choose'} an image that has them, or bring wheels (--input and --env "
        "PIP_FIND_LINKS=...)."
    )


def _unlike(captured: Capture, dumped: Any, interpreter: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Packages that the cell or its values use, and that the worker has not at the version that is here."""
    from .capture import differing_packages

    modules = {*captured.imports, *(module for group in dumped.groups for module in group.needs)}
    local = {file.target.partition("/")[0].removesuffix(".py") for file in captured.files if file.kind == "module"}
    return differing_packages(modules - local - {"python"}, (interpreter or {}).get("packages", {}))


def check_volume(request: Mapping[str, Any], sizes: Mapping[str, int], size: int) -> None:
    """Refuse what the instance's volume cannot hold, before it is uploaded and billed.

    Raises:
        OptionError: names the largest value.
    """
    volume = int(request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"])
    if size <= volume * 1_000_000_000:
        return
    largest = max(sizes, key=lambda name: sizes[name], default="")
    raise OptionError(
        f"--volume {volume}: the cell needs {size / 1e9:.1f} GB of data (`{largest}` alone has "
        f"{sizes.get(largest, 0) / 1e9:.1f} GB), which the instance's volume of {volume} GB cannot hold. Give "
        f"--volume {int(size / 1e9 * 1.5) + 10}, or leave something out with --skip. Nothing was sent."
    )


def compiler(interpreter: Mapping[str, Any] | None) -> str:
    """An interpreter of this machine of the other end's Python version; empty where this one is, or there is none.

    It compiles the worker before it is sent: to do that at the other end takes longer than a small job.
    """
    if interpreter is None or tuple(interpreter["python"][:2]) == sys.version_info[:2]:
        return ""
    if "path" in interpreter:
        return str(interpreter["path"])
    from .backends.local.images import interpreter_of

    major, minor = interpreter["python"][:2]
    try:
        return interpreter_of(f"local/python:{major}.{minor}")
    except BackendError:
        return ""


def versions_here(captured: Capture, dumped: Any) -> dict[str, str]:
    """Versions here of every package that the cell imports or its values need."""
    wanted = {*captured.imports}
    versions: dict[str, str] = {}
    for group in dumped.groups:
        versions.update(group.needs)
    for module in wanted:
        found = sys.modules.get(module)
        version = getattr(found, "__version__", None)
        if isinstance(version, str):
            versions.setdefault(module, version)
    return versions


def check_crossing(
    dumped: Any,
    strength: Mapping[str, str],
    tombstones: dict[str, str],
    captured: Capture,
    interpreter: Mapping[str, Any] | None,
    cell: Cell,
    notices: list[str],
    options: Options,
) -> None:
    """Refuse what the Python at the other end cannot read, where that is known."""
    if interpreter is None:
        return
    there = tuple(interpreter["python"][:2])
    here = sys.version_info[:2]
    word = ".".join(map(str, there))
    packages = interpreter.get("packages", {})
    for group in list(dumped.groups):
        if group.same_python and there != here:
            reason = (
                f"holds compiled Python code without source, which only Python {here[0]}.{here[1]} can read, "
                f"and the worker has {word}. Define it in a notebook cell, or choose an image with the same Python."
            )
            must = [name for name in group.names if strength[name] == "must"]
            if must:
                raise CaptureError(f"`{must[0]}` cannot be sent: it {reason} Nothing was sent.")
            dumped.groups.remove(group)
            tombstones.update({name: f"it {reason}" for name in group.names})
    if there < here:
        from .capture import check_python

        check_python(cell, there)
    if not packages or options.requirements or options.mirror:
        return
    from .capture import absent_packages

    for module, distribution in absent_packages(captured.imports, packages):
        notices.append(
            f"`{module}` is not installed in the worker's Python: add --requirements {distribution}, or choose "
            "another --image."
        )
    others = [
        f"{name} {version} ({home} here)" for name, home, version in _unlike(captured, dumped, interpreter) if version
    ]
    if others:
        notices.append(f"the worker has {', '.join(others)}: --mirror installs the versions that are here.")
