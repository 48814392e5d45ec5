"""``nbprocess jobs | logs | metrics | stop | attach | delete | clean | doctor | policy | prices``: from a terminal."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence

from . import jobslist
from .errors import BackendError, NbprocessError, OptionError
from .summary import size


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 1 with one line on stderr that says what is wrong."""
    parser = argparse.ArgumentParser(prog="nbprocess", description="Jobs of offloaded notebook cells.")
    parser.add_argument("--backend", choices=("local", "sagemaker"), help="look only there")
    parser.add_argument("--region", help="the AWS region of the jobs; default the configured one")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("jobs", help="list the jobs of all kernels, newest first")
    jobslist.add_arguments(listing)
    for name, text in {
        "logs": "print the log of a job",
        "metrics": "what a job's machines use: CPU, memory, disk and GPU, by host and time",
        "stop": "stop a job; what is ready is kept",
        "attach": "follow a job until it ends and say what came back",
        "delete": "delete an ended job and its results",
    }.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("job")
        if name == "logs":
            command.add_argument("--follow", "-f", action="store_true", help="until the job has ended")
    clean = commands.add_parser("clean", help="remove data that no kept job refers to")
    clean.add_argument(
        "--older-than", type=float, default=7.0, metavar="DAYS", help="delete ended jobs older than this"
    )
    clean.add_argument(
        "--max-size",
        type=_size,
        metavar="SIZE",
        help="then delete the oldest ended jobs until no more than this is kept",
    )
    clean.add_argument("--dry-run", action="store_true")
    commands.add_parser("doctor", help="say what is missing for SageMaker, and what mends it")
    policy = commands.add_parser("policy", help="print the least-privilege IAM policies")
    policy.add_argument("--bucket", default="BUCKET")
    policy.add_argument("--prefix", default="nbprocess", help="where nbprocess keeps its things in the bucket")
    policy.add_argument("--role", metavar="ARN", default="ROLE_ARN", help="the role that jobs get")
    policy.add_argument("--user", metavar="ARN", default="USER_OR_ROLE_ARN", help="who submits jobs")
    policy.add_argument("--kms-key", metavar="ARN", help="with what --kms-key and --volume-kms-key ARN need")
    policy.add_argument("--vpc", action="store_true", help="with what --subnets and --security-groups need")
    policy.add_argument("--only", choices=("user", "role", "trust"), help="this one by itself, as the AWS CLI takes it")
    policy.add_argument(
        "--lifecycle",
        type=int,
        metavar="DAYS",
        help="print a lifecycle rule instead: jobs expire after DAYS",
    )
    prices = commands.add_parser("prices", help="what processing instances cost in the region, and how old that is")
    prices.add_argument("search", nargs="*", help="only types with these words: g5, T4, ...")
    prices.add_argument(
        "--update", action="store_true", help="ask AWS now; without permission, read its large public file of prices"
    )
    arguments = parser.parse_args(argv)
    if arguments.region:
        os.environ["NBPROCESS_REGION"] = arguments.region
    try:
        return _RUN[arguments.command](arguments)
    except NbprocessError as error:
        print(f"nbprocess: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `nbprocess logs JOB | head`
        return 0


def _logs(arguments: argparse.Namespace) -> int:
    from .api import attach

    for event in attach(arguments.job, arguments.backend).logs(follow=arguments.follow):
        print(event.text, file=sys.stderr if event.stream == "stderr" else sys.stdout)
    return 0


def _metrics(arguments: argparse.Namespace) -> int:
    from .api import attach

    samples = attach(arguments.job, arguments.backend).metrics()
    if not samples:
        why = "a job of less than a minute may have none, and on this machine only cells have"
        print(f"{arguments.job}: there are no samples ({why}).")
        return 0
    print(f"{'TIME (UTC)':<20} {'HOST':<8} {'CPU':>7} {'MEMORY':>9} {'OF':>9} {'DISK':>9} {'GPU':>7} {'GPU MEM':>9}")
    for sample in samples:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(sample.time))
        load = ["" if value is None else f"{value:.0f}%" for value in (sample.cpu, sample.gpu)]
        amounts = (sample.memory, sample.memory_total, sample.disk, sample.gpu_memory)
        memory, total, disk, gpu = ("" if value is None else size(value) for value in amounts)
        row = f"{at:<20} {sample.host:<8} {load[0]:>7} {memory:>9} {total:>9} {disk:>9} {load[1]:>7} {gpu:>9}"
        print(row.rstrip())
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from .api import attach

    job = attach(arguments.job, arguments.backend)
    job.stop()
    job.wait(120)
    print(f"{job.name}: {job.status}")
    return 0


