"""What SageMaker Studio knows of the person at work: role, VPC and key of its domain.

May import: the standard library; botocore's errors when AWS is asked.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

METADATA = Path("/opt/ml/metadata/resource-metadata.json")
"""Studio and notebook instances keep it: domain, user profile, space, ARN of the app."""


PROJECT = ".sagemaker-code-config"
"""Studio puts it into the checkouts of a SageMaker project."""


@functools.cache
def metadata() -> dict[str, str]:
    """Studio's metadata file; empty outside of Studio."""
    try:
        found: dict[str, str] = json.loads(METADATA.read_text())
        return found
    except (OSError, ValueError):
        return {}


def project_tags(folder: Path) -> dict[str, str]:
    """Tags of the SageMaker project whose checkout ``folder`` lies in; the SDK gives them to its jobs, too."""
    for place in (folder, *folder.parents):
        try:
            known = json.loads((place / PROJECT).read_text())
            return {
                "sagemaker:project-id": str(known["sagemakerProjectId"]),
                "sagemaker:project-name": str(known["sagemakerProjectName"]),
            }
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            return {}
    return {}


def settings(sagemaker: Any) -> dict[str, Any]:
    """What the domain says that jobs need, as the backend's ``resolve`` names it.

    Args:
        sagemaker: a client.

    Returns:
        Any of ``RoleArn``: of the user profile, in a shared space the domain's for spaces. ``VpcConfig``: of a domain
        whose apps may use its VPC only; jobs in SageMaker's own network would go around that. ``KmsKeyId``: the key
        with which the domain has the output of notebook cells encrypted in S3. (API reference: DescribeDomain,
        UserSettings, SharingSettings.) Nothing outside of Studio, or where the caller may not look.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    name, profile = metadata().get("DomainId"), metadata().get("UserProfileName")
    if not name:
        return {}
    domain: dict[str, Any] = {}
    own: dict[str, Any] = {}
    try:
        if profile:
            own = sagemaker.describe_user_profile(DomainId=name, UserProfileName=profile).get("UserSettings", {})
    except (BotoCoreError, ClientError):
        pass  # not allowed to look: the domain's settings are the next best, then the session's own role
    try:
        domain = sagemaker.describe_domain(DomainId=name)
    except (BotoCoreError, ClientError):
        pass  # as above
    shared = domain.get("DefaultUserSettings" if profile else "DefaultSpaceSettings", {})
    groups = own.get("SecurityGroups") or shared.get("SecurityGroups")
    sharing = own.get("SharingSettings") or shared.get("SharingSettings") or {}
    found: dict[str, Any] = {
        "RoleArn": own.get("ExecutionRole") or shared.get("ExecutionRole"),
        "KmsKeyId": sharing.get("S3KmsKeyId"),
    }
    if domain.get("AppNetworkAccessType") == "VpcOnly" and groups and domain.get("SubnetIds"):
        found["VpcConfig"] = {"Subnets": list(domain["SubnetIds"]), "SecurityGroupIds": list(groups)}
    return {key: value for key, value in found.items() if value}
