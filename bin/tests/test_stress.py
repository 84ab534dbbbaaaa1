"""Stress: which operations there are and are chosen, and what a schedule follows from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reseat import common, stress
from reseat.result import Result

KNOWN = [stress.Operation("bind", "About.", ""), stress.Operation("reset", "About.", ""),
         stress.Operation("vfs", "About.", "it deadlocks")]


def test_operations_define_their_function() -> None:
    for o in stress.operations():
        text = (stress.FOLDER / f"{o.name}.sh").read_text()
        assert f"\n{o.name}()\n{{\n" in text
        subprocess.run(["bash", "-n", stress.FOLDER / f"{o.name}.sh"], check=True)
    assert {"reset", "remove", "subordinate", "faults"} <= set(stress.choose("", stress.operations()))


def test_header(tmp_path: Path) -> None:
    file = tmp_path / "one.sh"
    file.write_text("# shellcheck shell=bash\n# SPDX-License-Identifier: GPL-2.0\n# Does\n# this.\n# off: it hangs\n\n# no\n")
    assert stress.parse(file) == stress.Operation("one", "Does this.", "it hangs")
    file.write_text("# SPDX-License-Identifier: GPL-2.0\none() {\n")
    with pytest.raises(common.Error, match="needs a sentence"):
        stress.parse(file)


@pytest.mark.parametrize(("matrix", "names"), [
    ("", ["bind", "reset"]), ("reset", ["reset"]), ("vfs,reset", ["reset", "vfs"]), ("reset bind", ["bind", "reset"])])
def test_what_is_off_is_run_when_named(matrix: str, names: list[str]) -> None:
    assert stress.choose(matrix, KNOWN) == names


@pytest.mark.parametrize("matrix", ["frob", "reset,frob"])
def test_unknown_operation(matrix: str) -> None:
    with pytest.raises(common.Error, match=r"unknown MATRIX 'frob': there are bind, reset, vfs \(off\)"):
        stress.choose(matrix, KNOWN)


def test_names_nothing() -> None:
    with pytest.raises(common.Error, match="names nothing"):
        stress.choose(",", KNOWN)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "1441", "٣", " 1"])
def test_no_number(text: str) -> None:
    with pytest.raises(common.Error, match="MINUTES='.*': a whole number from 1 to 1440"):
        stress.number("MINUTES", text, 1440)


def test_a_failure_says_how_to_repeat_it() -> None:
    found = stress._with_command(Result("selftest", "stress-12: bout 3", "fail", "why"), ["bind", "reset"], True)
    assert found.reason == "why (again: make stress MINUTES=1 SEED=12 MATRIX=bind,reset BASE=1)"
    found = stress._with_command(Result("selftest", "stress-12: bout 3", "pass"), ["bind", "reset"], True)
    assert found.reason == ""


def schedule(seed: int, tmp_path: Path) -> list[str]:
    """Play harness/stress/run here, with operations and devices that do nothing; what ran against what."""
    folder = tmp_path / "kselftest"
    (folder / "pci").mkdir(parents=True, exist_ok=True)
    # The library, but for what would look at this machine's devices.
    (folder / "pci" / "lib.sh").write_text("""
        msg() { echo "# $*"; }
        check() { shift; "$@"; }
        ktap_print_header() { :; }
        ktap_set_plan() { :; }
        ktap_finished() { :; }
        driver() { echo d; }
        set_methods() { :; }
        write() { :; }
        PCI=/
    """)
    run = (stress.FOLDER / "run").read_text().replace("SECONDS_A_BOUT=6", "SECONDS_A_BOUT=0")
    top = tmp_path / "stress"
    top.mkdir(exist_ok=True)
    (top / "run").write_text(run)
    for name in ("bind", "reset"):
        (top / f"{name}.sh").write_text(f"{name}()\n{{\n\t:\n}}\n")
    roles = {r: "tmp" for r in ("NVME", "FUNC0", "FUNC1", "ATS", "IGB", "VFIO")}
    p = subprocess.run(["bash", top / "run", str(seed), "4", "bind", "reset"], capture_output=True, text=True, check=True,
                       env=common.clean_env(KSELFTEST=str(folder), **roles))
    return [line for line in p.stdout.splitlines() if line.startswith("# bout: ")]


def test_a_seed_repeats_its_schedule(tmp_path: Path) -> None:
    first = schedule(7, tmp_path)
    assert len(first) == 4
    assert schedule(7, tmp_path) == first
    assert schedule(8, tmp_path) != first
