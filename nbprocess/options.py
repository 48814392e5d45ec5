"""The ONE table of options: parsing, defaults, configuration, validation, completion and help all read it.

Each field of ``Options`` is one option of ``%%processing``.
May import: ``errors``, ``optionkinds``, the standard library.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .errors import OptionError
from .optionkinds import (
    as_command,
    as_duration,
    as_env,
    as_experiment,
    as_given,
    as_input,
    as_instances,
    as_job_name,
    as_money,
    as_names,
    as_output,
    as_pair,
    as_paths,
    as_spark_config,
    as_switch,
    as_text,
    as_whole,
    as_words,
    parse_size,
)

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
    alias: str = ""


def _option(parse: Callable[[Any], Any], help: str, default: Any = None, **row: Any) -> Any:
    return field(default=default, metadata={"option": Option(parse, help, **row)})


@dataclass(frozen=True)
class Options:
    """The options of one cell, parsed and checked. ``None`` stands for what the backend shall choose."""

    backend: str | None = _option(
        as_text,
        "Where the cell runs: `local` is this machine, `sagemaker` a SageMaker Processing job. "
        "Default: sagemaker where AWS credentials and a SageMaker role are found, else local.",
        metavar="NAME",
        choices=("local", "sagemaker"),
    )
    instance: tuple[str, ...] = _option(
        as_instances,
        "Instance type; several, with commas, in the order of preference.",
        (),
        metavar="TYPE",
        example="ml.m5.xlarge",
    )
    gpu: str | None = _option(
        as_text,
        "GPU by name, and how many: chooses the cheapest instance that has it.",
        metavar="NAME[:N]",
        example="T4",
    )
    cpus: int | None = _option(as_whole(1, 1024), "At least this many vCPUs.", metavar="N")
    memory: int | None = _option(parse_size, "At least this much memory.", metavar="SIZE", example="64GB")
    count: int = _option(as_whole(1, 100), "How many instances; the cell runs on each.", 1, metavar="N")
    volume: int = _option(as_whole(1, 16_384), "Size of each instance's volume in GB.", 30, metavar="GB")
    timeout: int = _option(
        as_duration, "Maximum runtime; then the job is stopped. Default: 4h.", 14_400, metavar="TIME", example="30m"
    )
    max_cost: float | None = _option(
        as_money, "The most the job may cost: becomes its maximum runtime.", metavar="USD", example="2.50"
    )
    image: str | None = _option(as_text, "Container image (or a local interpreter).", metavar="URI")
    framework: str | None = _option(
        as_text,
        "Managed image of this framework, instead of --image.",
        metavar="NAME",
        choices=(
            "sklearn",
            "pytorch",
            "tensorflow",
            "huggingface",
            "xgboost",
            "mxnet",
            "spark",
            "base-python",
            "distribution",
        ),
    )
    framework_version: str | None = _option(
        as_text, "Version of the framework; by default the newest.", metavar="VERSION", example="1.4-2"
    )
    py_version: str | None = _option(
        as_text, "Python in the managed image; by default the newest.", metavar="VERSION", example="3.12"
    )
    command: tuple[str, ...] | None = _option(
        as_command,
        "Run the cell's text as a script with this command, like Rscript, bash or julia: nothing is captured.",
        metavar="COMMAND",
        example="Rscript",
        config=False,
    )
    entrypoint: tuple[str, ...] | None = _option(
        as_command,
        "Run the container with this entrypoint and no code of yours (`%processing --image URI --entrypoint ...`).",
        metavar="COMMAND",
        example="'run --fast'",
        config=False,
    )
    source_dir: str | None = _option(
        as_text,
        "Of %processing_script: the folder that the script lies in; all of it is sent.",
        metavar="FOLDER",
        config=False,
    )
    role: str | None = _option(as_text, "IAM role of the job.", metavar="ARN")
    region: str | None = _option(as_text, "AWS region.", metavar="NAME", example="us-east-1")
    bucket: str | None = _option(
        as_text, "Where bundles and results lie: a bucket, or s3://bucket/prefix.", metavar="BUCKET"
    )
    kms_key: str | None = _option(
        as_text, "KMS key for what is stored in S3, and for the volume where the machine takes one.", metavar="KEY"
    )
    volume_kms_key: str | None = _option(as_text, "Another KMS key for the volume.", metavar="KEY")
    subnets: tuple[str, ...] = _option(
        as_words, "Subnets of the VPC to run in, with commas (also --subnet).", (), metavar="IDS", alias="subnet"
    )
    security_groups: tuple[str, ...] = _option(
        as_words,
        "Security groups in that VPC, with commas (also --security-group).",
        (),
        metavar="IDS",
        alias="security_group",
    )
    network_isolation: bool = _option(as_switch, "No network inside the container.", False)
    encrypt_traffic: bool = _option(as_switch, "Encrypt traffic between the instances of the job.", False)
    tag: tuple[tuple[str, str], ...] = _option(as_pair, "Tag of the job.", (), metavar="KEY=VALUE", repeat=True)
    experiment: tuple[tuple[str, str], ...] = _option(
        as_experiment,
        "Experiment that the job belongs to.",
        (),
        metavar="NAME[,trial=NAME][,run=NAME]",
    )
    name: str | None = _option(as_job_name, "Name of the job; by default one is made.", metavar="NAME", config=False)
    env: tuple[tuple[str, str], ...] = _option(
        as_env,
        "Environment variable of the job; only NAME takes its value from here.",
        (),
        metavar="NAME=VALUE",
        repeat=True,
    )
    input: tuple[tuple[str, Any], ...] = _option(
        as_input,
        "Input data: a file, a folder or an s3:// prefix; in the cell its path is inputs['NAME']. Behind it may stand "
        "`,shard` (each instance gets its part), `,manifest` (the objects that a manifest file names) and "
        "`,path=/opt/ml/processing/...`.",
        (),
        metavar="NAME=SOURCE",
        repeat=True,
        config=False,
        example="data=s3://bucket/prefix/,shard",
    )
    output: tuple[tuple[str, Any], ...] = _option(
        as_output,
        "A folder of results, in the cell outputs['NAME'], afterwards job.outputs['NAME']; kept under the job, or at "
        "the s3:// destination. Behind it may stand `,continuous` (uploaded while the job runs), "
        "`,path=/opt/ml/processing/...` and `,feature-group=NAME` (goes to the feature store).",
        (),
        metavar="NAME[=DESTINATION]",
        repeat=True,
        config=False,
        example="model=s3://bucket/models/",
    )
    inputs: str | None = _option(
        as_given,
        "Name of a variable with inputs: a list of the SageMaker SDK's ProcessingInput, or a dict NAME: source, "
        "where a source may also be a dict of the API: DatasetDefinition, AthenaDatasetDefinition, S3Input, ...",
        metavar="VARIABLE",
        config=False,
    )
    outputs: str | None = _option(
        as_given,
        "Name of a variable with outputs: a list of the SDK's ProcessingOutput, or a dict NAME: destination.",
        metavar="VARIABLE",
        config=False,
    )
    processor: str | None = _option(
        as_given,
        "Name of a variable with a processor of the SageMaker SDK, v2 or v3: its role, image, instance, network, "
        "environment, tags and keys count wherever the line says nothing else.",
        metavar="VARIABLE",
        config=False,
    )
    arg: tuple[str, ...] = _option(
        str, "An argument of the cell: args in the cell, and sys.argv.", (), metavar="VALUE", repeat=True, config=False
    )
    save: tuple[str, ...] | None = _option(
        as_names,
        "Bring back only these names. Default: all that the cell binds or changes.",
        metavar="NAMES",
        config=False,
    )
    skip: tuple[str, ...] = _option(
        as_names, "Neither send nor bring back these names.", (), metavar="NAMES", config=False
    )
    send: tuple[str, ...] = _option(
        as_names, "Send these names although they look like secrets.", (), metavar="NAMES", config=False
    )
    lazy: int = _option(
        parse_size,
        "A result over this size stays in the store until a cell reads its name. Default: 500MB.",
        500_000_000,
        metavar="SIZE",
        example="2GB",
    )
    requirements: str | None = _option(
        as_text,
        "Install these into the job first: a requirements file, or packages with commas.",
        metavar="FILE|PACKAGES",
    )
    mirror: bool = _option(
        as_switch,
        "Install the packages that the cell uses at the versions that are here, where the job has others.",
        False,
    )
    py_files: tuple[str, ...] = _option(
        as_paths, "Spark: Python files, zips or folders, with commas.", (), metavar="PATHS", config=False
    )
    jars: tuple[str, ...] = _option(as_paths, "Spark: jars, with commas.", (), metavar="PATHS", config=False)
    files: tuple[str, ...] = _option(
        as_paths, "Spark: files for each executor, with commas.", (), metavar="PATHS", config=False
    )
    spark_config: str | tuple[Any, ...] | None = _option(
        as_spark_config,
        "Spark: a JSON file with EMR's classifications or with settings, or such JSON itself.",
        metavar="FILE|JSON",
    )
    spark_class: str | None = _option(as_text, "Spark: the main class of a jar.", metavar="NAME", config=False)
    spark_event_logs: str | None = _option(
        as_text,
        "Spark: upload the event logs while the job runs, to this s3:// place, or with `job` below the job.",
        metavar="URI|job",
    )
    background: bool = _option(as_switch, "Return at once; values come in when the job is done.", False)
    dry_run: bool = _option(
        as_switch, "Show the plan: what would be sent, where and for how much. Nothing is sent.", False, config=False
    )

    def __post_init__(self) -> None:
        check(self)


def _table() -> dict[str, Option]:
    return {item.name: item.metadata["option"] for item in fields(Options)}


TABLE: Mapping[str, Option] = _table()
"""Name (as in Python) → row."""


_ALIASES = {row.alias: name for name, row in TABLE.items() if row.alias}


def flag(name: str) -> str:
    """The option as it is written on the magic's line: ``max_cost`` → ``--max-cost``."""
    return "--" + name.replace("_", "-")


