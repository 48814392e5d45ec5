"""Jobs without a captured cell: a script in any language, a project, a container's own entrypoint.

The requests have the shape of the SDK's ScriptProcessor, FrameworkProcessor, PySparkProcessor and Processor.
May import: what ``plan`` may.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from . import setting
from .channels import INPUT
from .errors import JobNameInUse, OptionError
from .job import Job, Source
from .options import Options, to_line, values_of
from .otherend import check_reach
from .plan import Context, backend_of
from .summary import size

_SUFFIX = {"Rscript": ".R", "bash": ".sh", "sh": ".sh", "julia": ".jl", "node": ".js", "perl": ".pl", "ruby": ".rb"}
_COMMAND = {".py": ("python3",), ".sh": ("bash",), ".R": ("Rscript",), ".r": ("Rscript",), ".jl": ("julia",)}
_LIMIT = 256  # botocore: ContainerEntrypointString, ContainerArgument


@dataclass(frozen=True)
class Script:
    """What shall run. ``name``: of the file in the container; ``uri``: where it lies already, in S3."""

    name: str = ""
    text: bytes = b""
    uri: str = ""
    folder: Path | None = None
    """The project that the script lies in; ``name`` is then relative to it."""


@dataclass
class ScriptPlan:
    """What would be sent, where, and for how much. Nothing was written yet."""

    job: str
    options: Options
    backend: Any
    context: Context
    script: Script
    request: dict[str, Any]
    uploads: dict[str, Any] = field(default_factory=dict)
    """Key below the store's root → bytes or file."""
    notices: list[str] = field(default_factory=list)
    price_per_hour: float | None = None
    price_note: str = ""
    began: float = 0.0
    """When preparing it began, in POSIX seconds."""

    def text(self) -> str:
        """The plan as text."""
        application = self.request["AppSpecification"]
        cluster = self.request["ProcessingResources"]["ClusterConfig"]
        kind = cluster.get("InstanceType") or ", ".join(p["InstanceType"] for p in cluster["InstancePreferences"])
        words = [*application.get("ContainerEntrypoint", ()), *application.get("ContainerArguments", ())]
        seconds = self.request["StoppingCondition"]["MaxRuntimeInSeconds"]
        lines = [
            f"Plan of {self.job}: nothing was sent.",
            f"  where     {self.backend.name}, {cluster['InstanceCount']} x {kind}, image {application['ImageUri']}",
            f"  runs      {shlex.join(words) or 'what the image runs by itself'}",
        ]
        if self.price_per_hour is not None:
            most = self.price_per_hour * cluster["InstanceCount"] * seconds / 3600
            lines.append(f"  cost      {self.price_per_hour:.3f} USD/h, at most {most:.2f} USD ({self.price_note})")
        else:
            lines.append(f"  cost      {self.price_note}")
        lines.append(f"  time      at most {seconds} s")
        for key, content in self.uploads.items():
            weight = content.stat().st_size if isinstance(content, Path) else len(content)
            lines.append(f"  sends     {key.partition('/inputs/')[2]:<32} {size(weight):>9}")
        for entry in self.request.get("ProcessingInputs", ()):
            source = entry.get("S3Input", {}).get("S3Uri") or "a query"
            lines.append(f"  input     {entry['InputName']}: {source}")
        for entry in (self.request.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            target = entry.get("S3Output", {}).get("S3Uri") or entry["FeatureStoreOutput"]["FeatureGroupName"]
            lines.append(f"  output    {entry['OutputName']}: {target}")
        lines += [f"  note      {text}" for text in self.notices]
        return "\n".join(lines)


def from_cell(text: str, options: Options) -> Script:
    """The cell's text as a script for ``--command``."""
    assert options.command is not None
    stem = PurePosixPath(options.command[0]).name
    suffix = ".py" if stem.startswith("python") else _SUFFIX.get(stem, "")
    return Script(f"cell{suffix}", text.encode() if text.endswith("\n") else f"{text}\n".encode())


def from_file(file: str, options: Options) -> Script:
    """The script of ``%processing_script``.

    Raises:
        OptionError: there is no such file, or it does not lie in ``--source-dir``.
    """
    if "://" in file:
        if options.source_dir or options.requirements:
            raise OptionError(
                f"%processing_script {file}: a script in S3 takes neither --source-dir nor --requirements."
            )
        return Script(PurePosixPath(file).name, uri=file)
    path = Path(file).expanduser()
    if options.source_dir:
        folder = Path(options.source_dir).expanduser()
        if not folder.is_dir():
            raise OptionError(f"--source-dir {options.source_dir}: there is no such folder here.")
        inside = folder / path
        if not inside.is_file() and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            inside = path
        if not inside.is_file():
            raise OptionError(f"%processing_script {file}: there is no such file in --source-dir {options.source_dir}.")
        return Script(inside.resolve().relative_to(folder.resolve()).as_posix(), folder=folder)
    if not path.is_file():
        raise OptionError(f"%processing_script {file}: there is no such file here. Give a path or an s3:// URI.")
    return Script(path.name, path.read_bytes())


def prepare(script: Script, options: Options, context: Context | None = None) -> ScriptPlan:
    """Decide what would be sent, and refuse what cannot be. Writes nothing.

    Args:
        script: what shall run; an empty one runs ``--entrypoint``, or what the image runs by itself.
        options: the checked options.
        context: where the cell stands.

    Raises:
        OptionError, RequestError, BackendError: each names the thing, the reason and the way out.
    """
    from .request import build, input_entry, job_name, validate
    from .spark import parts

    began = time.time()
    context = context or Context()
    _check(script, options)
    backend = backend_of(options)
    setting.check_sources(options)
    resolved, notices = setting.resolve(options, backend)
    stem = PurePosixPath(script.name).stem if script.name and not options.command else Path(context.notebook).stem
    name = options.name or job_name(stem or "job")
    uri = setting.store_of(options, backend).uri
    base = f"jobs/{name}/inputs"
    inputs, outputs = setting.inputs_of(options, uri, name), setting.outputs_of(options, uri, name)
    uploads: dict[str, Any] = {}
    code = f"{INPUT}/code"
    entrypoint: Sequence[str]
    if not script.name:
        entrypoint = options.entrypoint or ()
    elif options.framework == "spark":
        spark = parts(options, uri, name)
        inputs, outputs, uploads = [*inputs, *spark.inputs], [*outputs, *spark.outputs], dict(spark.uploads)
        uploads[f"{base}/code/{script.name}"] = script.text
        inputs.append(input_entry("code", script.uri or f"{uri}/{base}/code/{script.name}", code))
        entrypoint = ["smspark-submit", *spark.arguments, f"{code}/{script.name}"]
    elif script.folder is not None or options.requirements:
        from .bundle.project import pack, start_script

        command = options.command or _command_of(script.name)
        if script.folder is not None:
            requirements = setting.requirements_text(options).encode() or None
            archive = pack(script.folder, requirements)
        else:
            archive = pack({script.name: script.text}, setting.requirements_text(options).encode())
        uploads[f"{base}/code/sourcedir.tar.gz"] = archive
        uploads[f"{base}/entrypoint/runproc.sh"] = start_script(command, script.name).encode()
        inputs.append(input_entry("code", f"{uri}/{base}/code/sourcedir.tar.gz", f"{code}/"))
        inputs.append(input_entry("entrypoint", f"{uri}/{base}/entrypoint/runproc.sh", f"{INPUT}/entrypoint"))
        entrypoint = ["/bin/bash", f"{INPUT}/entrypoint/runproc.sh"]
    else:
        if not script.uri:
            uploads[f"{base}/code/{script.name}"] = script.text
        inputs.append(input_entry("code", script.uri or f"{uri}/{base}/code/{script.name}", code))
        entrypoint = [*(options.command or _command_of(script.name)), f"{code}/{script.name}"]
    if script.uri:
        uploads.pop(f"{base}/code/{script.name}", None)
    request = build(
        values_of(options),
        job=name,
        entrypoint=entrypoint,
        arguments=options.arg,
        resolved=resolved,
        inputs=inputs,
        outputs=outputs,
        notebook=context.notebook,
        cell_id=context.cell_id,
    )
    validate(request)
    if options.requirements:
        check_reach(options, request, setting.requirements_text(options), packs=False)
    notices += backend.preflight(request)
    price, note = setting.price_of(backend, request)
    return ScriptPlan(name, options, backend, context, script, request, uploads, notices, price, note, began)


def _check(script: Script, options: Options) -> None:
    for name in ("save", "send", "skip"):
        if getattr(options, name):
            raise OptionError(
                f"--{name} belongs to a cell whose variables travel: a script or container takes --input and --output."
            )
    if not script.name and not options.entrypoint and not options.image:
        raise OptionError(
            "A job without code needs an image: give --image URI, and --entrypoint if it has none itself."
        )
    for value in options.arg:
        if len(value) > _LIMIT or "\n" in value:
            raise OptionError(f"--arg {value[:40]}...: an argument has up to 256 characters and no newline.")


def _command_of(name: str) -> Sequence[str]:
    command = _COMMAND.get(PurePosixPath(name).suffix)
    if command is None:
        raise OptionError(
            f"%processing_script {name}: what runs it? Give --command, such as --command bash; known by their ending "
            f"are {', '.join(_COMMAND)}."
        )
    return command


def launch(plan: ScriptPlan) -> Job:
    """Send the files and start the job.

    Returns:
        The job, in progress. Its prints are its log; its results are its outputs.

    Raises:
        StoreError, BackendError, JobNameInUse: nothing of the job is left behind.
    """
    from .bundle.write import announce, discard, write_request

    store = setting.store_of(plan.options, plan.backend)
    source = Source(
        notebook=plan.context.notebook,
        cell_id=plan.context.cell_id,
        cell=plan.script.text.decode(errors="replace"),
        options=to_line(plan.options),
        began=plan.began,
        submitted=time.time(),
    )
    if store.exists(f"jobs/{plan.job}/request.json"):
        raise JobNameInUse(
            f"--name {plan.job}: a job of that name exists in {store.uri}. Choose another, or leave it out."
        )
    announce(store, plan.job)
    try:
        setting.send_inputs(plan.options, store, plan.job)
        for key, content in plan.uploads.items():
            store.put(key, content)
        write_request(store, plan.job, plan.request, asdict(source))
        arn = plan.backend.create(plan.request)
    except BaseException as error:
        discard(store, plan.job, because=error)
        raise
    job = Job(
        plan.job,
        plan.backend,
        store=store,
        describe={**plan.request, "ProcessingJobArn": arn, "ProcessingJobStatus": "InProgress"},
        source=source,
    )
    job.price_per_hour, job.price_note = plan.price_per_hour, plan.price_note
    for text in plan.notices:
        job.notice(text)
    return job
