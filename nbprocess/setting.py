"""What every job has, whatever runs in it: image and machine, inputs and outputs, store and price.

May import: ``options``, ``channels``, ``errors``; ``catalog`` when needed. Backends and stores come in as objects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import channels
from .errors import OptionError
from .options import Options, values_of

if TYPE_CHECKING:
    from .backends.base import Backend

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.")
_OLDEST = (3, 9)
"""The oldest Python that the worker runs on."""


def bucket_uri(bucket: str) -> str:
    """``--bucket``: a bucket's name, or ``s3://bucket/prefix``."""
    return bucket if bucket.startswith("s3://") else f"s3://{bucket}/nbprocess"


def store_of(options: Options, backend: Backend) -> Any:
    """The store that a job with these options goes to; what is written there is encrypted with ``--kms-key``."""
    store = backend.open_store(bucket_uri(options.bucket)) if options.bucket else backend.store()
    keyed = getattr(store, "with_key", None)
    return keyed(options.kms_key) if keyed and options.kms_key else store


# -- image and machine -----------------------------------------------------------------------------------------------


def resolve(options: Options, backend: Backend, *, cell: bool = False) -> tuple[dict[str, Any], list[str]]:
    """What the backend adds to a request, and notices for the person. ``cell``: the image must have a Python for it.

    Raises:
        OptionError: there is no such framework, version or machine; says what there is.
        BackendError: no credentials, region or role.
    """
    given = values_of(options)
    notices: list[str] = []
    if options.instance:
        from .catalog import check_instance
        from .request.validate import shapes

        for kind in options.instance:
            check_instance(kind, shapes()["ProcessingInstanceType"]["enum"])
    if options.framework and not options.image:
        from .catalog import image

        local = backend.name == "local"
        region = str(options.region or ("us-east-1" if local else getattr(backend, "region", "us-east-1")))
        found = image(
            options.framework, options.framework_version, options.py_version, region=region, gpu=_has_gpu(options)
        )
        if cell and found.python is not None and found.python < _OLDEST:
            version = ".".join(map(str, found.python))
            raise OptionError(
                f"--framework {options.framework}: its image of version {found.version} has Python {version}, and a "
                "cell needs 3.9 or later. Choose a newer --framework-version, or send a file with %processing_script."
            )
        if local:
            given["image"], notice = _stand_in(found.framework, found.python, found.uri)
            notices.append(notice)
        else:
            given["image"] = found.uri
    elif options.image and backend.name == "local" and _ECR.match(options.image):
        from .catalog import framework_of, python_of

        uri = options.image
        given["image"], notice = _stand_in(framework_of(uri) or "", python_of(uri), uri)
        notices.append(notice)
    return backend.resolve(given), notices


def _has_gpu(options: Options) -> bool:
    return bool(options.gpu) or bool(options.instance and re.match(r"ml\.[gp]\d", options.instance[0]))


def _stand_in(framework: str, python: tuple[int, ...] | None, uri: str) -> tuple[str | None, str]:
    """The local interpreter that stands for an image of ECR, and the line that says so."""
    from .backends.local import images
    from .catalog.images import PACKAGES

    wanted = "" if python is None else "local/python:" + ".".join(map(str, python))
    chosen = wanted if wanted and wanted in images.available() else None
    about = images.describe(images.interpreter_of(chosen or images.default_image()))
    package = PACKAGES.get(framework, "")
    has = about["packages"].get(package)
    what = f"{package} {has}" if has else f"no {package}" if package else "its own packages"
    return chosen, (
        f"On this machine the {framework + ' ' if framework else ''}image is not pulled: the local Python "
        f"{'.'.join(map(str, about['python'][:2]))} stands for it, with {what}. On SageMaker it is {uri}."
    )


def price_of(backend: Backend, request: Mapping[str, Any]) -> tuple[float | None, str]:
    """USD per hour of one instance, and where that is known from.

    Args:
        request: CreateProcessingJob's, or what DescribeProcessingJob says, which knows the type that was given.
    """
    if backend.name == "local":
        return None, "runs on this machine: no cost"
    cluster = request["ProcessingResources"]["ClusterConfig"]
    given = cluster.get("SelectedInstanceType") or cluster.get("InstanceType")
    kinds = [given] if given else [item["InstanceType"] for item in cluster.get("InstancePreferences", ())]
    known = [backend.price(kind) for kind in kinds]
    if not kinds or not all(known):
        return None, "price unknown"
    dearest = max((found for found in known if found), key=lambda found: found.usd_per_hour)
    return dearest.usd_per_hour, f"as of {dearest.as_of}"


# -- inputs and outputs ----------------------------------------------------------------------------------------------


def inputs_of(options: Options, uri: str, job: str) -> list[dict[str, Any]]:
    """The user's entries of ``ProcessingInputs``; local sources get the place below the job that they are sent to."""
    found = []
    for name, value in options.input:
        entry = channels.input_entry(name, value)
        path = channels.local_source(entry)
        if path is not None:
            entry = channels.with_uri(entry, remote_place(path, uri, job, name))
        found.append(entry)
    return found


def outputs_of(options: Options, uri: str, job: str) -> list[dict[str, Any]]:
    """The user's entries of ``Outputs``; those without a destination get a place below the job."""
    found = []
    for name, value in options.output:
        entry = channels.output_entry(name, value)
        if "S3Output" in entry and not entry["S3Output"]["S3Uri"]:
            entry = channels.with_uri(entry, f"{uri}/jobs/{job}/outputs/{name}/")
        found.append(entry)
    return found


def remote_place(path: Path, uri: str, job: str, name: str) -> str:
    """Where a local file or folder is sent to; a folder's prefix ends with a slash."""
    return f"{uri}/jobs/{job}/inputs/{name}/" + (path.name if path.is_file() else "")


def check_sources(options: Options) -> None:
    """Are the local files there?

    Raises:
        OptionError: names the option and the file.
    """
    for name, value in options.input:
        path = channels.local_source(channels.input_entry(name, value))
        if path is not None and not path.exists():
            raise OptionError(
                f"--input {name}={path}: there is no such file or folder here. Give a path or an s3:// URI."
            )
        if path is not None and path.is_dir() and not any(item.is_file() for item in path.rglob("*")):
            raise OptionError(
                f"--input {name}={path}: the folder is empty; SageMaker refuses an input without objects."
            )
    if options.requirements and options.requirements.endswith(".txt") and not Path(options.requirements).is_file():
        raise OptionError(
            f"--requirements {options.requirements}: there is no such file. Give a file, or packages with commas."
        )


def requirements_text(options: Options) -> str:
    """``--requirements`` as the text of a requirements file; "" without."""
    if not options.requirements:
        return ""
    path = Path(options.requirements)
    return path.read_text() if path.is_file() else "\n".join(options.requirements.split(",")) + "\n"


def send_inputs(options: Options, store: Any, job: str) -> None:
    """Copy local inputs below the job; what lies in S3 stays where it is.

    Raises:
        StoreError: a file could not be written.
    """
    for name, value in options.input:
        path = channels.local_source(channels.input_entry(name, value))
        if path is not None:
            send_tree(store, f"jobs/{job}/inputs/{name}", path)


def send_tree(store: Any, base: str, path: Path) -> None:
    """Put a file, or every file of a folder, below the key ``base``."""
    if path.is_file():
        store.put(f"{base}/{path.name}", path)
        return
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        store.put(f"{base}/{file.relative_to(path).as_posix()}", file)
