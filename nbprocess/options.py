"""The ONE table of options: parsing, defaults, configuration, validation, completion and help all read it.

Each field of ``Options`` is one option of ``%%processing``. May import: ``errors``, the standard library.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .errors import OptionError

# -- kinds: text → value, raising ValueError with the reason ---------------------------------------------------------


def _text(value: Any) -> str:
    text = str(value).strip()
    if not text:
        raise ValueError("is empty")
    return text


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise ValueError(f"is no whole number; give one from {low} to {high}") from None
        if not low <= number <= high or isinstance(value, bool):
            raise ValueError(f"is out of range; give a whole number from {low} to {high}")
        return number

    return parse


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("is neither true nor false")


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: Any) -> int:
    """Seconds, from ``90``, ``90s``, ``30m``, ``1h30m``, ``2d``."""
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+", text):
        seconds = int(text)
    else:
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
        if not parts or "".join(n + u for n, u in parts) != text.replace(" ", ""):
            raise ValueError("is no duration; write it like 90s, 30m, 1h30m or 2d")
        seconds = int(sum(float(n) * _UNITS[u] for n, u in parts))
    # The service model allows 1 to 777600 s (9 days): botocore, ProcessingMaxRuntimeInSeconds.
    if not 1 <= seconds <= 777_600:
        raise ValueError("is out of range; a job may run from 1s to 9d")
    return seconds


_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_size(value: Any) -> int:
    """Bytes, from ``1000``, ``16GB``, ``16GiB``, ``500 MB``.

    Raises:
        ValueError: the text is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", str(value).strip().lower())
    if not match or (match[2] == "i"):
        raise ValueError("is no size; write it like 500MB, 16GB or 16GiB")
    return int(float(match[1]) * _SIZES[match[2]])


def _money(value: Any) -> float:
    try:
        amount = float(str(value).strip().lstrip("$"))
    except ValueError:
        raise ValueError("is no amount of USD; write it like 2.50") from None
    if not 0 < amount < 1e6:
        raise ValueError("must be more than 0 USD")
    return amount


def _names(value: Any) -> tuple[str, ...]:
    words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else [str(word) for word in value]
    for word in words:
        if word and not word.isidentifier():
            raise ValueError(f"has {word!r} in it, which is no variable name; write names like: model,scores")
    return tuple(word for word in words if word)


def _words(value: Any) -> tuple[str, ...]:
    words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else [str(word) for word in value]
    return tuple(word for word in words if word)


def _instances(value: Any) -> tuple[str, ...]:
    words = _words(value)
    for word in words:
        if not re.fullmatch(r"ml\.[a-z0-9\-]+\.[a-z0-9\-]+", word):
            raise ValueError(f"has {word!r} in it, which is no instance type; write it like ml.m5.xlarge")
    # botocore, InstancePreferences: 1 to 5.
    if len(words) > 5:
        raise ValueError("names more than 5 instance types; SageMaker takes up to 5 preferences")
    return words


def _pair(value: Any) -> tuple[str, str]:
    if isinstance(value, tuple) and len(value) == 2:
        return str(value[0]), str(value[1])
    name, equals, rest = str(value).partition("=")
    if not equals or not name:
        raise ValueError("has no NAME=VALUE form")
    return name, rest


_CHANNEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?")


def _env(value: Any) -> tuple[str, str]:
    name, text = _pair(value) if not isinstance(value, str) or "=" in value else (value, os.environ.get(value, ""))
    if isinstance(value, str) and "=" not in value and value not in os.environ:
        raise ValueError("names a variable that is not set here; write NAME=VALUE")
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise ValueError(f"has {name!r} in it, which is no name of an environment variable")
    if len(text) > 256:
        raise ValueError(f"is {len(text)} characters long; SageMaker takes values of up to 256 characters")
    return name, text


def _input(value: Any) -> tuple[str, str]:
    name, source = _pair(value)
    if not _CHANNEL.fullmatch(name) or name.startswith("nbprocess"):
        raise ValueError(f"has the name {name!r}; use letters, digits, - and _ (not starting with nbprocess)")
    if not source:
        raise ValueError("names no source; write NAME=FILE, NAME=FOLDER or NAME=s3://bucket/prefix")
    return name, source


def _output(value: Any) -> tuple[str, str]:
    name, destination = _pair(value) if not isinstance(value, str) or "=" in value else (value, "")
    if not _CHANNEL.fullmatch(name) or name.startswith("nbprocess"):
        raise ValueError(f"has the name {name!r}; use letters, digits, - and _ (not starting with nbprocess)")
    if destination and not destination.startswith("s3://"):
        raise ValueError("does not go to S3; write NAME=s3://bucket/prefix, or NAME alone to keep it under the job")
    return name, destination


