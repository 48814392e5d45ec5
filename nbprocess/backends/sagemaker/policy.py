"""The least-privilege IAM policies of the user who submits and of the role that the jobs have."""

from __future__ import annotations

from typing import Any

_KEY = ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant"]
# "Give SageMaker AI Processing Jobs Access to Resources in Your Amazon VPC", developer guide.
_NETWORK = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
]


def iam_policies(
    bucket: str,
    prefix: str = "nbprocess",
    *,
    role: str = "ROLE_ARN",
    user: str = "USER_OR_ROLE_ARN",
    kms_key: str | None = None,
    vpc: bool = False,
) -> dict[str, Any]:
    """Policies for a bucket: ``user``, ``role`` and the role's ``trust``.

    Args:
        bucket: its name.
        prefix: where nbprocess keeps its things in it.
        role: ARN of the role that the jobs get; its partition (``aws``, ``aws-cn``, ...) is that of all of them.
        user: ARN of who submits them.
        kms_key: ARN of the key for what is stored and for volumes; None where there is none.
        vpc: whether jobs run in a VPC.
    """
    key = [(_KEY, kms_key)] if kms_key else []
    network = [(_NETWORK, "*")] if vpc else []
    arn = f"arn:{role.split(':')[1]}" if role.startswith("arn:") else "arn:aws"
    objects, whole = f"{arn}:s3:::{bucket}/{prefix}/*", f"{arn}:s3:::{bucket}"
    jobs = f"{arn}:sagemaker:*:*:processing-job/*"
    return {
        "user": _policy(
            (["sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"], jobs),
            (["sagemaker:DeleteProcessingJob", "sagemaker:AddTags"], jobs),
            (["sagemaker:ListProcessingJobs"], "*"),
            (
                ["logs:DescribeLogStreams", "logs:GetLogEvents"],
                f"{arn}:logs:*:*:log-group:/aws/sagemaker/ProcessingJobs*",
            ),
            (["cloudwatch:GetMetricData"], "*"),
            (["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], objects),
            (["s3:ListBucket"], whole),
            (["iam:PassRole", "iam:GetRole"], role),
            # Only to be told before a job is sent what would keep it from running, and what it costs.
            (["servicequotas:ListServiceQuotas", "pricing:GetProducts", "ecr:DescribeImages"], "*"),
            (["iam:SimulatePrincipalPolicy"], user),
            # In Studio: which role the person's profile or space has.
            (["sagemaker:DescribeUserProfile", "sagemaker:DescribeDomain"], "*"),
            *key,
        ),
        "role": _policy(
            (["s3:GetObject", "s3:PutObject"], objects),
            (["s3:ListBucket"], whole),
            (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
            (["cloudwatch:PutMetricData"], "*"),
            (["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "*"),
            *key,
            *network,
        ),
        "trust": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        },
    }


def lifecycle(days: int, prefix: str = "nbprocess") -> dict[str, Any]:
    """A lifecycle configuration of the bucket: jobs expire, and what a broken upload left goes.

    Values are not in it: a value is stored once and used by later jobs, whatever its age. ``nbprocess clean`` knows
    which of them no kept job needs.
    """
    return {
        "Rules": [
            {
                "ID": "nbprocess-jobs",
                "Status": "Enabled",
                "Filter": {"Prefix": f"{prefix}/jobs/"},
                "Expiration": {"Days": days},
            },
            {
                "ID": "nbprocess-broken-uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": f"{prefix}/"},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
            },
        ]
    }


def _policy(*statements: tuple[list[str], str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in statements],
    }
