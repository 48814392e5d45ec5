"""``prepare``: from a cell and a namespace to a ``Plan``. Everything that can be refused is refused here.

Nothing is written: ``launch`` does that. The two join capture, wire, bundle, request and backend. No IPython.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import backends, channels, setting
from .binding import ABSENT
from .cellrequest import add_layer, build_request
from .errors import CaptureError, OptionError
from .options import Options
from .otherend import (
    check_crossing,
    check_reach,
    check_volume,
    compiler,
    packed_layer,
    requirements_of,
    versions_here,
)
from .state import JobState, PhaseTime

if TYPE_CHECKING:
    from .backends.base import Backend
    from .capture import Capture, Cell
    from .handover import Handed


@dataclass(frozen=True)
class Context:
    """Where the cell stands."""

    notebook: str = ""
    cell_id: str = ""
    folder: Path | None = None
    transform: Callable[[str], str] | None = None
    """IPython's ``transform_cell``, for code inside magics."""
    known_magics: frozenset[str] | None = None
    cells: Mapping[str, int] = field(default_factory=dict)
    """File names under which the kernel compiled its cells → their numbers, as tracebacks show them."""
    page: bool = False
    """Whether what the cell shows goes to a page that shows widgets."""


@dataclass
class Plan:
    """What would be sent, where, and for how much. Nothing was written yet."""

    job: str
    options: Options
    backend: Backend
    context: Context
    capture: Capture
    request: dict[str, Any]
    manifest: dict[str, Any]
    dumped: Any
    pending: Pending
    bound: dict[str, Any]
    sizes: dict[str, int]
    began: float
    """When preparing it began, in POSIX seconds."""
    notices: list[str] = field(default_factory=list)
    price_per_hour: float | None = None
    price_note: str = ""
    worker: bytes = field(default=b"", repr=False)
    """The worker's archive, for the Python of the image."""
    handed: Sequence[Handed] = ()
    """What goes from earlier jobs to this one within the store."""
    sent: tuple[int, int] | None = None
    """Bytes that were sent, and bytes that were there already; None before."""

    def store(self) -> Any:
        """The store that it would be sent to."""
        return setting.store_of(self.options, self.backend)

    def state(self) -> JobState:
        """What there is to show of the job while its values are sent."""
        cluster, now = self.request["ProcessingResources"]["ClusterConfig"], time.time()
        kinds = [item["InstanceType"] for item in cluster.get("InstancePreferences", ())]
        return JobState(
            name=self.job,
            backend=self.backend.name,
            status="InProgress",
            phase="uploading",
            created=self.began,
            phases=(PhaseTime("packing", self.began, now), PhaseTime("uploading", now)),
            instance_type=cluster.get("InstanceType") or ", ".join(kinds),
            instance_count=int(cluster.get("InstanceCount", 1)),
            region=str(getattr(self.backend, "region", self.backend.name)),
            price_per_hour=self.price_per_hour,
            headline="Sending what the cell needs",
        )

    def release(self) -> None:
        """Let go of the kernel's objects once the job has them: what is only shown later keeps none in memory."""
        self.bound, self.dumped.memo, self.dumped.definitions = {}, None, []
        self.capture = replace(self.capture, formatters=[], attached={})

    @property
    def root(self) -> Path | None:
        """The folder here that the job's files are told relative to."""
        from .capture import above

        return None if self.context.folder is None else Path(above.root(self.context.folder, self.capture.below))

    def text(self) -> str:
        """The plan as text: the job, each name with its size and reason, files, packages, cost."""
        from .plantext import render

        return render(self)


class Pending:
    """Takes the buffers of a dump by reference, so that nothing is hashed or written before all was accepted."""

    def __init__(self) -> None:
        self.items: list[tuple[dict[str, Any], Any]] = []

    def put(self, buffer: Any) -> dict[str, Any]:
        """The ``put`` of ``wire.dump``: a blob whose chunks are filled in by ``write``."""
        view = memoryview(buffer).cast("B") if not isinstance(buffer, memoryview) else buffer
        blob: dict[str, Any] = {"size": view.nbytes, "chunks": []}
        self.items.append((blob, view))
        return blob

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(int(blob["size"]) for blob, _ in self.items)

    def write(self, writer: Any, names: Mapping[int, str] | None = None) -> None:
        """Hash and store every buffer, then let go of it.

        Args:
            writer: a BlobWriter.
            names: identity of a blob → what it belongs to, for the progress.
        """
        written = writer.put_all([(view, (names or {}).get(id(blob), "")) for blob, view in self.items])
        writer.finish()
        for (blob, _), stored in zip(self.items, written, strict=True):
            blob.update(stored)
        self.items.clear()


