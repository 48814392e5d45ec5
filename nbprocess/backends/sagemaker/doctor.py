"""``nbprocess doctor``: what a job on SageMaker needs, whether it is there, and the command or policy that mends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ...errors import BackendError, NbprocessError, OptionError
from . import logs, preflight, pricing, quotas
from .account import Account
from .backend import Backend
from .explain import plainly

Finding = tuple[str, bool, str]

ROLE = "nbprocess-jobs"
"""What the role is called in the commands that make one."""


def doctor() -> list[Finding]:
    """(what, whether it is there, the way out) of credentials, region, role, image, machine, bucket and permissions."""
    backend = Backend()
    account = backend.account

    def role() -> str:
        preflight.role(account, {"RoleArn": account.role})
        return account.role

    def image() -> str:
        uri = str(backend.resolve({"role": "-"})["ImageUri"])
        preflight.image(account, {"AppSpecification": {"ImageUri": uri}})
        return uri

    def machine() -> str:
        quotas.forget(account)  # what counts is what it is now
        kind = str(backend.resolve({"role": "-", "image": "-"})["InstanceType"])
        preflight.quota(account, {"ProcessingResources": {"ClusterConfig": {"InstanceType": kind}}})
        known = quotas.processing(account).get(kind)
        return kind if known is None else f"{kind}, {known:.0f} at once"

    def bucket() -> str:
        output = {"S3Output": {"S3Uri": backend.store().uri}}
        preflight.bucket(account, {"ProcessingOutputConfig": {"Outputs": [output]}})
        return account.bucket

    checks: list[tuple[str, Callable[[], str]]] = [
        ("kernel", _kernel),
        ("region", lambda: account.region),
        ("credentials", lambda: account.identity["Arn"]),
        ("execution role", role),
        ("default image", image),
        ("default machine", machine),
        ("bucket", bucket),
        ("permission to list jobs", lambda: _jobs(account)),
        ("permission to read logs", lambda: _logs(account)),
        ("permission to read metrics", lambda: _metrics(account)),
        ("prices", lambda: _prices(account)),
    ]
    findings: list[Finding] = []
    for what, look in checks:
        try:
            findings.append((f"{what}: {look()}", True, ""))
        except (NbprocessError, OptionError) as error:
            findings.append((what, False, "\n     ".join([str(error), *_commands(what, account, str(error))])))
            if what in ("region", "credentials"):
                break  # nothing else can be asked
    return findings


def _kernel() -> str:
    """ipykernel's version here, which may not be one that falls silent (ipykernel's issues 1529 and 1554)."""
    from importlib import metadata

    try:
        version = metadata.version("ipykernel")
    except metadata.PackageNotFoundError:
        return "no ipykernel in this environment"
    if version.partition(".")[0] == "7" and int(version.split(".")[1]) < 4:
        raise BackendError(
            f"ipykernel {version} can lose the request of a cell that comes just as it answers another one, and then "
            "waits, with or without nbprocess, until it is restarted. "
            "Version 7.4 mends that: pip install 'ipykernel>=7.4'"
        )
    return f"ipykernel {version}"


def _commands(what: str, account: Account, error: str) -> list[str]:
    """What to type: commands of the AWS CLI, ready to paste."""
    if what == "execution role":
        place = _place(account)
        trust = "nbprocess policy --only trust > trust.json\naws iam {} --role-name {} {} file://trust.json"
        if "does not trust" in error:
            name = account.role.rpartition("/")[2]
            return trust.format("update-assume-role-policy", name, "--policy-document").split("\n")
        return [
            *trust.format("create-role", ROLE, "--assume-role-policy-document").split("\n"),
            f"nbprocess policy --only role {place} > role.json",
            f"aws iam put-role-policy --role-name {ROLE} --policy-name nbprocess --policy-document file://role.json",
            f"export NBPROCESS_ROLE=arn:{account.partition}:iam::{account.number}:role/{ROLE}",
        ]
    if what == "prices":
        return ["nbprocess prices --update"]
    if what.startswith("permission"):
        kind, name = ("role" if ":role/" in account.caller else "user"), account.caller.rpartition("/")[2]
        role = f"arn:{account.partition}:iam::{account.number}:role/{ROLE}"
        with contextlib.suppress(BackendError):
            role = account.role
        return [
            f"nbprocess policy --only user {_place(account)} --role {role} --user {account.caller} > user.json",
            f"aws iam put-{kind}-policy --{kind}-name {name} --policy-name nbprocess --policy-document file://user.json",
        ]
    return []


def _place(account: Account) -> str:
    """Options of `nbprocess policy`: bucket and, where the SDK's defaults name another, prefix."""
    prefix = "" if account.prefix == "nbprocess" else f" --prefix {account.prefix}"
    key = account.settings.get("KmsKeyId")
    return f"--bucket {account.bucket}{prefix}" + (f" --kms-key {key}" if str(key).startswith("arn:") else "")


def _jobs(account: Account) -> str:
    with plainly():
        account.client("sagemaker").list_processing_jobs(MaxResults=1)
    return "sagemaker:ListProcessingJobs"


def _logs(account: Account) -> str:
    with plainly():
        logs.read(account.client("logs"), "nbprocess-doctor", None, 1)
    return "logs:DescribeLogStreams"


def _prices(account: Account) -> str:
    known = pricing.prices(account)
    if not known:
        raise BackendError(
            "The Price List may not be asked (pricing:GetProducts) or is out of reach. Without it jobs run; what they "
            "cost is not known, and --max-cost is refused. AWS's public file of prices needs no permission:"
        )
    found = next(iter(known.values()))
    return f"{len(known)} instance types in {account.region}, {found.source} of {found.as_of}"


def _metrics(account: Account) -> str:
    import time

    from . import metrics

    described = {
        "ProcessingJobName": "nbprocess-doctor",
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge"}},
    }
    try:
        with plainly():
            metrics.read(account.client("cloudwatch"), described, time.time() - 600, time.time())
    except BackendError as error:
        raise BackendError(f"{error} Without it jobs run; scripts and containers show no CPU and memory.") from error
    return "cloudwatch:GetMetricData"
