"""Which account, region, role and bucket: from the options, the environment, Studio's metadata, then STS and IAM.

May import: ``defaults``, ``studio``, ``errors``, the standard library; boto3 when the first client is made.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import BackendError
from . import defaults, studio
from .explain import meaning

# Only asked to be told more; from a VPC without internet they cannot be reached, and nobody is to wait for that long.
# Nor for STS, which is asked first of all: without a network that is where it is seen.
_BRIEF = {"iam": (2, 5), "ecr": (2, 5), "service-quotas": (2, 5), "sts": (5, 10)}
"""Service → seconds to connect, and to read an answer."""


class Account:
    """Clients are made once each, adaptively retried, and answer for one region."""

    def __init__(self, region: str | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._given = region
        self._clients: dict[str, Any] = {}
        self._seen = _variables(environ)
        self.silent: dict[str, float] = {}
        """What AWS did not answer in time, and when (``time.monotonic()``): not asked again for a while."""

    def forget(self) -> None:
        """Find out anew who asks: boto3's sessions and clients keep the credentials, or the lack of them, for good."""
        self._clients = {}
        self._seen = _variables(self._environ)
        for name in ("session", "region", "identity", "role", "studio", "defaults"):
            self.__dict__.pop(name, None)

    def look(self) -> bool:
        """Whether somebody has set other credentials or another profile since (`%env AWS_PROFILE=...`): they count."""
        changed = self._seen != _variables(self._environ)
        if changed:
            self.forget()
        return changed

    @functools.cached_property
    def session(self) -> Any:
        """The boto3 session."""
        import boto3

        return boto3.Session(region_name=self._given or self._environ.get("AWS_REGION") or None)

    @functools.cached_property
    def region(self) -> str:
        """Option, environment or profile, then Studio's own."""
        found = self.session.region_name or _field(studio.metadata().get("ResourceArn", ""), 3)
        if not found:
            self.forget()
            raise BackendError("No AWS region is set. Give --region, or set AWS_REGION, or run `aws configure`.")
        return str(found)

    def client(self, service: str) -> Any:
        """The client of a service."""
        if service not in self._clients:
            from botocore.config import Config

            retries: Any = {"mode": "adaptive", "max_attempts": 8}
            config = Config(retries=retries, connect_timeout=10, read_timeout=60)
            if service in _BRIEF:
                connect, read = _BRIEF[service]
                retries = {"mode": "standard", "total_max_attempts": 3}
                config = Config(retries=retries, connect_timeout=connect, read_timeout=read)
            self._clients[service] = self.session.client(service, region_name=self.region, config=config)
        return self._clients[service]

    @functools.cached_property
    def identity(self) -> dict[str, str]:
        """STS GetCallerIdentity."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
        from botocore.exceptions import ConnectionError as Unreachable

        try:
            answer: dict[str, str] = self.client("sts").get_caller_identity()
        except (HTTPClientError, Unreachable) as error:
            self.forget()
            raise BackendError(
                f"AWS cannot be reached: {_sentence(error)} Check the network (a proxy, a VPN), or use --backend local."
            ) from error
        except (BotoCoreError, ClientError) as error:
            self.forget()  # what is set up after this counts for the next cell
            raise BackendError(
                f"AWS does not know who asks: {_sentence(error)} "
                + (meaning(str(error)) or "Set up credentials (`aws configure`), or use --backend local.")
            ) from error
        return answer

    @property
    def number(self) -> str:
        """The account's number."""
        return self.identity["Account"]

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov``, ..."""
        return self.identity["Arn"].split(":")[1]

    @property
    def caller(self) -> str:
        """Who asks, as IAM names it: the user, or the role that this session has assumed."""
        return re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", self.identity["Arn"])

    @functools.cached_property
    def role(self) -> str:
        """The execution role: ``NBPROCESS_ROLE``, the SDK's defaults, Studio's, or the one this session has assumed."""
        given = self._environ.get("NBPROCESS_ROLE") or self.defaults.get("RoleArn")
        if given:
            return self.role_arn(str(given))
        if "RoleArn" in self.studio:
            return str(self.studio["RoleArn"])
        assumed = re.fullmatch(r"arn:(aws[\w-]*):sts::(\d{12}):assumed-role/([^/]+)/.+", self.identity["Arn"])
        if assumed is None:
            raise BackendError(
                f"No execution role for the job is known: {self.identity['Arn']} is no role. Give --role ARN of a role "
                "that trusts sagemaker.amazonaws.com; `nbprocess policy` prints what it needs."
            )
        return self.role_arn(assumed[3])

    def role_arn(self, name: str) -> str:
        """The ARN of a role that may be given by its name alone, as the SageMaker SDK takes it."""
        from botocore.exceptions import BotoCoreError, ClientError

        if name.startswith("arn:"):
            return name
        name = name.rpartition("/")[2]
        try:
            return str(self.client("iam").get_role(RoleName=name)["Role"]["Arn"])
        except (BotoCoreError, ClientError):  # not allowed to look: the usual path of a role that SageMaker made
            path = "service-role/" if name.startswith("AmazonSageMaker") else ""
            return f"arn:{self.partition}:iam::{self.number}:role/{path}{name}"

    @functools.cached_property
    def studio(self) -> dict[str, Any]:
        """What the Studio domain says that jobs need: ``studio.settings``."""
        return studio.settings(self.client("sagemaker")) if studio.metadata() else {}

    @property
    def settings(self) -> dict[str, Any]:
        """What jobs get unless an option says otherwise: Studio's, over them those of the SDK's ``config.yaml``."""
        found = {**self.studio, **self.defaults}
        tags = {**studio.project_tags(Path.cwd()), **found.get("Tags", {})}
        return {**found, "Tags": tags} if tags else found

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """What the SageMaker SDK's ``config.yaml`` files say of processing jobs. Raises BackendError."""
        return defaults.read(self._environ, self._fetch)

    def _fetch(self, uri: str) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            content: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise BackendError(f"{uri}: the SageMaker defaults cannot be read: {error}") from error
        return content

    @property
    def bucket(self) -> str:
        """The SageMaker SDK's default bucket: of its defaults, else the one that it makes."""
        return str(self.defaults.get("Bucket") or f"sagemaker-{self.region}-{self.number}")

    @property
    def prefix(self) -> str:
        """Where in that bucket nbprocess keeps its things."""
        return "/".join(filter(None, [str(self.defaults.get("Prefix", "")).strip("/"), "nbprocess"]))


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(("AWS_", "SAGEMAKER_"))}


def _sentence(error: Exception) -> str:
    return str(error).rstrip(". ") + "."


def _field(arn: str, index: int) -> str:
    parts = arn.split(":")
    return parts[index] if len(parts) > index else ""
