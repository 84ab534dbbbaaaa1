"""Removing the caches, without pulling them from under another run."""

from __future__ import annotations

import contextlib
import time

from . import common


def clean() -> None:
    """Remove everything in the cache folder; waits for runs that hold a part of it."""
    top = common.cache()
    if not top.exists():
        common.say(f"{top}: nothing there")
        return
    with contextlib.ExitStack() as held:
        _hold_all(held)
        for path in sorted(top.iterdir()):
            if path.name != "locks":  # a run that waits has these open: a new file would be another lock
                common.say(f"removing {path}")
                common.remove(path)


def _hold_all(held: contextlib.ExitStack) -> None:
    """Take every lock. One that is in use means to let go of all, wait, and begin again: runs hold several at once."""
    folder = common.cache() / "locks"
    told = False
    while True:
        with contextlib.ExitStack() as mine:
            files = sorted(folder.iterdir()) if folder.exists() else []
            if all(mine.enter_context(common.try_lock(file)) for file in files):
                held.push(mine.pop_all())
                return
        if not told:
            common.say("waiting for another run that uses the caches")
            told = True
        time.sleep(1)
