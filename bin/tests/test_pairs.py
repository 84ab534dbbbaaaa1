"""Pairs: which there are, what is chosen, and how the end of one is told."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from reseat import common, pairs, stress
from reseat.result import Result

PAIR = pairs.Pair("igb", "power", "rescan")


def test_every_operation_is_there() -> None:
    text = (stress.FOLDER / "pair").read_text()
    for name in pairs.OPERATIONS:
        assert f"\n{name}()\n{{\n" in text or (stress.FOLDER / f"{name}.sh").exists()


def test_each_meets_each_and_itself_once() -> None:
    of = [{p.first, p.second} for p in pairs.every() if p.device == "igb"]
    assert len(of) == 14 * 15 / 2 and all(of.count(p) == 1 for p in of)
    assert {frozenset(p) for p in of} >= {frozenset({"vfio"}), frozenset({"vfio", "numvfs_up"})}


def test_rows_are_all_pairs() -> None:
    assert [p for row in pairs.rows() for p in pairs.select(row)] == list(pairs.every())


@pytest.mark.parametrize(("matrix", "count"), [
    ("locks", 210), ("locks-nvme", 105), ("locks-igb-bind", 8), ("locks-igb-power-rescan", 0), ("locks-igb-rescan-power", 1)])
def test_select(matrix: str, count: int) -> None:
    if count:
        assert len(pairs.select(matrix)) == count
    else:
        with pytest.raises(common.Error, match=f"unknown MATRIX '{matrix}'"):
            pairs.select(matrix)


@pytest.mark.parametrize("matrix", ["lock", "locksmith", "locks-", "locks-igb-frob"])
def test_unknown(matrix: str) -> None:
    with pytest.raises(common.Error, match="unknown MATRIX"):
        pairs.select(matrix)


def test_what_plugs_in_is_the_topology_s() -> None:
    assert PAIR.case().command == "/harness/stress/pair IGB power rescan driver=igb id=igb bus=rp1"
    nvme = pairs.Pair("nvme", "reset", "reset").case().command
    assert "PF1 reset reset driver=nvme id=pf1 " in nvme and " sriov_max_vfs=4 " in nvme


def test_what_is_not_possible() -> None:
    assert "without a power controller" in pairs.Pair("igb", "button", "surprise").impossible
    assert pairs.Pair("nvme", "button", "vfio").impossible
    assert "assertion" in pairs.Pair("nvme", "surprise", "vfio").impossible
    assert not pairs.Pair("nvme", "reset", "vfio").impossible


def test_what_is_pulled_has_no_power_controller() -> None:
    pair = pairs.Pair("igb", "reset", "surprise")
    assert not pair.impossible and pair.case().command.endswith("pair IGB1 reset surprise driver=igb id=igb1 bus=rp4")


def fail(reason: str) -> Result:
    return Result("selftest", PAIR.name, "fail", reason)


@pytest.mark.parametrize(("reason", "log", "how"), [
    ("bailed out: power makes no progress for 30 s", "INFO: task bash:1 blocked for more than 10 seconds", "hang"),
    ("the guest fell silent; its log", "", "hang"),
    ("kernel: INFO: task bash:1 blocked for more than 10 seconds", "INFO: task bash:1 blocked for more than 10", "splat"),
    ("kernel: WARNING: possible circular locking dependency", "WARNING: possible circular locking", "splat"),
    ("bailed out: power makes no progress for 30 s", "[ 1.0] Oops: general protection fault", "crash"),
    ("the guest's kernel died", "", "crash"),
    ("rounds: power 3, rescan 100", "", "fail"),
])
def test_how_it_ended(reason: str, log: str, how: str) -> None:
    found = [Result("selftest", f"{PAIR.name}: the device works as before", "pass"), fail(reason)]
    assert pairs.classify(found, log) == how
    r = pairs.summed(PAIR, found, log, base=True)
    assert (r.name, r.outcome) == ("locks-igb-power-rescan", "fail")
    assert r.reason.startswith(f"{how}: {reason}")
    assert r.reason.endswith("(again: make stress MATRIX=locks-igb-power-rescan BASE=1)")


def test_a_pair_that_passes_says_its_rounds() -> None:
    found = [Result("selftest", f"{PAIR.name}: 10 rounds of each", "pass")]
    r = pairs.summed(PAIR, found, "x\n# rounds: power 11, rescan 99\n", base=False)
    assert (r.name, r.outcome, r.reason) == ("locks-igb-power-rescan", "pass", "rounds: power 11, rescan 99")


def test_table() -> None:
    of = {("power", "rescan"): "hang: why", ("power", "power"): "crash: why", ("power", "reset"): ""}
    results = [Result("selftest", p.name, "fail" if why else "pass", why)
               for p in pairs.every() if (why := of.get((p.first, p.second), of.get((p.second, p.first)))) is not None]
    results += [Result("selftest", p.name, "skip", p.impossible) for p in pairs.every() if p.impossible]
    lines = pairs.table("igb", results).splitlines()
    assert lines[0].split() == list("abcdefghijklmn")
    row = {line.split()[1]: line for line in lines[1:15]}
    column = {name: lines[0].index(letter) for name, letter in zip(pairs.OPERATIONS, "abcdefghijklmn")}
    assert row["power"][column["power"]] == "C" and row["power"][column["reset"]] == "."
    assert row["rescan"][column["power"]] == "H" and row["surprise"][column["power"]] == "-"
    assert lines[-2] == "5 pairs: 1 ok, 1 hang, 1 crash, 2 n/a"


def test_table_of_a_judged_base() -> None:
    assert pairs.mark(Result("selftest", PAIR.name, "pass", "fails on the base as it should: hang: why")) == "H"


def test_a_machine_a_pair_on_the_base_but_for_what_it_does_not_know() -> None:
    todo = [pairs.Pair("igb", *o).case() for o in (("power", "reset"), ("recover", "reset"), ("reset", "reset"), ("bind", "recover"))]
    assert [[c.name for c in group] for group in pairs._machines(todo)] == [
        ["locks-igb-recover-reset", "locks-igb-bind-recover"], ["locks-igb-power-reset"], ["locks-igb-reset-reset"]]
    assert [len(group) for group in pairs._machines(todo[:1])] == [1]


def play(tmp_path: Path, first: str, second: str) -> tuple[int, str]:
    """Play harness/stress/pair here, with operations that touch nothing and a device that is a folder."""
    kselftest, top, pci = tmp_path / "kselftest" / "pci", tmp_path / "stress", tmp_path / "devices"
    device = pci / "0000:01:00.0"
    for folder in (kselftest, top, device, tmp_path / "slots" / "1", tmp_path / "drivers" / "d"):
        folder.mkdir(parents=True)
    (device / "driver").symlink_to(tmp_path / "drivers" / "d")
    for vf in ("virtfn0", "virtfn1"):
        (device / vf).symlink_to(device)
    (device / "sriov_totalvfs").write_text("2\n")
    (tmp_path / "slots" / "1" / "address").write_text("0000:01:00\n")
    (tmp_path / "slots" / "1" / "power").write_text("1\n")
    library = (common.ROOT / "tools/testing/selftests/pci/lib.sh").read_text()
    library = library.replace("PCI=/sys/bus/pci/devices", f"PCI={pci}").replace(". \"$DIR\"/../kselftest/ktap_helpers.sh", """
        ktap_print_header() { :; }
        ktap_set_plan() { echo "1..$1"; }
        ktap_test_pass() { echo "ok 1 $1"; }
        ktap_test_fail() { echo "not ok 1 $1"; }
        ktap_finished() { :; }
    """)
    (kselftest / "lib.sh").write_text(f"{library}\ncapability() {{ echo 64; }}\n")
    text = (stress.FOLDER / "pair").read_text()
    for old, new in (("SECONDS_A_PAIR=20", "SECONDS_A_PAIR=1"), ("ROUNDS=10", "ROUNDS=3"), ("HANG_SECONDS=30", "HANG_SECONDS=4"),
                     ("MOST_SECONDS=600", "MOST_SECONDS=6"), ("MOST_LEAD=15", "MOST_LEAD=2"),
                     ("/proc/sysrq-trigger", "/dev/null"), ("/proc/sys/kernel/hung_task_timeout_secs", "/dev/null"),
                     ("/sys/bus/pci/slots", str(tmp_path / "slots")), ("/sys/bus/pci/drivers", str(tmp_path / "drivers"))):
        assert old in text
        text = text.replace(old, new)
    (top / "pair").write_text(text)
    for name, body in (("works_", ":"), ("fails_", "false"), ("hangs_", "command sleep 20")):
        (top / f"{name}.sh").write_text(f"{name}()\n{{\n\t{body}\n}}\n")
    output = tmp_path / "output"
    with output.open("w") as f:  # a file: what hangs keeps it open
        p = subprocess.run(["bash", top / "pair", "IGB", first, second, "driver=igb", "id=igb"], stdout=f, stderr=f, timeout=60,
                           check=False, env=common.clean_env(KSELFTEST=str(kselftest.parent), IGB=device.name))
    return p.returncode, output.read_text()


def test_both_do_their_rounds(tmp_path: Path) -> None:
    status, text = play(tmp_path, "works_", "works_")
    lines = text.splitlines()
    assert (status, lines[0], lines[2:]) == (0, "1..2", ["ok 1 3 rounds of each", "ok 1 the device works as before"])
    rounds = re.fullmatch(r"# rounds: works_ (\d+), works_ (\d+)", lines[1])
    assert rounds and min(map(int, rounds.groups())) >= 3


def test_what_is_never_accepted_is_no_round(tmp_path: Path) -> None:
    _, text = play(tmp_path, "works_", "fails_")
    assert re.search(r"^# rounds: works_ \d+, fails_ 0\nnot ok 1 3 rounds of each$", text, re.M)
    assert "ok 1 the device works as before" in text


def test_a_task_without_progress_ends_it(tmp_path: Path) -> None:
    status, text = play(tmp_path, "works_", "hangs_")
    assert (status, text.splitlines()[-1]) == (1, "Bail out! hangs_ makes no progress for 4 s")
    assert re.search(r"^# task \d+ \(sleep 20 \): ", text, re.M)
