"""KTAP, as KUnit prints it to the kernel's log: nested results become a list of those with no others below them."""

from __future__ import annotations

import dataclasses
import re

from .result import Result

_STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[[^]]*\])? ")
_LINE = re.compile(r"( *)(not )?ok (\d+)(?: -)?(?: (\S.*?))??(?: # (SKIP|TODO|XFAIL)\b ?(.*))?")
_PLAN = re.compile(r"( *)1\.\.(\d+)")
_SUBTEST = re.compile(r"( *)# Subtest: (.*)")
_SPEED = re.compile(r"# \S+(?:\.speed: \S+|: (?:pass|Test should be marked slow).*|: Totals:.*)")
_REASON = 400  # characters of a failure's reason


@dataclasses.dataclass
class _Level:
    """What is known of one nesting level since its plan."""

    plan: int | None = None
    title: str = ""
    seen: int = 0
    below: list[Result] = dataclasses.field(default_factory=list)
    remarks: list[str] = dataclasses.field(default_factory=list)


def parse(log: str, kernel: str) -> list[Result]:
    """The results in a kernel's log, named `suite: case` or `suite: case: parameter`.

    What was announced and never came (the kernel died) is one failure, named after where it happened.
    """
    return _Parser(kernel).run(log)


class _Parser:
    """Reads a log line by line. levels[0] holds the suites, the ones above it what runs inside."""

    def __init__(self, kernel: str) -> None:
        self.kernel = kernel
        self.levels: list[_Level] = []

    def run(self, log: str) -> list[Result]:
        started = False
        for raw in log.splitlines():
            line = _STAMP.sub("", raw.rstrip("\r\n"))
            if line.strip() == "KTAP version 1" and not started:
                started, self.levels = True, [_Level()]
            elif started:
                self._line(line)
        if not started:
            return []
        self._lost()
        return self.levels[0].below

    def _line(self, line: str) -> None:
        if m := _LINE.fullmatch(line):
            self._result(len(m[1]) // 4, m)
        elif m := _PLAN.fullmatch(line):
            self._at(len(m[1]) // 4).plan = int(m[2])
        elif m := _SUBTEST.fullmatch(line):
            self._at(len(m[1]) // 4).title = m[2]
        elif line.startswith(" ") and line.strip() != "KTAP version 1" and not _SPEED.match(line.strip()):
            self.levels[-1].remarks.append(line.strip())

    def _at(self, depth: int) -> _Level:
        while len(self.levels) <= depth:
            self.levels.append(_Level())
        return self.levels[depth]

    def _result(self, depth: int, m: re.Match[str]) -> None:
        level = self._at(depth)
        if len(self.levels) > depth + 2:  # a level in between said nothing about itself
            self._lost(depth + 1)
        inner = self.levels.pop() if len(self.levels) > depth + 1 else None
        name = m[4] or m[3]
        level.seen += 1
        outcome = "skip" if m[5] == "SKIP" else "fail" if m[2] and not m[5] else "pass"
        remarks = (inner.remarks if inner else []) + level.remarks
        level.remarks = []
        if inner:
            level.below += [dataclasses.replace(r, name=f"{name}: {r.name}") for r in inner.below]
            if inner.plan is not None and inner.plan != inner.seen:
                level.below.append(self._leaf(name, "fail", f"{inner.plan} planned, {inner.seen} reported"))
                return
            if inner.seen and (outcome != "fail" or any(r.outcome == "fail" for r in inner.below)):
                return
        if outcome == "skip":
            level.below.append(self._leaf(name, "skip", m[6] or "no reason given"))
        else:
            level.below.append(self._leaf(name, outcome, _why(remarks) if outcome == "fail" else ""))

    def _leaf(self, name: str, outcome: str, reason: str) -> Result:
        return Result("kunit", name, outcome, reason, self.kernel)

    def _lost(self, down_to: int = 0) -> None:
        """Close what never ended, as a failure of its own."""
        while True:
            top = self.levels[-1]
            incomplete = top.plan is None or top.seen < top.plan
            if len(self.levels) - 1 == down_to:
                if incomplete and not any(r.outcome == "fail" and "ended" in r.reason for r in top.below):
                    top.below.append(self._leaf(f"after {top.below[-1].name}" if top.below else "start", "fail",
                                                "the run ended before its tests did"))
                return
            self.levels.pop()
            what = top.title or "unnamed"
            below = [dataclasses.replace(r, name=f"{what}: {r.name}") for r in top.below]
            if not any(r.outcome == "fail" and "ended" in r.reason for r in below):
                where = f"after {top.below[-1].name}" if top.below else "start"
                below.append(self._leaf(f"{what}: {where}", "fail",
                                        "the run ended in it" + (f": {_why(top.remarks)}" if top.remarks else "")))
            self.levels[-1].below += below
            self.levels[-1].seen += 1


def _why(remarks: list[str]) -> str:
    """The first failure that a case reported, on one line."""
    for n, text in enumerate(remarks):
        if "FAILED at" in text or "failed" in text.lower():
            return "; ".join([text.lstrip("# "), *remarks[n + 1:n + 6]])[:_REASON]
    return "; ".join(remarks[-3:])[:_REASON] or "not ok"
