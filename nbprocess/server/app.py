"""The extension itself: its settings, its threads and its handlers.

May import: jupyter_server, traitlets, the rest of this folder.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Int

from .board import Board, KnownJobs
from .handlers import routes


class ProcessingApp(ExtensionApp):
    """Jobs of offloaded cells: ``/nbprocess/api/...``."""

    name = "nbprocess"
    extension_url = "/nbprocess"
    load_other_extensions = True

    threads = Int(4, min=1, max=64, config=True, help="Threads for calls that block: AWS, disks.")
    list_seconds = Float(2.0, min=0, config=True, help="For how long one list of jobs answers all who ask, in seconds.")
    max_jobs = Int(200, min=1, max=5_000, config=True, help="At most so many jobs are listed, newest first.")
    max_log_lines = Int(5_000, min=1, config=True, help="At most so many lines of a log in one answer.")
    max_read = Int(8 * 2**20, min=1, config=True, help="At most so many bytes of an output in one answer.")

    def initialize_settings(self) -> None:
        """One board and one thread pool for all requests; a test may bring its own source of jobs."""
        source = self.settings.get("nbprocess_source") or KnownJobs()
        self.settings["nbprocess_board"] = Board(
            source,
            max_jobs=self.max_jobs,
            max_log_lines=self.max_log_lines,
            max_read=self.max_read,
            list_seconds=self.list_seconds,
        )
        self.settings["nbprocess_threads"] = ThreadPoolExecutor(self.threads, thread_name_prefix="nbprocess")

    def initialize_handlers(self) -> None:
        """The REST routes."""
        self.handlers.extend(routes())

    async def stop_extension(self) -> None:
        """Do not wait for calls to AWS that are under way."""
        self.settings["nbprocess_threads"].shutdown(wait=False, cancel_futures=True)
