"""Work beside other work."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from reseat import beside, common


def _fails() -> int:
    raise common.Error("no disk")


def _dies() -> int:
    os._exit(3)


def test_results_come_in_order() -> None:
    def late() -> int:
        time.sleep(0.2)
        return 1

    assert beside.every([late, lambda: 2, lambda: 3], 2) == [1, 2, 3]


def test_two_at_once(tmp_path: Path) -> None:
    """Each waits until the other has started."""

    def meet(mine: str, other: str) -> bool:
        (tmp_path / mine).touch()
        end = time.monotonic() + 30
        while not (tmp_path / other).exists() and time.monotonic() < end:
            time.sleep(0.01)
        return (tmp_path / other).exists()

    assert beside.every([lambda: meet("a", "b"), lambda: meet("b", "a")], 2) == [True, True]


def test_not_more_than_that(tmp_path: Path) -> None:
    def alone() -> int:
        (tmp_path / "lock").mkdir()
        time.sleep(0.05)
        (tmp_path / "lock").rmdir()
        return os.getpid()

    assert len(set(beside.every([alone] * 3, 1))) == 3


def test_an_error_is_raised_here() -> None:
    with pytest.raises(common.Error, match="no disk"):
        beside.every([_fails])
    with pytest.raises(common.Error, match="without a result"):
        beside.every([_dies])


def test_what_is_left_alone_is_ended(tmp_path: Path) -> None:
    def works() -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        (tmp_path / "started").touch()
        try:
            time.sleep(60)
        finally:
            (tmp_path / "tidied").touch()

    with beside.Task(works):
        while not (tmp_path / "started").exists():
            time.sleep(0.01)
    assert (tmp_path / "tidied").exists()