_DEFAULTS = {item.name: None if item.default is MISSING else item.default for item in fields(Options)}


def default(name: str) -> Any:
    """The option's default."""
    return _DEFAULTS[name]


def values_of(options: Options) -> dict[str, Any]:
    """Name → value of every option; the values are the options' own, so they are to be left as they are."""
    return {name: getattr(options, name) for name in TABLE}


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
        negated = name.startswith("no_") and name[3:] in TABLE and TABLE[name[3:]].parse is as_switch
        if negated:
            name = name[3:]
        name = _ALIASES.get(name, name)
        if name not in TABLE:
            raise OptionError(
                f"%%processing: {head} is no option{_meant(head, map(flag, TABLE))}. See %%processing? for all."
            )
        row = TABLE[name]
        value: Any
        if row.parse is as_switch:
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
    if options.framework_version and not options.framework:
        raise OptionError("--framework-version belongs to --framework: give the framework too.")
    if options.py_version and not options.framework:
        raise OptionError("--py-version belongs to --framework; another Python is another --image.")
    if options.framework not in (None, "spark") and options.image:
        raise OptionError(f"--framework {options.framework} contradicts --image: give one of the two.")
    if options.command and options.entrypoint:
        raise OptionError("--command contradicts --entrypoint: a command runs your script, an entrypoint the image's.")
    for name in ("py_files", "jars", "files", "spark_config", "spark_class", "spark_event_logs"):
        if getattr(options, name) and options.framework != "spark":
            raise OptionError(f"{flag(name)} belongs to Spark: add --framework spark.")
    if options.spark_event_logs and options.spark_event_logs != "job" and "://" not in options.spark_event_logs:
        raise OptionError(f"--spark-event-logs {options.spark_event_logs}: give an s3:// URI, or `job`.")
    # botocore: 10 inputs and 10 outputs a job, of which nbprocess takes 2 (with requirements 3) and 1 for a cell.
    script = bool(options.command or options.entrypoint or options.source_dir)
    taken = 3 if options.requirements or options.mirror else 2
    most_in, most_out = (9, 10) if script else (10 - taken, 9)
    own = "" if script else f" besides nbprocess's own {taken}"
    if len(options.input) > most_in:
        raise OptionError(f"--input: {len(options.input)} inputs; a job takes up to {most_in}{own}.")
    if len(options.output) > most_out:
        raise OptionError(f"--output: {len(options.output)} outputs; a job takes up to {most_out}{own}.")


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


