"""What is to fail on the base: reading it from the patches, and judging results by it."""

from __future__ import annotations

import pytest

from reseat import common, onbase
from reseat.result import Result

NOTES = "Seen on q35.\nfails without it: pci-reset: stale*  wrote [0-9]+ times\nfails without it: a test  ."


def known() -> list[onbase.Proof]:
    """The proofs of NOTES."""
    return onbase.parse("PCI: Fix it", NOTES)


def test_parse() -> None:
    """Other lines of the notes are for people."""
    assert [(p.test, p.reason) for p in onbase.parse("PCI: Fix it", NOTES)] == [
        ("pci-reset: stale*", "wrote [0-9]+ times"), ("a test", ".")]


@pytest.mark.parametrize("line", ["fails without it: only a name", "fails without it: ", "fails without it: x  ["])
def test_parse_refuses(line: str) -> None:
    """A line that names no reason, or no regular expression, would prove nothing."""
    with pytest.raises(common.Error, match="PCI: Fix it"):
        onbase.parse("PCI: Fix it", line)


@pytest.mark.parametrize(("outcome", "reason", "judged"), [
    ("fail", "wrote 3 times", "pass"), ("fail", "something else", "fail"), ("pass", "", "fail"), ("skip", "no", "skip")])
def test_judge(outcome: str, reason: str, judged: str) -> None:
    """Only the failure that was announced is what it should be."""
    assert onbase.judge([Result("kunit", "pci-reset: stale: bus", outcome, reason)], known())[0].outcome == judged


def test_judge_leaves_the_others() -> None:
    """A test that no patch speaks of has to pass on the base as well."""
    results = [Result("kunit", "other", "fail", "broken"), Result("kunit", "another", "pass")]
    assert onbase.judge(results, known()) == results


def test_unproved() -> None:
    """A proof whose test is gone is found."""
    left = onbase.unproved([Result("kunit", "pci-reset: stale: bus", "pass")], known())
    assert [r.name for r in left] == ["'a test' on the base"]


def test_a_case_that_is_skipped_is_not_gone() -> None:
    """The only result of a case that is skipped speaks of all its tests; one that ran without a test has lost it."""
    proofs = onbase.parse("A", "fails without it: power: no circle of locks  circular")
    assert onbase.unproved([Result("selftest", "power", "skip", "not here")], proofs) == []
    assert len(onbase.unproved([Result("selftest", "power", "fail")], proofs)) == 1
    assert len(onbase.unproved([Result("selftest", "pow", "skip", "not here")], proofs)) == 1


def test_luck_is_no_proof() -> None:
    """What may fail on the base is not held against it, whether it does or not; another reason is."""
    proofs = onbase.parse("A", "may fail without it: x  slow")
    results = [Result("t", "x", "pass"), Result("t", "x", "fail", "too slow"), Result("t", "x", "fail", "dead")]
    assert [r.outcome for r in onbase.judge(results, proofs)] == ["pass", "pass", "fail"]
    assert onbase.unproved([], proofs) == []
