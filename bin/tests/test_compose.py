"""The rules of composing, and what compose refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from minikernel import FILES, Base, Repo, make_base, sh
from reseat import compose, git, mail
from reseat.common import Error

EDIT, ADD, LATER = "0010-PCI-Fix-line-10.patch", "0020-PCI-Add-a-reset-file.patch", "0030-PCI-Use-the-reset-file.patch"
ADDED = "drivers/pci/reset.c"


def show(repo: Repo, what: str) -> str:
    """An object of the composed repository."""
    return sh(repo.base.git_dir, "git", "show", what)


def refuse(repo: Repo, why: str) -> None:
    """Composing fails, and says why."""
    with pytest.raises(Error, match=why):
        repo.compose()


def test_a_commit_a_patch_above_the_base(repo: Repo) -> None:
    c = repo.compose()
    assert [p.name for p in c.commits] == [EDIT, ADD, LATER]
    assert [p.section for p in c.commits] == ["# fixes", "# the core", "# the core"]
    assert [p.parent for p in c.commits] == [repo.base.commit, *(p.commit for p in c.commits[:2])]
    assert c.tip == c.commits[-1].commit and c.base == repo.base.commit
    log = show(repo, c.commits[0].commit)
    assert "Author: Reseat <reseat@example.org>" in log and "2023" in log
    assert "    PCI: Fix line 10\n    \n    Because." in log
    fields = sh(repo.base.git_dir, "git", "log", "-1", "--format=%an %ae %ai|%cn %ce %ci", c.tip).strip().split("|")
    assert fields[0] == fields[1]


def test_an_added_file_is_what_its_patch_brings(repo: Repo) -> None:
    c = repo.compose()
    assert "long reset_15;" in repo.read(ADDED)
    assert "int reset_15;" in show(repo, f"{c.commits[1].commit}:{ADDED}")
    assert show(repo, f"{c.tip}:{ADDED}") == repo.read(ADDED)
    repo.write(ADDED, repo.read(ADDED).replace("int reset_1;", "int reset_one;"))
    c = repo.compose()
    assert "int reset_one;" in show(repo, f"{c.commits[1].commit}:{ADDED}")
    assert "int reset_15;" in show(repo, f"{c.commits[1].commit}:{ADDED}")
    assert show(repo, f"{c.tip}:{ADDED}") == repo.read(ADDED)


def test_refuses_later_hunks_that_do_not_come_off(repo: Repo) -> None:
    repo.write(ADDED, repo.read(ADDED).replace("long reset_15", "short reset_15"))
    refuse(repo, rf"{LATER}: its hunks do not come off {ADDED}.*{ADDED}:12")


def test_the_same_files_give_the_same_commits(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = repo.compose()
    monkeypatch.setenv("GIT_COMMITTER_NAME", "someone")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    other = make_base(tmp_path / "elsewhere")
    assert compose.series(repo.root, other) == first


def test_nothing_is_done_when_nothing_changed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = repo.compose()
    monkeypatch.setattr(compose, "_changes", lambda *_: pytest.fail("composed again"))
    assert repo.compose() == first


def test_composes_again_when_the_commits_are_gone(repo: Repo, tmp_path: Path) -> None:
    first = repo.compose()
    shutil.rmtree(repo.base.git_dir)
    assert make_base(tmp_path) == repo.base
    assert repo.compose() == first


def test_an_empty_series_is_the_base(repo: Repo) -> None:
    for path in ("series/series", f"series/{EDIT}", f"series/{ADD}", f"series/{LATER}", ADDED):
        (repo.root / path).unlink()
    assert repo.compose() == compose.Composed(repo.base.commit, repo.base.commit, [])
    repo.write("series/series", "# only a comment\n")
    assert repo.compose().tip == repo.base.commit


def test_modes_and_links_are_kept(repo: Repo) -> None:
    repo.write("tools/pci/run.sh", "#!/bin/sh\n", 0o755)
    (repo.root / "drivers/pci/link.c").symlink_to("reset.c")
    repo.write("drivers/pci/run.sh", "#!/bin/sh\n", 0o755)
    (repo.root / "tools/pci/run.sh").unlink()
    repo.patch(ADD, adds=(ADDED, "drivers/pci/link.c", "drivers/pci/run.sh"))
    rows = sh(repo.base.git_dir, "git", "ls-tree", repo.compose().tip, "drivers/pci/")
    assert re.search(r"^120000 .*/link.c$", rows, re.M) and re.search(r"^100755 .*/run.sh$", rows, re.M)


def test_a_patch_may_delete_a_file_and_change_a_mode(repo: Repo) -> None:
    diff = ("diff --git a/drivers/pci/old.c b/drivers/pci/old.c\ndeleted file mode 100644\n--- a/drivers/pci/old.c\n"
            "+++ /dev/null\n@@ -1 +0,0 @@\n-int old;\n"
            "diff --git a/scripts/run.sh b/scripts/run.sh\nold mode 100755\nnew mode 100644\n")
    repo.patch(EDIT, diff=mail.split(diff, "x"))
    rows = sh(repo.base.git_dir, "git", "ls-tree", "-r", repo.compose().commits[0].commit)
    assert "old.c" not in rows and re.search(r"^100644 .*run.sh$", rows, re.M)


def test_refuses_fuzz(repo: Repo) -> None:
    repo.write(f"series/{EDIT}", repo.read(f"series/{EDIT}").replace(" int line_8(void);", " int line_eight(void);"))
    refuse(repo, rf"{EDIT}: does not apply without fuzz to Linux 7.3.4.*drivers/pci/pci.c:7")


def test_lines_may_have_moved(repo: Repo) -> None:
    tip = repo.compose().tip
    repo.write(f"series/{EDIT}", repo.read(f"series/{EDIT}").replace("@@ -7,7 +7,7 @@", "@@ -27,7 +27,7 @@"))
    assert repo.compose().tip == tip


def test_another_point_release(repo: Repo, tmp_path: Path) -> None:
    moved = FILES["drivers/pci/pci.c"].replace("int line_1(", "int new;\n\nint line_1(")
    base = make_base(tmp_path, "7.3.5", **{"drivers/pci/pci.c": moved})
    c = compose.series(repo.root, base)
    assert "line_10(int)" in show(repo, f"{c.tip}:drivers/pci/pci.c")
    changed = moved.replace("line_9(void)", "line_9(long)")
    base = make_base(tmp_path, "7.3.6", **{"drivers/pci/pci.c": changed})
    with pytest.raises(Error, match="does not apply without fuzz to Linux 7.3.6"):
        compose.series(repo.root, base)


def test_refuses_an_added_file_that_no_patch_claims(repo: Repo) -> None:
    repo.write("drivers/pci/stray.c", "int x;\n")
    refuse(repo, "drivers/pci/stray.c: added by no patch")


def test_refuses_an_added_file_that_two_patches_claim(repo: Repo) -> None:
    repo.patch(EDIT, adds=(ADDED,))
    refuse(repo, f"{ADDED}: added by two patches, {EDIT} and {ADD}")


def test_refuses_to_add_what_is_not_there(repo: Repo) -> None:
    repo.patch(EDIT, adds=("drivers/pci/missing.c",))
    refuse(repo, "missing.c, which is not in the repository")


def test_refuses_to_add_what_the_kernel_has(repo: Repo) -> None:
    repo.write("drivers/pci/probe.c", "x\n")
    repo.patch(EDIT, adds=("drivers/pci/probe.c",))
    refuse(repo, "which Linux 7.3.4 has already")


@pytest.mark.parametrize("path", ["new.c", "drvers/pci/x.c", "../x.c", "drivers/../drivers/x.c", "/etc/passwd",
                                  "series/x.c", "bin/x.py"])
def test_refuses_to_add_at_an_unknown_path(repo: Repo, path: str) -> None:
    repo.patch(EDIT, adds=(path,))
    refuse(repo, "unknown path")


def test_refuses_a_folder_that_is_neither_ours_nor_the_kernels(repo: Repo) -> None:
    repo.write("drvers/pci/x.c", "int x;\n")
    refuse(repo, "drvers/pci/x.c: unknown path")


def test_our_own_folders_are_not_the_kernels(repo: Repo) -> None:
    for path in ("bench/x", "harness/cases/x", "bin/y", ".ci/run", "HACKING.md", "series/README"):
        repo.write(path, "x\n")
    assert len(repo.compose().commits) == 3


def test_refuses_an_edit_of_an_unknown_file(repo: Repo) -> None:
    repo.write(f"series/{EDIT}", repo.read(f"series/{EDIT}").replace("pci/pci.c", "pci/pcie.c"))
    refuse(repo, "drivers/pci/pcie.c: unknown path, not in Linux 7.3.4")


def test_refuses_an_edit_before_the_file_is_added(repo: Repo) -> None:
    repo.write("series/series", f"{EDIT}\n{LATER}\n{ADD}\n")
    refuse(repo, f"{LATER}: {ADDED}: edited before {ADD} adds it")


def test_edits_of_added_files_must_be_named(repo: Repo) -> None:
    repo.patch(LATER, edits=())
    refuse(repo, f"has hunks of {ADDED} but no line `edits: {ADDED}`")
    repo.patch(LATER, edits=(ADDED, "drivers/pci/probe.c"))
    refuse(repo, "edits: drivers/pci/probe.c, but has no hunks of that added file")


def test_refuses_a_new_file_in_a_diff(repo: Repo) -> None:
    repo.write(f"series/{EDIT}", repo.read(f"series/{EDIT}") + "diff --git a/mm/x.c b/mm/x.c\nnew file mode 100644\n"
               "--- /dev/null\n+++ b/mm/x.c\n@@ -0,0 +1 @@\n+int x;\n")
    refuse(repo, "mm/x.c is new in the diff")


def test_refuses_to_delete_an_added_file(repo: Repo) -> None:
    diff = (f"diff --git a/{ADDED} b/{ADDED}\ndeleted file mode 100644\n--- a/{ADDED}\n+++ /dev/null\n"
            "@@ -1 +0,0 @@\n-x\n")
    repo.patch(LATER, diff=mail.split(diff, "x"))
    refuse(repo, f"deletes {ADDED}, which {ADD} adds")


@pytest.mark.parametrize("field", ["subject", "message"])
def test_refuses_a_mail_without(repo: Repo, field: str) -> None:
    repo.patch(EDIT, **{field: ""})
    refuse(repo, f"{EDIT}: a mail without {field}")


@pytest.mark.parametrize("word", ["fixup", "squash", "amend"])
def test_refuses_what_is_left_over(repo: Repo, word: str) -> None:
    repo.patch(EDIT, subject=f"{word}! PCI: Fix line 10")
    refuse(repo, "is left over")


def test_refuses_two_patches_with_one_subject(repo: Repo) -> None:
    repo.patch(LATER, subject="PCI: Fix line 10")
    refuse(repo, f"{LATER}: has the same subject as {EDIT}")


def test_the_list_and_the_files_must_agree(repo: Repo) -> None:
    repo.write("series/series", f"{EDIT}\n{ADD}\n")
    refuse(repo, f"series/{LATER}: not listed in series/series")
    repo.write("series/series", f"{EDIT}\n{ADD}\n{LATER}\n0040-x.patch\n")
    refuse(repo, "series/0040-x.patch: listed in series/series, but not there")


def test_composes_another_revision(repo: Repo) -> None:
    rev = repo.commit()
    before = repo.compose()
    repo.write(ADDED, repo.read(ADDED) + "int more;\n")
    assert repo.compose() != before
    assert compose.series(repo.root, repo.base, rev) == before


def test_the_base_with_the_tests_alone(repo: Repo) -> None:
    assert compose.base_with_tests(repo.root, repo.base) == repo.base.commit
    k = repo.tree()
    k.write("drivers/pci/tests/x.c", "int test;\n")
    k.edit("drivers/pci/Makefile", "# PCI\n", "# PCI\nobj-y += tests/\n")
    k.edit("drivers/pci/pci.c", "line_50", "tested_50")
    k.commit("PCI: Add tests")
    repo.absorb()
    lines = repo.read("series/series").rstrip().rpartition("\n")
    repo.write("series/series", f"{lines[0]}\n\n# tests: also on the pristine base\n{lines[2]}\n")
    commit = compose.base_with_tests(repo.root, repo.base)
    changed = sh(repo.base.git_dir, "git", "diff", "--name-only", repo.base.commit, commit).split()
    assert changed == ["drivers/pci/Makefile", "drivers/pci/pci.c", "drivers/pci/tests/x.c"]
    assert show(repo, f"{commit}:drivers/pci/Makefile") == FILES["drivers/pci/Makefile"].replace(
        "# PCI\n", "# PCI\nobj-y += tests/\n")
    assert "line_10(void)" in show(repo, f"{commit}:drivers/pci/pci.c")
    assert compose.base_with_tests(repo.root, repo.base) == commit


def test_tests_that_need_other_patches_are_refused(repo: Repo) -> None:
    k = repo.tree()
    k.edit("drivers/pci/pci.c", "line_10(int)", "line_10(long)")
    k.commit("PCI: Test line 10")
    repo.absorb()
    text = repo.read("series/series")
    name = repo.names()[-1]
    repo.write("series/series", text.replace(name, f"# tests\n{name}"))
    with pytest.raises(Error, match=f"{name}: stands in a section '# tests', but its change of drivers/pci/pci.c"):
        compose.base_with_tests(repo.root, repo.base)


def test_odd_bytes_survive(repo: Repo, tmp_path: Path) -> None:
    odd = b"caf\xe9 \x0c page\r\n" + FILES["drivers/pci/pci.c"].encode() + b"no newline"
    files = {p: git.File("100644", t.encode()) for p, t in FILES.items()}
    files["drivers/pci/pci.c"] = git.File("100644", odd)
    g = git.Git(repo.base.git_dir)
    commit = g.fast_import("refs/base/odd", None, [git.Change("x\n", "x <x@example.org>", "0 +0000", files)])[0]
    base = Base("7.3.4", repo.base.git_dir, commit)
    c = compose.series(repo.root, base)
    assert g.read([f"{c.tip}:drivers/pci/pci.c"]) == [odd.replace(b"line_10(void)", b"line_10(int)")]
