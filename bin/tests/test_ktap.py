"""KTAP in a kernel's log."""

from __future__ import annotations

from reseat import ktap

LOG = """[    0.1] Linux version
[    0.2] KTAP version 1
[    0.2] 1..2
[    0.2]     KTAP version 1
[    0.2]     # Subtest: one
[    0.2]     # module: one
[    0.2]     1..4
[    0.2]         KTAP version 1
[    0.2]         # Subtest: many
[    0.2] pci 0000:40:00.0: said between
[    0.2]         ok 1 flr
[    0.2]     # many: EXPECTATION FAILED at one.c:10
[    0.2]     Expected a == b, but
[    0.2]         a == 1 (0x1)
[    0.2]         not ok 2 bus reset
[    0.2]     # many: pass:1 fail:1 skip:0 total:2
[    0.2]     not ok 1 many
[    0.2]     ok 2 plain
[    0.2]     # slow.speed: slow
[    0.2]     ok 3 slow # SKIP too slow
[    0.2]     # bad: ASSERTION FAILED at one.c:20
[    0.2]     Expected c to be true, but is false
[    0.2]     not ok 4 bad
[    0.2] # one: pass:1 fail:2 skip:1 total:4
[    0.2] not ok 1 one
[    0.2]     KTAP version 1
[    0.2]     # Subtest: two
[    0.2]     1..1
[    0.2]     ok 1 only
[    0.2] ok 2 two
[    0.3] reboot: Power down
"""


def outcomes(log: str) -> list[tuple[str, str]]:
    return [(r.outcome, r.name) for r in ktap.parse(log, "uml")]


def test_nested_results_with_reasons() -> None:
    results = ktap.parse(LOG, "uml")
    assert [(r.outcome, r.name) for r in results] == [
        ("pass", "one: many: flr"), ("fail", "one: many: bus reset"), ("pass", "one: plain"), ("skip", "one: slow"),
        ("fail", "one: bad"), ("pass", "two: only")]
    assert results[1].reason == "many: EXPECTATION FAILED at one.c:10; Expected a == b, but; a == 1 (0x1)"
    assert results[3].reason == "too slow"
    assert results[4].reason == "bad: ASSERTION FAILED at one.c:20; Expected c to be true, but is false"


def test_without_time_stamps_too() -> None:
    assert outcomes("\n".join(line.partition("] ")[2] for line in LOG.splitlines())) == outcomes(LOG)


def test_a_log_without_ktap_has_no_results() -> None:
    assert ktap.parse("Kernel panic - not syncing\n", "uml") == []


def test_a_kernel_that_dies_in_a_case() -> None:
    cut = LOG[:LOG.index("[    0.2]     # slow")] + "[    0.2] Kernel panic - not syncing: Oops\n"
    assert outcomes(cut) == [("pass", "one: many: flr"), ("fail", "one: many: bus reset"), ("pass", "one: plain"),
                             ("fail", "one: after plain")]


def test_a_kernel_that_dies_between_suites() -> None:
    cut = LOG[:LOG.index("[    0.2]     KTAP version 1\n[    0.2]     # Subtest: two")]
    assert outcomes(cut)[-1] == ("fail", "after one: bad")
    assert len(outcomes(cut)) == 6


def test_a_kernel_that_dies_before_the_first_case() -> None:
    log = "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: one\n    1..3\n"
    assert outcomes(log) == [("fail", "one: start")]
    assert outcomes("KTAP version 1\n") == [("fail", "start")]


def test_a_suite_whose_setup_fails() -> None:
    log = ("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: one\n    1..1\n    ok 1 a\n"
           "    # exit failed\nnot ok 1 one\n")
    assert outcomes(log) == [("pass", "one: a"), ("fail", "one")]


def test_fewer_than_planned() -> None:
    log = "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: one\n    1..2\n    ok 1 a\nok 1 one\n"
    assert outcomes(log) == [("pass", "one: a"), ("fail", "one")]