def _job_name(value: Any) -> str:
    text = str(value)
    # botocore, ProcessingJobName.
    if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", text):
        raise ValueError("is no job name; use 1 to 63 letters, digits and hyphens, starting and ending with no hyphen")
    return text


# -- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """One row of the table. ``repeat`` options gather a tuple; ``config`` ones may stand in configuration files."""

    parse: Callable[[Any], Any]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    repeat: bool = False
    config: bool = True
    example: str = ""


def _option(parse: Callable[[Any], Any], help: str, default: Any = None, **row: Any) -> Any:
    return field(default=default, metadata={"option": Option(parse, help, **row)})


@dataclass(frozen=True)
class Options:
    """The options of one cell, parsed and checked. ``None`` stands for what the backend shall choose."""

    backend: str | None = _option(
        _text,
        "Where the cell runs: `local` is this machine, `sagemaker` a SageMaker Processing job. "
        "Default: sagemaker where AWS credentials and a SageMaker role are found, else local.",
        metavar="NAME",
        choices=("local", "sagemaker"),
    )
    instance: tuple[str, ...] = _option(
        _instances,
        "Instance type; several, with commas, in the order of preference.",
        (),
        metavar="TYPE",
        example="ml.m5.xlarge",
    )
    gpu: str | None = _option(
        _text, "GPU by name, and how many: chooses the cheapest instance that has it.", metavar="NAME[:N]", example="T4"
    )
    cpus: int | None = _option(_whole(1, 1024), "At least this many vCPUs.", metavar="N")
    memory: int | None = _option(parse_size, "At least this much memory.", metavar="SIZE", example="64GB")
    count: int = _option(_whole(1, 100), "How many instances; the cell runs on each.", 1, metavar="N")
    volume: int = _option(_whole(1, 16_384), "Size of each instance's volume in GB.", 30, metavar="GB")
    timeout: int = _option(
        _duration, "Maximum runtime; then the job is stopped. Default: 4h.", 14_400, metavar="TIME", example="30m"
    )
    max_cost: float | None = _option(
        _money, "The most the job may cost: becomes its maximum runtime.", metavar="USD", example="2.50"
    )
    image: str | None = _option(_text, "Container image (or a local interpreter).", metavar="URI")
    role: str | None = _option(_text, "IAM role of the job.", metavar="ARN")
    region: str | None = _option(_text, "AWS region.", metavar="NAME", example="us-east-1")
    bucket: str | None = _option(
        _text, "Where bundles and results lie: a bucket, or s3://bucket/prefix.", metavar="BUCKET"
    )
    kms_key: str | None = _option(_text, "KMS key for the outputs and the volume.", metavar="KEY")
    subnets: tuple[str, ...] = _option(_words, "Subnets of the VPC to run in.", (), metavar="IDS")
    security_groups: tuple[str, ...] = _option(_words, "Security groups in that VPC.", (), metavar="IDS")
    network_isolation: bool = _option(_switch, "No network inside the container.", False)
    encrypt_traffic: bool = _option(_switch, "Encrypt traffic between the instances of the job.", False)
    tag: tuple[tuple[str, str], ...] = _option(_pair, "Tag of the job.", (), metavar="KEY=VALUE", repeat=True)
    name: str | None = _option(_job_name, "Name of the job; by default one is made.", metavar="NAME", config=False)
    env: tuple[tuple[str, str], ...] = _option(
        _env,
        "Environment variable of the job; only NAME takes its value from here.",
        (),
        metavar="NAME=VALUE",
        repeat=True,
    )
    input: tuple[tuple[str, str], ...] = _option(
        _input,
        "Input data: a file, a folder or an s3:// prefix; in the cell its path is inputs['NAME'].",
        (),
        metavar="NAME=SOURCE",
        repeat=True,
        config=False,
    )
    output: tuple[tuple[str, str], ...] = _option(
        _output,
        "A folder of results, in the cell outputs['NAME']; kept under the job, or at the s3:// destination.",
        (),
        metavar="NAME[=DESTINATION]",
        repeat=True,
        config=False,
    )
    arg: tuple[str, ...] = _option(
        str, "An argument of the cell: args in the cell, and sys.argv.", (), metavar="VALUE", repeat=True, config=False
    )
    save: tuple[str, ...] | None = _option(
        _names,
        "Bring back only these names. Default: all that the cell binds or changes.",
        metavar="NAMES",
        config=False,
    )
    skip: tuple[str, ...] = _option(
        _names, "Neither send nor bring back these names.", (), metavar="NAMES", config=False
    )
    send: tuple[str, ...] = _option(
        _names, "Send these names although they look like secrets.", (), metavar="NAMES", config=False
    )
    lazy: int = _option(
        parse_size,
        "A result over this size stays in the store until a cell reads its name. Default: 500MB.",
        500_000_000,
        metavar="SIZE",
        example="2GB",
    )
    requirements: str | None = _option(
        _text,
        "Install these into the job first: a requirements file, or packages with commas.",
        metavar="FILE|PACKAGES",
    )
    mirror: bool = _option(
        _switch,
        "Install the packages that the cell uses at the versions that are here, where the job has others.",
        False,
    )
    background: bool = _option(_switch, "Return at once; values come in when the job is done.", False)
    dry_run: bool = _option(
        _switch, "Show the plan: what would be sent, where and for how much. Nothing is sent.", False, config=False
    )

    def __post_init__(self) -> None:
        check(self)


