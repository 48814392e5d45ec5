"""The local backend: a job is a process of this machine, under the same contract as on SageMaker."""

from .backend import Backend

__all__ = ["Backend"]
