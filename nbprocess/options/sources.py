"""Where values come from: configuration files, the environment, ``%processing_config``, the line; the nearest wins.

May import: ``errors``, its neighbours, the standard library.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import OptionError
from .table import TABLE, Options, flag, meant, parse_value

OBJECTS = ("processor", "inputs", "outputs")
"""Options that name a variable of the notebook: ``sdkobjects`` puts what they stand for in their place."""

_WITH_COMMAS = ("input", "output", "arg")


def _from_mapping(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in TABLE or not TABLE[name].config:
            known = [flag(n)[2:] for n, row in TABLE.items() if row.config]
            raise OptionError(f"{where}: {key} is no option that can be configured{meant(key, known)}.")
        values[name] = parse_value(name, value, f"{where}: {key} =")
    return values


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef]
    try:
        table: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return table
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"{path}: cannot be read: {error}. Mend the file or move it away.") from None


def user_config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's configuration file: ``$XDG_CONFIG_HOME/nbprocess/config.toml``."""
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "nbprocess" / "config.toml"


def configured(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> dict[str, tuple[Any, str]]:
    """What configuration files and the environment say.

    The user's ``config.toml``, then ``[tool.nbprocess]`` of the nearest ``pyproject.toml`` at or above ``folder``, then
    ``NBPROCESS_<OPTION>`` variables; the later ones win.

    Returns:
        Option → (value, where it comes from).

    Raises:
        OptionError: names the file or variable and what is wrong with it.
    """
    found: dict[str, tuple[Any, str]] = {}
    user = user_config_path(environ)
    if user.is_file():
        found.update({name: (value, str(user)) for name, value in _from_mapping(_read_toml(user), str(user)).items()})
    start = (folder or Path.cwd()).absolute()
    for place in (start, *start.parents):
        project = place / "pyproject.toml"
        if project.is_file():
            table = _read_toml(project).get("tool", {}).get("nbprocess")
            if table is not None:
                where = f"{project} [tool.nbprocess]"
                found.update({name: (value, where) for name, value in _from_mapping(table, where).items()})
            break
    found.update({name: one for name, one in from_environment(environ).items() if name not in OBJECTS})
    return found


def from_environment(environ: Mapping[str, str] = os.environ) -> dict[str, tuple[Any, str]]:
    """Every option that a variable ``NBPROCESS_<OPTION>`` sets → (value, variable).

    Several values of one option stand on lines of their own; where no value has a comma in it, commas do, too.
    """
    found: dict[str, tuple[Any, str]] = {}
    for name, row in TABLE.items():
        variable = "NBPROCESS_" + name.upper()
        if environ.get(variable):
            text = environ[variable]
            apart = r"\n" if name in _WITH_COMMAS else r"[,\n]"
            value: Any = [part for part in re.split(apart, text) if part] if row.repeat else text
            found[name] = (parse_value(name, value, variable), variable)
    return found


def resolve(
    given: Mapping[str, Any],
    session: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Options:
    """Put all sources together: defaults, user file, project file, environment, ``%processing_config``, the line.

    Args:
        given: what the line or the Python call says (checked values or raw ones).
        session: what ``%processing_config`` set.

    Raises:
        OptionError: unknown or contradicting options.
    """
    values = {name: value for name, (value, _) in configured(folder, environ).items()}
    for source in (session or {}, given):
        for name, value in source.items():
            if name not in TABLE:
                raise OptionError(f"{name} is no option{meant(name, TABLE)}. See nbprocess.options.TABLE for all.")
            if value is None:
                continue
            if name == "instance" and value:  # an instance type on a nearer level replaces a wish on a farther one
                for wish in ("gpu", "cpus", "memory"):
                    values.pop(wish, None)
            elif name in ("gpu", "cpus", "memory"):
                values.pop("instance", None)
            elif name == "image" and "framework" not in source:
                for other in ("framework", "framework_version", "py_version"):
                    values.pop(other, None)
            elif name == "framework" and "image" not in source:
                values.pop("image", None)
            values[name] = parse_value(name, value)
    if "instance" in given and any(given.get(wish) for wish in ("gpu", "cpus", "memory")):
        values["instance"] = parse_value("instance", given["instance"])
        values.update({w: parse_value(w, given[w]) for w in ("gpu", "cpus", "memory") if given.get(w)})
    return Options(**values)


def with_values(options: Options, **values: Any) -> Options:
    """A copy with other values, checked again."""
    return replace(options, **{name: parse_value(name, value) for name, value in values.items()})
