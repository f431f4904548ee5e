"""Work on many things in several processes, each started fresh, so that threads and devices are never inherited."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

from lookreel.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")


def each(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Result]]:
    """Every task with its result, as they are finished; `jobs` at a time, in this process where that is one.

    What `work` raises is raised here, and nothing more is begun. The processes end with this one, whatever ends it.
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start)
    try:
        running = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(running):
            yield running[future], future.result()
    except BrokenProcessPool as error:
        raise InputError(
            f"--jobs: a process of {jobs} was ended from outside (memory?); expected fewer jobs"
        ) from error
    finally:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _start() -> None:
    """In a new process: leave Ctrl-C to the first process, and end when that one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
