"""Work beside other work: functions in child processes, for what keeps one processor busy, as a machine does."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from . import common

T = TypeVar("T")
_FORK = multiprocessing.get_context("fork")  # the function need not be pickled, only what it returns


class Task(Generic[T]):
    """A function that runs in a process of its own. On leaving the context it is ended, with all that it started."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.pipe, there = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=_child, args=(work, there))
        self._process.start()
        there.close()

    def __enter__(self) -> Task[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def result(self) -> T:
        """Wait for it; an Error that it raised is raised here."""
        try:
            value, error = self.pipe.recv()
        except EOFError:
            raise common.Error("a part of this ended without a result; what it said stands above") from None
        if error:
            raise common.Error(error)
        return value  # type: ignore[no-any-return]


def _child(work: Callable[[], T], pipe: Connection) -> None:
    said: tuple[Any, str]
    with contextlib.suppress(KeyboardInterrupt):  # which is told by the one who waits for us
        try:
            said = (work(), "")
        except common.Error as e:
            said = (None, str(e))
        pipe.send(said)


def every(work: Sequence[Callable[[], T]], at_once: int = 0) -> list[T]:
    """Run all of them, @at_once at a time, by default as many as there are processors; what they return, in order."""
    at_once = at_once or len(os.sched_getaffinity(0))
    todo = list(enumerate(work))
    running: dict[object, tuple[int, Task[T]]] = {}
    done: dict[int, T] = {}
    with contextlib.ExitStack() as stack:
        while todo or running:
            while todo and len(running) < at_once:
                n, function = todo.pop(0)
                task = stack.enter_context(Task(function))
                running[task.pipe] = (n, task)
            for pipe in wait([task.pipe for _, task in running.values()]):
                n, task = running.pop(pipe)
                done[n] = task.result()
    return [done[n] for n in sorted(done)]