def default_backend(environ: Mapping[str, str] = os.environ) -> str:
    """``sagemaker`` where an AWS account is set up (credentials, or a Studio machine), else ``local``."""
    studio = Path("/opt/ml/metadata/resource-metadata.json")
    keys = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE")
    files = (
        environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    if studio.exists() or any(environ.get(key) for key in keys) or any(Path(f).expanduser().exists() for f in files):
        return "sagemaker"
    return "local"


def known_backends() -> list[str]:
    """Where jobs may be: on this machine, where the configuration says, and on SageMaker where an account is set up."""
    from .options import configured

    with contextlib.suppress(OptionError):  # a faulty file must not hide the jobs
        return list(dict.fromkeys(["local", configured().get("backend", ("local", ""))[0], default_backend()]))
    return list(dict.fromkeys(["local", default_backend()]))


def backend_of(options: Options) -> Backend:
    """Where a job with these options goes.

    Raises:
        OptionError: there is no such backend.
    """
    return backends.found(options.backend or default_backend(), options.region)


def prepare(
    cell: Cell,
    namespace: dict[str, Any],
    options: Options,
    context: Context | None = None,
    handed: Sequence[Handed] = (),
) -> Plan:
    """Decide what would be sent, and refuse what cannot be. Writes nothing.

    Args:
        cell: the cell.
        namespace: the kernel's names.
        options: the checked options.
        context: where the cell stands.
        handed: what the cell reads of earlier results that lie in the store; their names are not in ``namespace``.

    Raises:
        OptionError, CaptureError, RequestError, BackendError: each names the thing, the reason and the way out.
    """
    from .bundle.archive import build_archive
    from .capture import above, capture, loaded, unseen
    from .request import job_name
    from .worker import entries, formatters

    began = time.time()
    context = context or Context()
    backend = backend_of(options)
    elsewhere = {name for item in handed for name in item.names}
    here = os.getcwd()
    find = partial(
        capture,
        cell,
        namespace,
        folder=str(context.folder) if context.folder else None,
        hidden=_given(options) | elsewhere,
        save=options.save,
        skip=options.skip,
        send=options.send,
        known_magics=context.known_magics,
        transform=context.transform,
        cwd=here,
        env=[name for name, _ in options.env],
    )
    captured = find()
    setting.check_sources(options)
    resolved, explained = setting.resolve(options, backend, cell=True)
    stem = Path(context.notebook).stem or "cell"
    name = options.name or job_name(stem)
    draft = build_request(options, name, backend, resolved, context)
    checked = backend.preflight(draft)

    dumped, pending, strength = _dump(captured, namespace)
    also: list[Any] = []
    while further := unseen(dumped.definitions, captured, namespace):
        also += further
        captured = find(also=also)
        dumped, pending, strength = _dump(captured, namespace)
    notices = [*captured.notices, *explained, *checked, *dumped.notices()]
    only_there = {need.name for need in captured.needs if need.existence and need.name in namespace}
    tombstones: dict[str, str] = {**captured.withheld, **dict.fromkeys(only_there, _ONLY_THERE)}
    for failed, failure in dumped.failed.items():
        if failed == formatters.ENTRY:
            notices.append(f"What the notebook shows values by (formatters) cannot be sent: {failure}")
            continue
        if failed in captured.attached:
            notices.append(f"{entries.dotted(failed)}, which the notebook set, cannot be sent: {failure}")
            continue
        need = next(n for n in captured.needs if n.name == failed)
        if strength[failed] == "must":
            raise CaptureError(_refusal(need, failure))
        tombstones[failed] = str(failure)
    interpreter = backend.interpreter(draft)
    worker = build_archive(compiler(interpreter))
    check_crossing(dumped, strength, tombstones, captured, interpreter, cell, notices, options)

    files = []
    for item in captured.files:
        try:
            with open(item.path, "rb") as stream:
                mode, content = os.fstat(stream.fileno()).st_mode & 0o777, stream.read()
        except FileNotFoundError:
            continue  # a temporary file, gone since the folder was listed
        except OSError as error:
            notices.append(f"{item.target} is not sent: it cannot be read ({error.strerror}).")
            continue
        files.append({"path": item.target, "blob": pending.put(content), "mode": mode, "kind": item.kind})
    if backend.name != "local":
        check_volume(draft, dumped.sizes, pending.size)
    requirements = requirements_of(options, captured, dumped, interpreter)
    if requirements is not None:
        layer = packed_layer(options, backend, draft, requirements, interpreter)
        if layer is not None:
            add_layer(draft, layer)
        else:
            check_reach(options, draft, requirements["text"], packs=True)
    manifest = {
        "format": 1,
        "job": name,
        "home": {
            "python": list(sys.version_info[:3]),
            "packages": versions_here(captured, dumped),
            "platform": sys.platform,
            "folder": str(context.folder) if context.folder else "",
            "page": context.page and not options.background,
        },
        "cell": asdict(cell),
        "groups": [group.to_json() for group in dumped.groups],
        "handed": [dict(item.group) for item in handed],
        "strength": strength,
        "tombstones": tombstones,
        "files": files,
        "syspath": list(captured.syspath),
        "cwd": _below(above.root(context.folder, captured.below), here) if context.folder else ".",
        "below": captured.below,
        "ambient": captured.ambient,
        "imports": list(captured.imports),
        "submodules": list(captured.submodules),
        "save": None if options.save is None else list(options.save),
        "skip": list(options.skip),
        "args": list(options.arg),
        "inputs": {key: channels.place(channels.input_entry(key, value)) for key, value in options.input},
        "outputs": {key: channels.place(channels.output_entry(key, value)) for key, value in options.output},
        "requirements": requirements,
        "spark": options.framework == "spark",
        "upload": backend.upload(draft) if hasattr(backend, "upload") else None,
        "timeout": draft["StoppingCondition"]["MaxRuntimeInSeconds"],
        "execution_count": cell.execution_count,
        "loaded": [n for n in (*captured.imports, *captured.dotted, *_local(captured)) if n in sys.modules],
        "drawing": loaded.that_may_draw(),
        "roots": loaded.packages(),
        "history": list(captured.history),
        "input_history": _texts(namespace.get("In")) if "In" in captured.history else [],
        "cells": {file: context.cells[file] for file in sorted(dumped.files) if file in context.cells},
        "order": [n for n in namespace if not n.startswith("_")] if captured.whole_namespace else [],
    }
    price, note = setting.price_of(backend, draft)
    plan = Plan(
        job=name,
        options=options,
        backend=backend,
        context=context,
        capture=captured,
        request=draft,
        manifest=manifest,
        dumped=dumped,
        pending=pending,
        bound={
            n: namespace.get(n, ABSENT)
            for n in {*strength, *only_there, *captured.binds, *captured.deletes, *elsewhere}
        },
        sizes=dict(dumped.sizes),
        began=began,
        notices=notices,
        price_per_hour=price,
        price_note=note,
        worker=worker,
        handed=handed,
    )
    return plan


# -- the parts -------------------------------------------------------------------------------------------------------


def _dump(captured: Capture, namespace: Mapping[str, Any]) -> tuple[Any, Pending, dict[str, str]]:
    """What the cell needs, serialised; where its buffers are; name → how strong the need is."""
    from .worker import formatters, wire

    needs = [need for need in captured.needs if need.name in namespace and not need.existence]
    strength: dict[str, str] = {need.name: need.strength for need in needs}
    values = {name: namespace[name] for name in strength}
    if captured.formatters:
        values[formatters.ENTRY] = captured.formatters
    values.update(captured.attached)
    strength.update({name: "maybe" for name in values if name not in strength})
    pending = Pending()
    return wire.dump(values, put=pending.put), pending, strength


def _given(options: Options) -> frozenset[str]:
    """Names that the worker itself puts into the namespace."""
    spark = options.framework == "spark"
    pairs = (("inputs", options.input), ("outputs", options.output), ("args", options.arg), ("spark", spark))
    return frozenset(name for name, values in pairs if values)


def _local(captured: Capture) -> list[str]:
    """The names that local modules and their packages may have, by their files."""
    files = [file.target.removesuffix(".py") for file in captured.files if file.kind == "module"]
    return sorted({part for file in files for part in file.split("/")})


def _below(folder: str, here: str) -> str:
    """The current folder, as seen from the one that files are told relative to."""
    return Path(here).relative_to(folder).as_posix() if Path(here).is_relative_to(folder) else "."


def _texts(history: Any) -> list[str]:
    """The texts of the notebook's cells, as ``In`` has them."""
    return [str(text) for text in history] if isinstance(history, list) else []


_ONLY_THERE = "the cell only deletes it or asks whether it is there, so its value was not sent"


def _refusal(need: Any, failure: Any) -> str:
    via = f", through {need.via}" if need.via else ""
    return (
        f"`{need.name}` (line {need.line}{via}) cannot be sent: {failure} "
        f"Leave it out with --skip {need.name}, or build it inside the cell. Nothing was sent."
    )