def _table() -> dict[str, Option]:
    return {item.name: item.metadata["option"] for item in fields(Options)}


TABLE: Mapping[str, Option] = _table()
"""Name (as in Python) → row."""


def flag(name: str) -> str:
    """The option as it is written on the magic's line: ``max_cost`` → ``--max-cost``."""
    return "--" + name.replace("_", "-")


def default(name: str) -> Any:
    """The option's default."""
    for item in fields(Options):
        if item.name == name:
            return None if item.default is MISSING else item.default
    raise KeyError(name)


def parse_value(name: str, value: Any, where: str = "") -> Any:
    """Check one value, given as text or as a Python value.

    Args:
        name: name of the option, as in Python.
        value: for options that repeat, a sequence or mapping of values, or a single one.
        where: prefix that says where it stands (a file, an environment variable); default the flag.

    Raises:
        OptionError: names the option, the value and what is allowed.
    """
    row = TABLE[name]
    where = where or flag(name)

    def one(item: Any) -> Any:
        try:
            parsed = row.parse(item)
        except ValueError as error:
            shown = f"{item[0]}={item[1]}" if isinstance(item, tuple) and len(item) == 2 else item
            raise OptionError(f"{where} {shown}: {error}.") from None
        if row.choices and parsed not in row.choices:
            known = ", ".join(row.choices)
            raise OptionError(
                f"{where} {item}: no such choice{_meant(str(item), row.choices)}. Choose one of: {known}."
            )
        return parsed

    if row.repeat:
        if isinstance(value, Mapping):
            return tuple(one((key, item)) for key, item in value.items())
        if isinstance(value, (str, tuple)) and not (
            isinstance(value, tuple) and all(isinstance(v, (tuple, str)) for v in value)
        ):
            value = [value]
        if isinstance(value, str):
            value = [value]
        return tuple(one(item) for item in value)
    return one(value)


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def parse_line(line: str) -> dict[str, Any]:
    """Parse the text behind ``%%processing``.

    Returns:
        The options that are given, by Python name, checked one by one.

    Raises:
        OptionError: an unknown option, a missing or wrong value, an option given twice.
    """
    try:
        tokens = shlex.split(line, comments=True)
    except ValueError as error:
        raise OptionError(f"%%processing {line}: {str(error).lower()}; close the quotation mark.") from None
    values: dict[str, Any] = {}
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if not token.startswith("--"):
            raise OptionError(
                f"%%processing: {token!r} is no option. Options start with --; see %%processing? for all."
            )
        head, equals, rest = token.partition("=")
        name = head[2:].replace("-", "_")
        negated = name.startswith("no_") and name[3:] in TABLE and TABLE[name[3:]].parse is _switch
        if negated:
            name = name[3:]
        if name not in TABLE:
            raise OptionError(
                f"%%processing: {head} is no option{_meant(head, map(flag, TABLE))}. See %%processing? for all."
            )
        row = TABLE[name]
        value: Any
        if row.parse is _switch:
            if negated and equals:
                raise OptionError(f"{head}={rest}: takes no value.")
            value = not negated if not equals else rest
        elif equals:
            value = rest
        elif position < len(tokens) and not tokens[position].startswith("--"):
            value = tokens[position]
            position += 1
        else:
            example = f", like {flag(name)} {row.example}" if row.example else ""
            raise OptionError(f"{flag(name)}: the value is missing; write {flag(name)} {row.metavar}{example}.")
        if row.repeat:
            values[name] = (*values.get(name, ()), *parse_value(name, [value]))
        elif name in values:
            raise OptionError(f"{flag(name)} is given twice; give it once.")
        else:
            values[name] = parse_value(name, value)
    return values