def _attach(arguments: argparse.Namespace) -> int:
    from .api import attach

    job = attach(arguments.job, arguments.backend)
    for event in job.logs(follow=True):
        print(event.text, file=sys.stderr if event.stream == "stderr" else sys.stdout)
    state = job.state()
    print(state.headline)
    if state.failure and state.failure not in state.headline:  # it completed, and its results are not there
        print(state.failure, file=sys.stderr)
    for variable in state.variables:
        print(
            f"  {variable.name:<24} {variable.type:<16} {variable.shape:<14} {size(variable.size):>9} "
            f" {variable.status}"
        )
    return 0 if state.status == "Completed" and not state.failure else 1


def _delete(arguments: argparse.Namespace) -> int:
    from .api import attach

    attach(arguments.job, arguments.backend).delete()
    print(f"{arguments.job}: deleted")
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    from . import backends
    from .bundle import clean
    from .plan import default_backend

    backend = backends.get(arguments.backend or default_backend())
    running = [
        job["ProcessingJobName"] for status in ("InProgress", "Stopping") for job in backend.jobs(StatusEquals=status)
    ]
    report = clean(
        backend.store(),
        keep_jobs=running,
        older_than=arguments.older_than * 86_400,
        max_bytes=arguments.max_size,
        dry_run=arguments.dry_run,
    )
    if backend.name == "local" and not arguments.dry_run:
        for name in report.jobs:  # their records (log, container) lie beside the store
            with contextlib.suppress(BackendError):
                backend.delete(name)
    print(report)
    return 0


def _size(text: str) -> int:
    from .options.kinds import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def _doctor(arguments: argparse.Namespace) -> int:
    from .backends.sagemaker.doctor import doctor

    findings = doctor()
    for what, ok, way_out in findings:
        print(f"{'ok  ' if ok else 'MISS'} {what}" + ("" if ok else f"\n     {way_out}"))
    return 0 if all(ok for _, ok, _ in findings) else 1


def _policy(arguments: argparse.Namespace) -> int:
    from .backends.sagemaker.policy import iam_policies, lifecycle

    if arguments.lifecycle is None:
        policies = iam_policies(
            arguments.bucket,
            arguments.prefix,
            role=arguments.role,
            user=arguments.user,
            kms_key=arguments.kms_key,
            vpc=arguments.vpc,
        )
        print(json.dumps(policies[arguments.only] if arguments.only else policies, indent=2))
        return 0
    if arguments.lifecycle < 1:
        raise OptionError(f"--lifecycle {arguments.lifecycle}: give at least one day.")
    print(json.dumps(lifecycle(arguments.lifecycle, arguments.prefix), indent=2))
    print(
        "Save it as lifecycle.json, then: aws s3api put-bucket-lifecycle-configuration "
        f"--bucket {arguments.bucket} --lifecycle-configuration file://lifecycle.json",
        file=sys.stderr,
    )
    return 0


def _prices(arguments: argparse.Namespace) -> int:
    from .backends.sagemaker import pricing
    from .backends.sagemaker.backend import Backend
    from .catalog import price, search

    account = Backend().account
    if arguments.update:
        pricing.update(account, public=True)
    known = pricing.prices(account)
    print(f"{'INSTANCE':<20} {'VCPU':>5} {'MEMORY':>9} {'GPU':<22} {'USD/H':>9}  AS OF      SOURCE")
    for kind in sorted(search(" ".join(arguments.search)), key=lambda kind: (kind.gpus, kind.vcpus, kind.memory)):
        found = known.get(kind.name) or price(kind.name, account.region)
        cost = f"{found.usd_per_hour:>9.3f}  {found.as_of:<10} {found.source}" if found else f"{'unknown':>9}"
        gpu = f"{kind.gpus} x {kind.gpu}" if kind.gpus else ""
        print(f"{kind.name:<20} {kind.vcpus:>5} {f'{kind.memory / 2**30:g} GiB':>9} {gpu:<22} {cost}")
    if not known:
        print(
            f"The Price List could not be asked for {account.region} (pricing:GetProducts). `nbprocess prices "
            "--update` reads AWS's public file of prices instead, which needs no permission.",
            file=sys.stderr,
        )
    return 0


_RUN = {
    "prices": _prices,
    "jobs": jobslist.run,
    "logs": _logs,
    "stop": _stop,
    "attach": _attach,
    "delete": _delete,
    "clean": _clean,
    "metrics": _metrics,
    "doctor": _doctor,
    "policy": _policy,
}

if __name__ == "__main__":
    raise SystemExit(main())
