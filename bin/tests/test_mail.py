"""Stored patches: what they may look like, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reseat import mail
from reseat.common import Error

DIFF = "diff --git a/a/x.c b/a/x.c\n--- a/a/x.c\n+++ b/a/x.c\n@@ -1,2 +1,2 @@ int f(void)\n-a\n+b\n c\n"
TEXT = ("From: Jörg Ü <j@example.org>\nDate: Sat, 21 Nov 2026 03:31:08 -0830\nSubject: PCI: Do — it\n\nWhy.\n\n"
        "More.\n\nFixes: 123456789012 (\"x\")\n---\nadds: a/new.c\nedits: a/y.c\n\nA note.\n\nAnother.\n\n" + DIFF)


def test_format_is_the_opposite_of_parse() -> None:
    m = mail.parse(TEXT, "x")
    assert (m.author, m.subject) == ("Jörg Ü <j@example.org>", "PCI: Do — it")
    assert (m.adds, m.edits) == (("a/new.c",), ("a/y.c",))
    assert m.message == 'Why.\n\nMore.\n\nFixes: 123456789012 ("x")' and m.notes == "A note.\n\nAnother."
    assert m.diff == (mail.Edit("a/x.c", DIFF),)
    assert mail.format(m) == TEXT
    for less in ({"adds": (), "edits": ()}, {"notes": ""}, {"diff": ()}, {"notes": "", "diff": ()}):
        smaller = replace(m, **less)
        assert mail.parse(mail.format(smaller), "x") == smaller


@pytest.mark.parametrize(("old", "new", "why"), [
    ("Subject: PCI: Do — it\n", "", "without subject"),
    ("Subject: PCI: Do — it\n", "Subject: \n", "without subject"),
    ("From: Jörg Ü <j@example.org>\n", "", "without From"),
    ("From: Jörg Ü <j@example.org>\n", "From: someone\n", "is not 'Name <mail>'"),
    ("Date: Sat, 21 Nov 2026 03:31:08 -0830\n", "", "without Date"),
    ("Sat, 21 Nov 2026 03:31:08 -0830", "yesterday", "is not like"),
    ("Why.\n\nMore.\n\nFixes: 123456789012 (\"x\")\n", "", "without message"),
    ("\n---\n", "\n", "no line '---'"),
    ("Date:", "X-Other: x\nDate:", "the headers are"),
    ("PCI: Do", "fixup! PCI: Do", "left over"),
    ("PCI: Do", "squash! PCI: Do", "left over"),
    ("PCI: Do", "amend! PCI: Do", "left over"),
    ("PCI: Do", "[PATCH] PCI: Do", "git am strips"),
    ("More.", "diff -u a b", "for the start of the patch"),
    ("More.", "--- a/file", "for the start of the patch"),
    ("Why.", "From: him <x@example.org>", "for a header"),
    ("--- a/a/x.c", "new file mode 100644\n--- /dev/null", "is new in the diff"),
    ("diff --git a/a/x.c b/a/x.c\n", "diff --git a/a/x.c b/a/z.c\nrename from a/x.c\n", "a rename"),
    ("adds: a/new.c\n", "adds: a/new.c\nadds: a/new.c\n", "twice"),
])
def test_refuses(old: str, new: str, why: str) -> None:
    assert old in TEXT
    with pytest.raises(Error, match=why):
        mail.parse(TEXT.replace(old, new, 1), "series/0010-x.patch")


def test_refuses_a_patch_that_changes_nothing() -> None:
    with pytest.raises(Error, match="changes nothing"):
        mail.parse(TEXT[:TEXT.index("adds:")], "x")


def test_what_moves_with_others_is_not_a_change() -> None:
    m = mail.parse(TEXT, "x")
    moved = TEXT.replace("@@ -1,2 +1,2 @@ int f(void)", "@@ -41,2 +51,2 @@ int g(void)").replace(
        "--- a/a/x.c", "index 123456789012..210987654321 100644\n--- a/a/x.c")
    assert mail.parse(moved, "x").normal() == m.normal()
    assert mail.parse(TEXT.replace("+b", "+d"), "x").normal() != m.normal()
    assert mail.parse(TEXT.replace("Why.", "Why not."), "x").normal() != m.normal()


def test_dates_keep_their_zone() -> None:
    for date in ("1700000000 +0000", "1700000000 -0830", "951782400 +1345", "0 +0000"):
        assert mail._date(mail.format_date(date), "x") == date
    assert mail.format_date("1700000000 -0830") == "Tue, 14 Nov 2023 13:43:20 -0830"


def test_slug() -> None:
    assert mail.slug("PCI: Don't touch reset_methods[] (at all)...") == "PCI-Don-t-touch-reset_methods-at-all"
    assert len(mail.slug("x" * 200)) == 52