def check(options: Options) -> None:
    """Refuse options that contradict each other.

    Raises:
        OptionError: names both options and the way out.
    """
    if options.instance and (options.gpu or options.cpus or options.memory):
        other = "gpu" if options.gpu else "cpus" if options.cpus else "memory"
        raise OptionError(
            f"--instance contradicts {flag(other)}: give the instance type, or what it must have, not both."
        )
    both = sorted(set(options.save or ()) & set(options.skip))
    if both:
        raise OptionError(f"--save and --skip both name {', '.join(both)}: take it out of one of them.")
    for name in ("input", "output", "env"):
        seen: set[str] = set()
        for key, _ in getattr(options, name):
            if key in seen:
                raise OptionError(f"{flag(name)} names {key} twice; use another name for one of them.")
            seen.add(key)
    if bool(options.subnets) != bool(options.security_groups):
        raise OptionError("--subnets and --security-groups belong together: give both, or neither.")
    if options.background and options.dry_run:
        raise OptionError("--dry-run contradicts --background: a plan starts nothing; leave one out.")
    # botocore: 10 inputs and 10 outputs a job, of which nbprocess takes 2 (with requirements 3) and 1.
    own = 3 if options.requirements or options.mirror else 2
    if len(options.input) > 10 - own:
        raise OptionError(
            f"--input: {len(options.input)} inputs; a job takes up to {10 - own} besides nbprocess's own {own}."
        )
    if len(options.output) > 9:
        raise OptionError(f"--output: {len(options.output)} outputs; a job takes up to 9 besides nbprocess's own.")


# -- where values come from ------------------------------------------------------------------------------------------


def _from_mapping(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in TABLE or not TABLE[name].config:
            known = [flag(n)[2:] for n, row in TABLE.items() if row.config]
            raise OptionError(f"{where}: {key} is no option that can be configured{_meant(key, known)}.")
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
    for name, row in TABLE.items():
        variable = "NBPROCESS_" + name.upper()
        if row.config and environ.get(variable):
            text = environ[variable]
            value: Any = [part for part in re.split(r"[,\n]", text) if part] if row.repeat else text
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
                raise OptionError(f"{name} is no option{_meant(name, TABLE)}. See nbprocess.options.TABLE for all.")
            if value is None:
                continue
            if name == "instance" and value:  # an instance type on a nearer level replaces a wish on a farther one
                for wish in ("gpu", "cpus", "memory"):
                    values.pop(wish, None)
            elif name in ("gpu", "cpus", "memory"):
                values.pop("instance", None)
            values[name] = parse_value(name, value)
    if "instance" in given and any(given.get(wish) for wish in ("gpu", "cpus", "memory")):
        values["instance"] = parse_value("instance", given["instance"])
        values.update({w: parse_value(w, given[w]) for w in ("gpu", "cpus", "memory") if given.get(w)})
    return Options(**values)


def with_values(options: Options, **values: Any) -> Options:
    """A copy with other values, checked again."""
    return replace(options, **{name: parse_value(name, value) for name, value in values.items()})


def to_line(options: Options) -> str:
    """The options that are not the default, as they would be written on the magic's line."""
    parts: list[str] = []
    for name, row in TABLE.items():
        value = getattr(options, name)
        if value == default(name):
            continue
        if row.parse is _switch:
            parts.append(flag(name) if value else "--no-" + flag(name)[2:])
        elif row.repeat:
            for item in value:
                text = f"{item[0]}={item[1]}" if isinstance(item, tuple) else str(item)
                parts += [flag(name), shlex.quote(text)]
        else:
            text = (
                ",".join(value) if isinstance(value, tuple) else f"{value}s" if row.parse is _duration else str(value)
            )
            parts += [flag(name), shlex.quote(text)]
    return " ".join(parts)


def help_text() -> str:
    """The reference of all options, as ``%%processing?`` shows it."""
    lines = []
    for name, row in TABLE.items():
        head = f"  {flag(name)} {row.metavar}".rstrip()
        words, line = row.help.split(), ""
        indent = " " * 34
        text = []
        for word in words:
            if len(line) + len(word) + 1 > 78:
                text.append(line)
                line = word
            else:
                line = f"{line} {word}".strip()
        text.append(line)
        lines.append(f"{head:<33} {text[0]}" if len(head) < 33 else f"{head}\n{indent}{text[0]}")
        lines += [indent + more for more in text[1:]]
    return "\n".join(lines)
