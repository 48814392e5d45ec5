"""The SageMaker backend: the AWS API through boto3, which is imported when the first call is made."""

from .backend import Backend

__all__ = ["Backend"]
