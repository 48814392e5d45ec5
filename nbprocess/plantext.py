"""A plan as text: what would be sent, where, and for how much. May import: ``summary``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .summary import size

if TYPE_CHECKING:
    from .plan import Plan


def render(plan: Plan) -> str:
    """The plan as text."""
    cluster = plan.request["ProcessingResources"]["ClusterConfig"]
    kind = cluster.get("InstanceType") or ", ".join(p["InstanceType"] for p in cluster.get("InstancePreferences", []))
    seconds = plan.request["StoppingCondition"]["MaxRuntimeInSeconds"]
    image = plan.request["AppSpecification"]["ImageUri"]
    lines = [
        f"Plan of {plan.job}: nothing was sent.",
        f"  where     {plan.backend.name}, {cluster.get('InstanceCount', 1)} x {kind}, image {image}",
    ]
    if plan.price_per_hour is not None:
        most = plan.price_per_hour * cluster.get("InstanceCount", 1) * seconds / 3600
        lines.append(f"  cost      {plan.price_per_hour:.3f} USD/h, at most {most:.2f} USD ({plan.price_note})")
    else:
        lines.append(f"  cost      {plan.price_note}")
    lines.append(f"  time      at most {seconds} s")
    names = {need.name: need for need in plan.capture.needs if need.name in plan.manifest["strength"]}
    codecs: dict[str, str] = {}
    for group in plan.dumped.groups:
        codecs.update(group.codecs)
    lines.append(f"  sends     {len(names)} names, {size(plan.pending.size)}")
    for name, need in sorted(names.items(), key=lambda item: -plan.sizes.get(item[0], 0)):
        if name in plan.manifest["tombstones"]:
            continue
        via = f" through {need.via}" if need.via else ""
        lines.append(
            f"    {name:<20} {size(plan.sizes.get(name, 0)):>9}  {codecs.get(name, ''):<8} line {need.line}{via}"
            + (" (maybe)" if need.strength == "maybe" else "")
        )
    for item in plan.capture.files:
        lines.append(f"    {item.target:<20} {size(os.path.getsize(item.path)):>9}  file")
    for name, reason in plan.manifest["tombstones"].items():
        lines.append(f"  not sent  {name}: {reason}")
    if plan.capture.binds:
        lines.append(f"  brings    {', '.join(plan.capture.binds)}")
    lines += [f"  note      {text}" for text in plan.notices]
    return "\n".join(lines)
