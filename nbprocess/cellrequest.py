"""The CreateProcessingJob request of a cell: drafted and checked with the plan, completed when its values are known.

May import: what ``plan`` may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import channels, setting
from .options import Options, values_of

if TYPE_CHECKING:
    from .backends.base import Backend
    from .plan import Context

_WORKER, _MANIFEST = "w" * 64, "m" * 64
"""Stand in the draft for the digests of the worker's archive, which depends on the image, and of the manifest, which is
known when the values are."""

_BLOBS = "nbprocess-blobs"


def build_request(
    options: Options,
    name: str,
    backend: Backend,
    resolved: Mapping[str, Any],
    context: Context,
) -> dict[str, Any]:
    """The request of a cell: the worker, what the cell needs, the user's own inputs and outputs."""
    from .bundle.archive import entrypoint
    from .request import build, input_entry, output_entry, validate

    uri = setting.store_of(options, backend).uri
    base = f"{uri}/jobs/{name}"
    inputs = [
        input_entry("nbprocess-bundle", f"{base}/bundle/", f"{channels.INPUT}/nbprocess"),
        input_entry(_BLOBS, f"{base}/blobs.manifest", f"{channels.INPUT}/nbprocess-blobs", "ManifestFile"),
    ]
    outputs = [output_entry("nbprocess-results", f"{base}/out/", f"{channels.OUTPUT}/nbprocess", "Continuous")]
    command, arguments = entrypoint(_WORKER, _MANIFEST)
    if options.framework == "spark":
        from .bundle.archive import spark_entrypoint
        from .spark import parts

        spark = parts(options, uri, name)
        inputs += spark.inputs
        outputs += spark.outputs
        command, arguments = spark_entrypoint(_WORKER, _MANIFEST, submit=spark.arguments)
    request: dict[str, Any] = build(
        values_of(options),
        job=name,
        entrypoint=command,
        arguments=arguments,
        resolved=resolved,
        inputs=[*inputs, *setting.inputs_of(options, uri, name)],
        outputs=[*outputs, *setting.outputs_of(options, uri, name)],
        notebook=context.notebook,
        cell_id=context.cell_id,
    )
    validate(request)
    return request


def pinned(draft: Mapping[str, Any], worker: str, manifest: str, *, blobs: bool) -> dict[str, Any]:
    """The request to send.

    Args:
        draft: a plan's request.
        worker, manifest: SHA-256 of the worker's archive and of the manifest, which the entrypoint pins.
        blobs: whether there are any for the platform to bring in.
    """
    code, digests = dict(draft["AppSpecification"]), {_WORKER: worker, _MANIFEST: manifest}
    for part in ("ContainerEntrypoint", "ContainerArguments"):
        code[part] = [digests.get(text, text) for text in code[part]]
    inputs = [entry for entry in draft["ProcessingInputs"] if blobs or entry["InputName"] != _BLOBS]
    return {**draft, "AppSpecification": code, "ProcessingInputs": inputs}


def add_layer(draft: dict[str, Any], uri: str) -> None:
    """Let the platform bring packed requirements in, too.

    Raises:
        RequestError: that makes more inputs than a job may have.
    """
    from .request import input_entry, validate

    draft["ProcessingInputs"].append(input_entry("nbprocess-layer", uri, f"{channels.INPUT}/nbprocess-layer"))
    validate(draft)
