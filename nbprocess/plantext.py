"""A plan as text: what would be sent, where, and for how much. May import: ``planparts``, ``sending``, ``summary``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import NbprocessError
from .planparts import heaviest
from .summary import size

if TYPE_CHECKING:
    from .plan import Plan


_HEAVY = 1_000_000
"""Bytes from which on a value's parts are worth a line."""


def render(plan: Plan) -> str:
    """The plan as text. Looks which of the bytes the store has already."""
    cluster = plan.request["ProcessingResources"]["ClusterConfig"]
    kind = cluster.get("InstanceType") or ", ".join(p["InstanceType"] for p in cluster.get("InstancePreferences", []))
    seconds = plan.request["StoppingCondition"]["MaxRuntimeInSeconds"]
    image = plan.request["AppSpecification"]["ImageUri"]
    lines = [
        f"Plan of {plan.job}: {'nothing was sent' if plan.sent is None else 'it was sent'}.",
        f"  where     {plan.backend.name}, {cluster.get('InstanceCount', 1)} x {kind}, image {image}",
    ]
    if plan.price_per_hour is not None:
        most = plan.price_per_hour * cluster.get("InstanceCount", 1) * seconds / 3600
        lines.append(f"  cost      {plan.price_per_hour:.3f} USD/h, at most {most:.2f} USD ({plan.price_note})")
    else:
        lines.append(f"  cost      {plan.price_note}")
    lines.append(f"  time      at most {seconds} s")
    lines += _network(plan.request)
    names = {need.name: need for need in plan.capture.needs if need.name in plan.manifest["strength"]}
    codecs: dict[str, str] = {}
    for group in plan.dumped.groups:
        codecs.update(group.codecs)
    lines.append(f"  sends     {len(names)} names, {_bytes(plan)}")
    for name, need in sorted(names.items(), key=lambda item: -plan.sizes.get(item[0], 0)):
        if name in plan.manifest["tombstones"]:
            continue
        weight = plan.sizes.get(name, 0)
        # `train` brings `df`: the person wrote only the one of them in this cell.
        via = f": `{need.via}` brings it" if need.via else ""
        lines.append(
            f"    {name:<20} {size(weight):>9}  {codecs.get(name, ''):<8} line {need.line}{via}"
            + (" (maybe)" if need.strength == "maybe" else "")
        )
        if weight >= _HEAVY:
            parts = heaviest(name, plan.bound.get(name), least=max(_HEAVY, weight // 10))
            lines += [f"      {part.path} brings {size(part.size)} ({part.kind})" for part in parts]
    for item in plan.handed:
        lines.append(f"    {', '.join(item.names):<20} {size(item.size):>9}  from job {item.job}, within the store")
    for item in plan.manifest["files"]:
        lines.append(f"    {item['path']:<20} {size(item['blob']['size']):>9}  file")
    for name, reason in plan.manifest["tombstones"].items():
        lines.append(f"  not sent  {name}: {reason}")
    wanted = plan.manifest["requirements"]
    if wanted:
        lines.append(f"  installs  {', '.join(wanted['text'].split(chr(10))).strip(', ')}")
    if plan.capture.binds:
        lines.append(f"  brings    {', '.join(plan.capture.binds)}")
    lines += [f"  note      {text}" for text in plan.notices]
    return "\n".join(lines)


def _network(request: Mapping[str, Any]) -> list[str]:
    """Where a job has to keep to, and with which key; defaults of an account set these without a word in the cell."""
    network = request.get("NetworkConfig") or {}
    vpc = network.get("VpcConfig")
    said = [f"VPC with {', '.join([*vpc['Subnets'], *vpc['SecurityGroupIds']])}"] if vpc else []
    said += ["no network in the container"] if network.get("EnableNetworkIsolation") else []
    key = (request.get("ProcessingOutputConfig") or {}).get("KmsKeyId")
    return [*([f"  network   {', '.join(said)}"] if said else []), *([f"  key       {key}"] if key else [])]


def _bytes(plan: Plan) -> str:
    """``1.2 GB: 80 MB new, the rest is in the store already``."""
    from .sending import count

    try:
        new, there = plan.sent or count(plan)
    except NbprocessError as error:  # the plan is worth showing without it
        return f"{size(plan.pending.size)} (what the store has already is not known: {error})"
    if not there:
        return f"{size(new)}, all new"
    return f"{size(new + there)}: {size(new)} new, {size(there)} in the store already"
