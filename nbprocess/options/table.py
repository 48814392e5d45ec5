"""The ONE table of options: each field of ``Options`` is one option of ``%%processing``, in the order of the help.

May import: ``errors``, its neighbours, the standard library.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from ..errors import OptionError
from .kinds import (
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
    role: str | None = _option(as_text, "IAM role of the job, as ARN or by its name.", metavar="ROLE")
    region: str | None = _option(as_text, "AWS region.", metavar="NAME", example="us-east-1")
    bucket: str | None = _option(
        as_text, "Where bundles and results lie: a bucket, or s3://bucket/prefix.", metavar="BUCKET"
    )
    kms_key: str | None = _option(
        as_text, "KMS key for what is stored in S3, and for the volume where the machine takes one.", metavar="KEY"
    )
    volume_kms_key: str | None = _option(as_text, "Another KMS key for the volume.", metavar="KEY")
    subnets: tuple[str, ...] = _option(
        as_words,
        "Subnets of the VPC to run in, with commas (also --subnet); none for no VPC where a default names one.",
        (),
        metavar="IDS",
        alias="subnet",
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
        from .contradictions import check

        check(self)


def _table() -> dict[str, Option]:
    return {item.name: item.metadata["option"] for item in fields(Options)}


TABLE: Mapping[str, Option] = _table()
"""Name (as in Python) → row."""


ALIASES = {row.alias: name for name, row in TABLE.items() if row.alias}


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
            raise OptionError(f"{where} {item}: no such choice{meant(str(item), row.choices)}. Choose one of: {known}.")
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


def meant(word: str, known: Iterable[str]) -> str:
    """The word that was probably meant, as the end of a message; empty when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
