"""Removes blobs that no kept job refers to, and old jobs, from a store. Safe against jobs that are being written.

May import: ``nbprocess.errors``, the rest of this folder, the standard library.

How the two stay out of each other's way, without locks and on any store: ``announce`` writes ``jobs/<job>/writing`` and
then looks for the marker of a ``clean``; ``clean`` writes its marker and then looks for jobs that are being written.
Whichever comes second sees the other: the writer waits, the cleaner leaves. Young blobs stay in any case.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Collection
from dataclasses import dataclass

from ..errors import IntegrityError, StoreError
from . import manifest as manifests
from .known import forget_listing
from .stores import Entry, MissingKey, Store
from .write import CLEANING, CLEANING_SECONDS

YOUNG = 3600.0
"""Seconds for which a blob stays although no job refers to it: its job may be about to be written."""

ABANDONED = 86400.0
"""Seconds after which a job that is still "being written" was left by a process that died."""


@dataclass(frozen=True)
class Cleaned:
    """What was removed, or would be in a dry run: numbers and bytes; ``jobs`` are names."""

    jobs: tuple[str, ...]
    blobs: int
    freed: int
    kept: int
    """Bytes that stay."""
    dry_run: bool = False
    busy: tuple[str, ...] = ()
    """Jobs that were being written, because of which nothing was removed."""

    def __str__(self) -> str:
        if self.busy:
            return f"Nothing was removed: {', '.join(self.busy)} is being written. Try again when it has been sent."
        verb = "would remove" if self.dry_run else "removed"
        return f"{verb} {len(self.jobs)} jobs and {self.blobs} blobs, {self.freed:,} bytes; {self.kept:,} bytes stay"


def drop_damaged(store: Store, digests: Collection[str]) -> list[str]:
    """Remove blobs that a job found damaged, if they are: what is sent once is else never sent again.

    Returns:
        The names of those that were removed.

    Raises:
        StoreError: one cannot be read or removed.
    """
    gone = []
    for digest in digests:
        if not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
            continue
        try:
            damaged = hashlib.sha256(store.get(f"blobs/{digest}")).hexdigest() != digest
        except MissingKey:
            continue
        if damaged:  # else it was harmed on its way to the job
            store.delete(f"blobs/{digest}")
            gone.append(digest)
    if digests:
        forget_listing(store)
    return gone


def clean(
    store: Store,
    *,
    keep_jobs: Collection[str] | None = None,
    older_than: float | None = None,
    max_bytes: int | None = None,
    dry_run: bool = False,
    now: float | None = None,
) -> Cleaned:
    """Remove old jobs, then every blob that no remaining job refers to.

    Args:
        keep_jobs: jobs that stay whatever their age (those in progress, say).
        older_than: remove jobs that were sent more than this many seconds ago; None: none because of their age.
        max_bytes: remove the oldest jobs until the store holds at most so many bytes; None: no limit.
        dry_run: only say what would be removed.
        now: the present time, POSIX seconds.

    Raises:
        StoreError: another ``clean`` is at work, or the store cannot be read or written.
    """
    now = time.time() if now is None else now
    if not dry_run:
        _take_marker(store, now)
    try:
        return _clean(store, frozenset(keep_jobs or ()), older_than, max_bytes, dry_run, now)
    finally:
        if not dry_run:
            store.delete(CLEANING)


def _clean(
    store: Store, keep: frozenset[str], older_than: float | None, max_bytes: int | None, dry_run: bool, now: float
) -> Cleaned:
    jobs: dict[str, list[Entry]] = {}
    for entry in store.entries("jobs/"):
        jobs.setdefault(entry.key.split("/")[1], []).append(entry)
    busy = [name for name, entries in jobs.items() if _being_written(entries, now)]
    blobs = list(store.entries("blobs/"))
    if busy and not dry_run:
        kept = sum(entry.size for entry in [*blobs, *(e for entries in jobs.values() for e in entries)])
        return Cleaned((), 0, 0, kept, busy=tuple(busy))
    sizes = {name: sum(entry.size for entry in entries) for name, entries in jobs.items()}
    ages = {name: now - max(entry.modified for entry in entries) for name, entries in jobs.items()}
    uses = {name: _uses(store, name) for name in jobs}
    leave = {name for name in jobs if name in keep or name in busy}
    remove = {n for n in jobs if n not in leave and older_than is not None and ages[n] > older_than}
    weight = {entry.key.partition("/")[2]: entry.size for entry in blobs}

    def total(without: set[str]) -> int:
        used = {digest for name in jobs if name not in without for digest in uses[name]}
        young = {e.key.partition("/")[2] for e in blobs if now - e.modified < YOUNG}
        return sum(sizes[n] for n in jobs if n not in without) + sum(weight.get(d, 0) for d in used | young)

    if max_bytes is not None:
        for name in sorted(jobs, key=lambda name: -ages[name]):
            if total(remove) <= max_bytes:
                break
            if name not in leave:
                remove.add(name)
    used = {digest for name in jobs if name not in remove for digest in uses[name]}
    unused = [e for e in blobs if e.key.partition("/")[2] not in used and now - e.modified >= YOUNG]
    freed = sum(sizes[name] for name in remove) + sum(entry.size for entry in unused)
    kept = sum(sizes.values()) + sum(weight.values()) - freed
    if not dry_run:
        # Jobs first: should this process die in between, no job is left that refers to a blob that is gone.
        for name in remove:
            for entry in sorted(jobs[name], key=lambda entry: not entry.key.endswith("/request.json")):
                store.delete(entry.key)
        deadline = time.monotonic() + CLEANING_SECONDS / 2
        for entry in unused:
            if time.monotonic() > deadline:
                break  # the marker is about to lose its meaning; the next clean goes on
            store.delete(entry.key)
        forget_listing(store)
    return Cleaned(tuple(sorted(remove)), len(unused), freed, kept, dry_run)


def _take_marker(store: Store, now: float) -> None:
    if store.put_new(CLEANING, str(now).encode()):
        return
    for entry in store.entries(CLEANING):
        if now - entry.modified < CLEANING_SECONDS:
            raise StoreError(
                f"Another `nbprocess clean` is at work on {store.uri}. Wait until it ends, or delete "
                f"{store.url(CLEANING)} if it died."
            )
    store.put(CLEANING, str(now).encode())


def _being_written(entries: list[Entry], now: float) -> bool:
    return any(entry.key.endswith("/writing") and now - entry.modified < ABANDONED for entry in entries)


def _uses(store: Store, job: str) -> frozenset[str]:
    """Digests of the blobs that a job refers to.

    Raises:
        IntegrityError: its manifest cannot be read: nothing is removed rather than too much.
    """
    key = f"jobs/{job}/bundle/manifest.json"
    try:
        manifest = json.loads(store.get(key))
        return frozenset(manifests.chunks_of(manifest))
    except MissingKey:
        return frozenset()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"{store.url(key)} is damaged ({error}), so it is not known which blobs the job {job} needs. Nothing was "
            "removed. Delete that job first."
        ) from error
