"""A loopback AWS for tests and demos: S3, SageMaker Processing that executes the jobs, CloudWatch Logs, STS, IAM.

    with emulator() as aws:
        os.environ.update(aws.environment)
        aws.client("sagemaker").create_processing_job(...)

Jobs run by the same instance code as those of the local backend. One endpoint answers for all services.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..s3 import Cut, Refuse, S3Server
from .control import Control, Faults
from .http import Handler
from .services import ACCOUNT

REGION = "us-east-1"

__all__ = ["ACCOUNT", "REGION", "Emulator", "Faults", "emulator"]


@dataclass
class Emulator:
    """A running emulator."""

    server: S3Server
    control: Control

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that lead boto3 (and nbprocess) here."""
        return {
            "AWS_ENDPOINT_URL": self.server.endpoint,
            "AWS_ACCESS_KEY_ID": "emulator",
            "AWS_SECRET_ACCESS_KEY": "emulator",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "NBPROCESS_ROLE": f"arn:aws:iam::{ACCOUNT}:role/nbprocess",
            "NBPROCESS_POLL_SECONDS": "0.2",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this emulator."""
        import boto3

        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.server.endpoint,
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
            region_name=REGION,
        )


@contextlib.contextmanager
def emulator(root: Path | None = None, port: int = 0, **faults: Any) -> Iterator[Emulator]:
    """Serve until the block ends; jobs that still run are stopped.

    Args:
        root: where buckets and jobs are kept; default a folder that is removed at the end.
        port: 0 for any that is free.
        **faults: see ``Faults``: ``throttle=3``, ``capacity=True``, ``denied=("CreateProcessingJob",)``, ...
    """
    base = Path(tempfile.mkdtemp(prefix="nbp-aws-")) if root is None else Path(root)
    control = Control(base, Faults(**faults))
    bucket = f"sagemaker-{REGION}-{ACCOUNT}"
    handler = type("BoundControlHandler", (Handler,), {"control": control})
    try:
        with S3Server(base / "buckets", buckets=[bucket], account=ACCOUNT, port=port, handler=handler) as server:
            control.server = server
            if control.faults.cut_uploads:
                server.fail("PUT", "nbprocess/blobs/", Cut(1000), control.faults.cut_uploads)
            if control.faults.clock_skew:
                skewed = Refuse(
                    403, "RequestTimeTooSkewed", "The difference between the request time and now is too large."
                )
                for method in ("GET", "HEAD", "PUT"):
                    server.fail(method, "", skewed, 1_000_000)
            yield Emulator(server, control)
    finally:
        control.close()
        if root is None:
            shutil.rmtree(base, ignore_errors=True)