def to_line(options: Options) -> str:
    """The options that are not the default, as they would be written on the magic's line."""
    parts: list[str] = []
    for name, row in TABLE.items():
        value = getattr(options, name)
        if value == default(name):
            continue
        if row.parse is as_switch:
            parts.append(flag(name) if value else "--no-" + flag(name)[2:])
        elif row.repeat:
            for item in value:
                parts += [flag(name), shlex.quote(_written(item))]
        elif name in ("command", "entrypoint"):
            parts += [flag(name), shlex.quote(shlex.join(value))]
        elif name == "experiment":
            words = {"TrialName": ",trial=", "RunName": ",run=", "TrialComponentDisplayName": ",display="}
            parts += [flag(name), shlex.quote("".join(words.get(key, "") + text for key, text in value))]
        elif name == "spark_config" and not isinstance(value, str):
            parts += [flag(name), shlex.quote(json.dumps(value))]
        else:
            text = (
                ",".join(value) if isinstance(value, tuple) else f"{value}s" if row.parse is as_duration else str(value)
            )
            parts += [flag(name), shlex.quote(text)]
    return " ".join(parts)


def _written(item: Any) -> str:
    """One value of an option that repeats, as it stands on the line."""
    if not isinstance(item, tuple):
        return str(item)
    name, value = item
    if isinstance(value, Mapping):
        return f"{name}={json.dumps(value)}"
    return f"{name}{value}" if not value or value.startswith(",") else f"{name}={value}"


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
