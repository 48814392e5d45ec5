"""Options that contradict each other. May import: ``errors``, its neighbours."""

from __future__ import annotations

from ..errors import OptionError
from .table import Options, flag


def check(options: Options) -> None:
    """Refuse options that contradict each other.

    Raises:
        OptionError: names both options and the way out.
    """
    if options.instance and (options.gpu or options.cpus or options.memory):
        other = "gpu" if options.gpu else "cpus" if options.cpus else "memory"
        raise OptionError(
            f"--instance contradicts {flag(other)}: give the instance type, or what it must have, not both."
        )
    both = sorted(set(options.save or ()) & set(options.skip))
    if both:
        raise OptionError(f"--save and --skip both name {', '.join(both)}: take it out of one of them.")
    for name in ("input", "output", "env"):
        seen: set[str] = set()
        for key, _ in getattr(options, name):
            if key in seen:
                raise OptionError(f"{flag(name)} names {key} twice; use another name for one of them.")
            seen.add(key)
    no_vpc = options.subnets == ("none",)
    if no_vpc and options.security_groups:
        raise OptionError("--security-groups contradicts --subnets none: without a VPC there are none; leave one out.")
    if not no_vpc and bool(options.subnets) != bool(options.security_groups):
        raise OptionError("--subnets and --security-groups belong together: give both, or neither.")
    if options.background and options.dry_run:
        raise OptionError("--dry-run contradicts --background: a plan starts nothing; leave one out.")
    if options.framework_version and not options.framework:
        raise OptionError("--framework-version belongs to --framework: give the framework too.")
    if options.py_version and not options.framework:
        raise OptionError("--py-version belongs to --framework; another Python is another --image.")
    if options.framework not in (None, "spark") and options.image:
        raise OptionError(f"--framework {options.framework} contradicts --image: give one of the two.")
    if options.command and options.entrypoint:
        raise OptionError("--command contradicts --entrypoint: a command runs your script, an entrypoint the image's.")
    for name in ("py_files", "jars", "files", "spark_config", "spark_class", "spark_event_logs"):
        if getattr(options, name) and options.framework != "spark":
            raise OptionError(f"{flag(name)} belongs to Spark: add --framework spark.")
    if options.spark_event_logs and options.spark_event_logs != "job" and "://" not in options.spark_event_logs:
        raise OptionError(f"--spark-event-logs {options.spark_event_logs}: give an s3:// URI, or `job`.")
    # botocore: 10 inputs and 10 outputs a job, of which nbprocess takes 2 (with requirements 3) and 1 for a cell.
    script = bool(options.command or options.entrypoint or options.source_dir)
    taken = 3 if options.requirements or options.mirror else 2
    most_in, most_out = (9, 10) if script else (10 - taken, 9)
    own = "" if script else f" besides nbprocess's own {taken}"
    if len(options.input) > most_in:
        raise OptionError(f"--input: {len(options.input)} inputs; a job takes up to {most_in}{own}.")
    if len(options.output) > most_out:
        raise OptionError(f"--output: {len(options.output)} outputs; a job takes up to {most_out}{own}.")
