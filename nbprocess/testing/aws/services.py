"""What the emulator answers beside jobs and logs: quotas, prices, container images, roles.

May import: the standard library; ``catalog`` for the instance types.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

ACCOUNT = "123456789012"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# Made up, and the same for every region: what matters is that they come through the real client.
_USD = {"ml.t3.medium": 0.05, "ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.g4dn.xlarge": 0.9}
NO_PRICE = "ml.p5.4xlarge"
"""A type that the Price List lacks."""


def quotas(given: Mapping[str, Any], own: Mapping[str, float]) -> dict[str, Any]:
    """ListServiceQuotas of SageMaker: 20 of each processing type, and others of other kinds of jobs between them."""
    from ...catalog import instance_names

    found = []
    for number, name in enumerate(instance_names()):
        for use in ("training job", "processing job"):
            found.append(
                {
                    "ServiceCode": "sagemaker",
                    "QuotaName": f"{name} for {use} usage",
                    "QuotaCode": f"L-{number:04X}{use[0].upper()}",
                    "Value": float(own.get(name, 20)) if use.startswith("processing") else 0.0,
                }
            )
    start, count = int(given.get("NextToken", 0)), int(given.get("MaxResults", 100))
    more = {"NextToken": str(start + count)} if start + count < len(found) else {}
    return {"Quotas": found[start : start + count], **more}


def products(given: Mapping[str, Any]) -> dict[str, Any]:
    """GetProducts of the Price List: one JSON text for each product, page by page."""
    asked = {item["Field"]: item["Value"] for item in given.get("Filters", ())}
    found = []
    for number, (product, terms) in enumerate(_products(asked.get("regionCode", ""))):
        known = {**product["attributes"], "productFamily": product["productFamily"]}
        if asked.items() <= known.items():
            found.append(json.dumps({"product": product, "terms": {"OnDemand": {f"SKU{number}.TERM": terms}}}))
    start, count = int(given.get("NextToken", 0)), int(given.get("MaxResults", 100))
    more = {"NextToken": str(start + count)} if start + count < len(found) else {}
    return {"FormatVersion": "aws_v1", "PriceList": found[start : start + count], **more}


def offers(region: str) -> dict[str, Any]:
    """The public file with all prices of a region."""
    listed = {f"SKU{number}": item for number, item in enumerate(_products(region))}
    return {
        "products": {sku: {"sku": sku, **product} for sku, (product, _) in listed.items()},
        "terms": {"OnDemand": {sku: {f"{sku}.TERM": terms} for sku, (_, terms) in listed.items()}},
    }


def _products(region: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(product, term) of each type, for processing and, dearer, for training."""
    from ...catalog import search

    for kind in search(""):
        made_up = 0.05 * kind.vcpus + 0.005 * kind.memory / 2**30 + 0.7 * kind.gpus
        for use, factor in (("Processing", 1.0), ("Training", 2.0)):
            if kind.name == NO_PRICE:
                continue
            price = {"unit": "Hrs", "pricePerUnit": {"USD": f"{factor * _USD.get(kind.name, made_up):.10f}"}}
            attributes = {"instanceName": kind.name, "component": use, "regionCode": region}
            yield {"productFamily": "ML Instance", "attributes": attributes}, {"priceDimensions": {"RATE": price}}


def images(given: Mapping[str, Any], missing: bool) -> dict[str, Any] | None:
    """DescribeImages of ECR; None when the image is not there."""
    if missing:
        return None
    return {
        "imageDetails": [
            {
                "registryId": given.get("registryId", ACCOUNT),
                "repositoryName": given["repositoryName"],
                "imageTags": [item.get("imageTag", "") for item in given.get("imageIds", ())],
            }
        ]
    }


def domain(name: str, vpc_only: bool) -> dict[str, Any]:
    """DescribeDomain of a Studio domain whose people share role, security group and key."""
    return {
        "DomainId": name,
        "Status": "InService",
        "VpcId": "vpc-1",
        "SubnetIds": ["subnet-1", "subnet-2"],
        "AppNetworkAccessType": "VpcOnly" if vpc_only else "PublicInternetOnly",
        "DefaultUserSettings": {
            "ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/studio",
            "SecurityGroups": ["sg-1"],
            "SharingSettings": {"NotebookOutputOption": "Allowed", "S3KmsKeyId": "alias/studio"},
        },
    }


def role(name: str, trusted: bool) -> str:
    """GetRole's answer as XML, without its frame."""
    trust = TRUST if trusted else {"Version": "2012-10-17", "Statement": []}
    return (
        f"<Role><RoleName>{name}</RoleName><Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn><Path>/</Path>"
        f"<AssumeRolePolicyDocument>{quote(json.dumps(trust))}</AssumeRolePolicyDocument>"
        "<RoleId>AROAEMULATOR00000000</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
    )


def simulated(action: str, resource: str, decision: str) -> str:
    """SimulatePrincipalPolicy's answer as XML, without its frame."""
    return (
        f"<EvaluationResults><member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}"
        f"</EvalResourceName><EvalDecision>{decision}</EvalDecision></member></EvaluationResults>"
        "<IsTruncated>false</IsTruncated>"
    )
