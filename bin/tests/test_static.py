"""The static checks: what is new, what is allowed, what a patch touches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reseat import common, compose, objects, outcomes, patchbuild, static

MAKE = """make[1]: Entering directory '/x'
  GEN     Makefile
  CC      drivers/pci/pci.o
../drivers/pci/pci.c:10:5: warning: unused variable 'a' [-Wunused-variable]
../include/linux/pci.h: In function 'x':
../include/linux/pci.h:7:1: warning: odd
  CHECK   ../drivers/pci/pci.c
../drivers/pci/pci.c:30:5: warning: incorrect type in argument 1
../drivers/pci/pci.c:30:5:    expected int
  CC [M]  drivers/vfio/vfio.o
../drivers/vfio/vfio.c:3:1: error: expected ';'
  AR      drivers/pci/built-in.a
"""


def test_messages_belong_to_the_file_that_was_compiled() -> None:
    said = objects.by_file(MAKE)
    assert said["drivers/pci/pci.c"] == Counter({
        "drivers/pci/pci.c: warning: unused variable 'a' [-Wunused-variable]": 1,
        "include/linux/pci.h: warning: odd": 1,
        "drivers/pci/pci.c: warning: incorrect type in argument 1": 1})
    assert said["drivers/vfio/vfio.c"] == Counter({"drivers/vfio/vfio.c: error: expected ';'": 1})


def test_line_numbers_do_not_count() -> None:
    text = ("drivers/a.c:10:5: warning: x\ndrivers/a.c:99: warning: x\n"
            "Warning: drivers/b.c:5 missing description of 'x'\n")
    assert objects.warnings(text) == Counter({"drivers/a.c: warning: x": 2,
                                                 "drivers/b.c: warning: missing description of 'x'": 1})


def test_what_is_no_part_of_a_kernel() -> None:
    assert patchbuild.is_kernel("drivers/pci/pci.c")
    assert not patchbuild.is_kernel("tools/testing/selftests/pci/x.c") and not patchbuild.is_kernel("Documentation/a.c")


def test_what_changes_an_interface() -> None:
    head = "--- a/include/linux/pci.h\n+++ b/include/linux/pci.h\n@@ -1 +1 @@\n"
    assert patchbuild.changes_interface(head + "-int f(void);\n+int f(int);\n")
    assert not patchbuild.changes_interface(head + "+\n+ * a comment\n-/* another */\n")
    assert not patchbuild.changes_interface("")
    assert patchbuild.changed_names(head + "-int pci_f(void);\n+struct pci_dev *pci_f(int);\n+#define PCI_G 1\n+ * of pci_h()\n"
                                    "+TRACE_EVENT(pci_i,\n+\tTP_PROTO(int x),\n") == {"pci_f", "PCI_G"}


def test_outcomes_are_kept() -> None:
    key = outcomes.key("a", "b")
    assert key != outcomes.key("ab") and outcomes.recall(key) is None
    outcomes.remember(key, ["x"])
    assert outcomes.recall(key) == ["x"]


def test_exceptions_need_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "checkpatch"
    path.write_text("# comment\n\n0010-x.patch MACRO_ARG_REUSE  it is a constant\n")
    assert static.exceptions(path) == [static.Allowed("0010-x.patch", "MACRO_ARG_REUSE", "it is a constant")]
    path.write_text("0010-x.patch MACRO_ARG_REUSE\n")
    with pytest.raises(common.Error, match="checkpatch:1"):
        static.exceptions(path)


def test_messages_of_checkpatch_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    patches = [compose.Patch(f"00{n}0-x.patch", "x", "c", "p", "") for n in (1, 2, 3)]
    said = {"0010-x.patch": [("LONG_LINE", "line over 100")], "0020-x.patch": [("LONG_LINE", "line over 100")],
            "0030-x.patch": []}
    monkeypatch.setattr(static, "_messages", lambda patch, composed, log: said[patch.name])
    monkeypatch.setattr(static, "exceptions", lambda: [static.Allowed("0020-x.patch", "LONG_LINE", "a table"),
                                                       static.Allowed("0030-x.patch", "LONG_LINE", "a table")])
    found = static.checkpatch(compose.Composed("b", "t", patches))
    assert [(r.name, r.outcome) for r in found] == [
        ("0010-x.patch: checkpatch", "fail"), ("0020-x.patch: checkpatch", "pass"),
        ("0030-x.patch: checkpatch", "pass"),
        ("0030-x.patch: checkpatch exception LONG_LINE", "fail")]


def test_the_list_of_exceptions_reads() -> None:
    static.exceptions()


def test_shell_scripts(tmp_path: Path) -> None:
    common.run(["git", "init", "-q", tmp_path])
    (tmp_path / "good.sh").write_text("#!/bin/sh\necho \"$1\"\n")
    (tmp_path / "bad").write_text("#!/usr/bin/env bash\necho $1\n")
    (tmp_path / "text").write_text("echo $1\n")
    found = static.shell_scripts(tmp_path)
    if found[0].outcome == "skip":
        pytest.skip("no shellcheck")
    assert [(r.name, r.outcome) for r in found] == [("shellcheck bad", "fail"), ("shellcheck good.sh", "pass")]
    assert "SC2086" in found[0].reason


def test_what_no_configuration_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patchbuild, "ELSEWHERE", tmp_path / "uncompiled")
    patchbuild.ELSEWHERE.write_text("# files\n\narch/sh/a.c  sh, defconfig\n")
    assert patchbuild.elsewhere() == {"arch/sh/a.c"}
    patchbuild.ELSEWHERE.write_text("arch/sh/a.c\n")
    with pytest.raises(common.Error, match="two blanks"):
        patchbuild.elsewhere()


def test_what_the_parent_says_of_a_header_is_known() -> None:
    """Whoever includes it gets its messages; what is said of the file itself is counted."""
    header, own = "include/a.h: warning: cast", "x.c: warning: cast"
    before = objects.Said(frozenset({"y.c"}), {"y.c": Counter({header: 1})})
    after = objects.Said(frozenset({"x.c", "y.c"}), {"x.c": Counter({header: 3, own: 1}), "y.c": Counter({header: 2})})
    assert patchbuild.new_messages(["x.c", "y.c"], before, after) == [own]
    assert patchbuild.new_messages(["x.c"], objects.Said(frozenset(), {}), after) == [header] * 3 + [own]


def test_a_check_in_a_hurry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled before counts; what was not is skipped, and says so, and nothing else is made of that."""
    patches = [compose.Patch(f"00{n}0-x.patch", "x", f"c{n}", f"c{n - 1}", "") for n in (1, 2)]
    monkeypatch.setattr(patchbuild, "ELSEWHERE", tmp_path / "uncompiled")
    patchbuild.ELSEWHERE.write_text("arch/sh/a.c  sh, defconfig\n")
    monkeypatch.setattr(patchbuild.sparse, "ensure", lambda: tmp_path)
    monkeypatch.setattr(patchbuild.Objects, "key", lambda self: "key")
    monkeypatch.setattr(patchbuild, "touched", lambda patch: ["drivers/a.c"])
    monkeypatch.setattr(patchbuild.base, "git", lambda *args, **how: "")
    monkeypatch.setattr(patchbuild.outcomes, "recall", lambda key: ["built drivers/a.c"] if "c1" in key else None)
    monkeypatch.setattr(patchbuild.outcomes, "key", lambda *parts: " ".join(parts[2:3]))
    found = patchbuild.check(compose.Composed("c0", "c2", patches), hurry=lambda: True)
    assert [(r.name, r.outcome) for r in found] == [("0010-x.patch: builds on x86_64, W=1 and sparse", "pass"),
                                                   ("0020-x.patch: builds on x86_64, W=1 and sparse", "skip")]
