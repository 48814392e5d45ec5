"""``nbprocess doctor``: what a job on SageMaker needs, whether it is there, and what mends it."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import NbprocessError, OptionError
from . import preflight
from .backend import Backend

Finding = tuple[str, bool, str]


def doctor() -> list[Finding]:
    """(what, whether it is there, the way out) of credentials, region, role, image and bucket."""
    backend = Backend()
    account = backend.account

    def bucket() -> str:
        output = {"S3Output": {"S3Uri": backend.store().uri}}
        preflight.bucket(account, {"ProcessingOutputConfig": {"Outputs": [output]}})
        return account.bucket

    def role() -> str:
        preflight.role(account, {"RoleArn": account.role})
        return account.role

    checks: list[tuple[str, Callable[[], str]]] = [
        ("region", lambda: account.region),
        ("credentials", lambda: account.identity["Arn"]),
        ("execution role", role),
        ("default image", lambda: str(backend.resolve({"role": "-"})["ImageUri"])),
        ("bucket", bucket),
    ]
    findings: list[Finding] = []
    for what, look in checks:
        try:
            findings.append((f"{what}: {look()}", True, ""))
        except (NbprocessError, OptionError) as error:
            findings.append((what, False, str(error)))
    return findings
