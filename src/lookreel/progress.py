"""Progress on stderr: a bar with the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

LINE_EVERY = 10.0  # seconds between lines where there is no terminal


class Progress:
    """`with Progress("steps", total) as progress: ... progress(done, note)`; stdout stays free for results.

    total: None where only the first call tells it. done: steps that were behind us before the start (resuming).
    """

    def __init__(self, title: str, total: int | None = None, done: int = 0) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.title, self.total, self.first = title, total, done
        self._bar = Bar(*columns, console=console) if console.is_terminal else None
        self._task = self._bar.add_task(title, total=total, completed=done, note="") if self._bar else None
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, done: int, note: str = "", total: int | None = None) -> None:
        """`done` steps are behind us; note: what to show beside them."""
        self.total = total or self.total
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done, total=self.total, note=note)
        else:
            self._line(done, note)

    def _line(self, done: int, note: str) -> None:
        now = time.monotonic()
        if done not in (self.first + 1, self.total) and now - self._last < LINE_EVERY:
            return
        self._last = now
        left = (now - self._start) / max(done - self.first, 1) * ((self.total or done) - done)
        text = f"lookreel: {self.title} {done}/{self.total}, about {_clock(left)} left"
        print(f"{text}, {note}" if note else text, file=sys.stderr, flush=True)


class Stages:
    """One progress bar after the other: a new stage closes the bar of the one before.

    `with Stages() as stages: ... stages(stage, done, total)`; what is done at a stage's first call was done before.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._bar: Progress | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.__exit__()
            self._stage, self._bar = stage, Progress(stage, total, done)
            self._bar.__enter__()
        if self._bar is not None and done:
            self._bar(done)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
