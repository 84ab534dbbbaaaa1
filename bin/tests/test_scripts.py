"""What runs in the guests, as far as that can be seen from here: every script parses and may be executed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reseat import common, rootfs

HARNESS = common.ROOT / "harness"
SELFTESTS = common.ROOT / "tools/testing/selftests/pci"
SCRIPTS = [HARNESS / "init", HARNESS / "demo", *(HARNESS / "stress" / n for n in ("run", "pair")), common.ROOT / "bench" / "measure",
           *sorted((HARNESS / "bin").iterdir()), *sorted((HARNESS / "cases").iterdir()),
           *sorted(SELFTESTS.glob("*_test.sh"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_script(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/bash\n")
    assert script.stat().st_mode & 0o111 == 0o111
    subprocess.run(["bash", "-n", script], check=True)


def test_sourced() -> None:
    for script in (SELFTESTS / "lib.sh", HARNESS / "profile"):
        subprocess.run(["bash", "-n", script], check=True)
    subprocess.run(["bash", "-n"], input=rootfs.FIRST_TEXT.encode(), check=True)


def test_every_selftest_is_run_by_a_case() -> None:
    """A kselftest that no machine runs would rot."""
    cases = "".join(p.read_text() for p in (HARNESS / "cases").iterdir())
    assert [t.name for t in SELFTESTS.glob("*_test.sh") if t.name not in cases] == []
