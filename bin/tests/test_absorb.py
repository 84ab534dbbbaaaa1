"""absorb: what it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from minikernel import Kernel, Repo, hunk_numbers, sh
from reseat import cycle
from reseat.common import Error
from reseat.git import File

ADDED = "drivers/pci/reset.c"
EDIT, ADD, LATER = "0010-PCI-Fix-line-10.patch", "0020-PCI-Add-a-reset-file.patch", "0030-PCI-Use-the-reset-file.patch"


def same_tree(repo: Repo, k: Kernel) -> bool:
    """The repository composes to what is checked out."""
    return repo.tree_hash() == k.tree_hash()


def refuse(repo: Repo, why: str) -> None:
    """absorb fails, says why, and writes nothing."""
    before = repo.all()
    with pytest.raises(Error, match=why):
        repo.absorb()
    assert repo.all() == before


def test_after_compose_it_changes_no_byte(repo: Repo) -> None:
    repo.patch(EDIT, notes="A note.")
    repo.write("series/series", repo.read("series/series") + "\n# a comment at the end\n")
    # Not as absorb would write it, but the same patch.
    text = repo.read(f"series/{EDIT}").replace("@@ -7,7 +7,7 @@ int line_6(void);", "@@ -8,7 +9,7 @@")
    repo.write(f"series/{EDIT}", text.replace("Date: Tue, 14 Nov 2023", "Date: 14 Nov 2023"))
    repo.tree()
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (repo.root / "series").iterdir()}
    assert repo.absorb() == []
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (repo.root / "series").iterdir()} == before


def test_an_edit_of_an_added_file_in_its_own_patch(repo: Repo) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_1;", "int reset_one;")
    k.commit("fixup! PCI: Add a reset file")
    k.rebase("")  # rebase.autoSquash is on
    assert len(k.subjects()) == 3
    assert repo.absorb() == [ADDED]
    assert "int reset_one;" in repo.read(ADDED) and same_tree(repo, k)
    assert repo.absorb() == []


def test_a_later_patch_edits_an_added_file(repo: Repo) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_30;", "long reset_30;")
    k.commit("PCI: Make it longer")
    assert repo.absorb() == [ADDED, "series/0040-PCI-Make-it-longer.patch", "series/series"]
    assert f"\n---\nedits: {ADDED}\n\ndiff --git a/{ADDED}" in repo.read("series/0040-PCI-Make-it-longer.patch")
    assert "long reset_30;" in repo.read(ADDED)
    assert same_tree(repo, k)


def test_an_insertion_in_the_middle_renames_nothing(repo: Repo) -> None:
    before = {n: repo.read(f"series/{n}") for n in repo.names()}
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "int probe_1(void);\n", "int probe_1(void);\nint probe_1a(void);\n")
    k.commit("PCI: In between")
    k.rebase("2{h;d};3{H;d};4G")
    assert k.subjects() == ["PCI: Fix line 10", "PCI: In between", "PCI: Add a reset file", "PCI: Use the reset file"]
    assert repo.absorb() == ["series/0015-PCI-In-between.patch", "series/series"]
    assert repo.read("series/series") == (
        f"# fixes\n{EDIT}\n0015-PCI-In-between.patch\n\n# the core\n# of it all\n{ADD}\n\n{LATER}\n")
    # The hunk of a later patch moved by a line: no reason to write it.
    assert {n: repo.read(f"series/{n}") for n in before} == before
    diff = k.git("show", "HEAD", "--", "drivers/pci/probe.c")
    assert hunk_numbers(diff) != hunk_numbers(repo.read(f"series/{LATER}"))[:1]
    assert same_tree(repo, k)


def test_line_numbers_are_written_where_they_decide(repo: Repo) -> None:
    """Five equal places: with its old line number the hunk would land on another one."""
    k = repo.tree()
    block = "begin\nx\ny\nz\nvalue\nx\ny\nz\nend\n" * 5
    k.write("drivers/pci/blocks.c", block)
    k.commit("PCI: Add blocks")
    lines = block.split("\n")
    lines[9 * 2 + 4] = "changed"
    k.write("drivers/pci/blocks.c", "\n".join(lines))
    k.commit("PCI: Change the third block")
    repo.absorb()
    name = repo.names()[-1]
    k.git("reset", "-q", "--hard", "HEAD~1")
    k.write("drivers/pci/blocks.c", block[:len(block) // 5 * 3] + block)
    k.git("commit", "-q", "-a", "--amend", "--no-edit")
    lines = (k.path / "drivers/pci/blocks.c").read_text().split("\n")
    lines[9 * 5 + 4] = "changed"
    k.write("drivers/pci/blocks.c", "\n".join(lines))
    k.commit("PCI: Change the third block")
    assert f"series/{name}" in repo.absorb()
    assert same_tree(repo, k)


def test_what_is_gone_is_dropped(repo: Repo) -> None:
    k = repo.tree()
    k.rebase("2d;3d")
    written = repo.absorb()
    assert written == ["series/series", ADDED, f"series/{ADD}", f"series/{LATER}"]
    assert repo.read("series/series") == f"# fixes\n{EDIT}\n\n# the core\n# of it all\n"
    assert not (repo.root / ADDED).exists() and same_tree(repo, k)


def test_another_order(repo: Repo) -> None:
    k = repo.tree()
    k.rebase("1{h;d};2G")
    assert repo.absorb() == ["series/series"]
    assert repo.names() == [ADD, EDIT, LATER] and same_tree(repo, k)


@pytest.mark.parametrize("how", ["alone", "with its change", "with another file", "two at once"])
def test_a_changed_subject_keeps_the_file_name(repo: Repo, how: str) -> None:
    k = repo.tree()
    if how == "two at once":
        k.rebase("1,2s/^pick/reword/", GIT_EDITOR="sed -i '1s/PCI:/PCI: Quite another thing,/'")
    else:
        if how != "alone":
            k.edit("drivers/pci/probe.c", "probed_40", "probed_forty")
        if how == "with another file":
            k.edit("MAINTAINERS", "THE REST", "ALL THE REST")
        k.git("commit", "-q", "-a", "--amend", "-m", "PCI: Quite another thing", "-m", "Because.")
    repo.absorb()
    assert repo.names() == [EDIT, ADD, LATER]
    assert "Subject: PCI: Quite another thing" in repo.read(f"series/{EDIT if how == 'two at once' else LATER}")
    assert same_tree(repo, k)


def test_a_patch_written_anew_at_the_same_place_keeps_the_name(repo: Repo) -> None:
    k = repo.tree()
    k.git("reset", "-q", "--soft", "HEAD~1")
    k.edit("drivers/pci/probe.c", "int probed_40(void)", "int probed_40(long)")
    k.commit("PCI: The same idea", date=1800000000)
    repo.absorb()
    assert repo.names() == [EDIT, ADD, LATER]


def test_one_patch_for_another_is_a_new_one(repo: Repo) -> None:
    k = repo.tree()
    k.git("reset", "-q", "--hard", "HEAD~1")
    k.edit("drivers/pci/probe.c", "probe_2(", "probe_two(")
    k.commit("PCI: Say two", date=1800000000)
    repo.absorb()
    assert repo.names() == [EDIT, ADD, "0030-PCI-Say-two.patch"]
    assert not (repo.root / f"series/{LATER}").exists()


def test_a_split_patch_is_ambiguous_and_so_new(repo: Repo) -> None:
    k = repo.tree()
    k.git("reset", "-q", "HEAD~1")
    k.git("commit", "-q", "-m", "PCI: One half", "-m", "x", ADDED)
    k.git("commit", "-q", "-a", "-m", "PCI: Other half", "-m", "x")
    repo.absorb()
    assert repo.names() == [EDIT, ADD, "0030-PCI-One-half.patch", "0040-PCI-Other-half.patch"]
    assert same_tree(repo, k)


def test_says_when_notes_are_lost(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.patch(LATER, notes="For reviewers.")
    k = repo.tree()
    k.git("reset", "-q", "--soft", "HEAD~1")
    k.git("commit", "-q", "-C", "ORIG_HEAD")
    repo.absorb()
    assert f"{LATER}: its notes are gone" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["fixup", "squash", "amend"])
def test_refuses_a_fixup(repo: Repo, word: str) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.commit(f"{word}! PCI: Use the reset file")
    refuse(repo, f"'{word}! PCI: Use the reset file' is left over")


def test_refuses_stray_files(repo: Repo) -> None:
    k = repo.tree()
    k.write("drivers/pci/new.c", "int x;\n")
    refuse(repo, r"files that git does not know.*\n  drivers/pci/new.c")
    (k.path / "drivers/pci/new.c").rename(k.path / "new.o")  # the kernel's .gitignore knows it
    assert repo.absorb() == []


def test_refuses_what_is_not_committed(repo: Repo) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    refuse(repo, r"not committed:\n  drivers/pci/probe.c")
    k.git("add", "-A")
    refuse(repo, r"not committed:\n  drivers/pci/probe.c")


def test_refuses_in_the_middle_of_a_rebase(repo: Repo) -> None:
    k = repo.tree()
    k.rebase("2s/^pick/edit/")
    refuse(repo, "a rebase is under way")
    k.git("rebase", "--abort")
    k.git("checkout", "-q", "--detach")
    refuse(repo, "HEAD is not on the branch")


def test_refuses_a_merge(repo: Repo) -> None:
    k = repo.tree()
    k.git("checkout", "-q", "-b", "side", "HEAD~1")
    k.edit("MAINTAINERS", "THE REST", "ALL THE REST")
    k.commit("MAINTAINERS: Say all")
    k.git("checkout", "-q", "reseat")
    k.git("merge", "-q", "--no-edit", "side")
    refuse(repo, "is a merge: a series is a straight line")


@pytest.mark.parametrize(("subject", "body", "why"), [
    ("PCI: Use the reset file", "Because.", "two commits have the subject"),
    ("PCI: Work", "", "without message"),
    ("[PATCH] PCI: Work", "Because.", "git am strips"),
    ("PCI: Work", "Why.\n\n---\n\nMore.", "for the start of the patch"),
    ("PCI: Work\non two lines", "Why.", "the subject is one line"),
])
def test_refuses_messages_that_mails_cannot_carry(repo: Repo, subject: str, body: str, why: str) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.git("commit", "-q", "-a", "-m", subject, *(("-m", body) if body else ()))
    refuse(repo, why)


def test_refuses_an_empty_commit(repo: Repo) -> None:
    repo.tree().git("commit", "-q", "--allow-empty", "-m", "PCI: Nothing", "-m", "x")
    refuse(repo, "changes nothing")


def test_refuses_what_cannot_be_stored(repo: Repo) -> None:
    k = repo.tree()
    k.git("rm", "-q", ADDED)
    k.commit("PCI: Drop it")
    refuse(repo, f"deletes {ADDED}, which an earlier patch adds")
    k.git("reset", "-q", "--hard", "HEAD~1")
    k.git("rm", "-q", "drivers/pci/old.c")
    k.commit("PCI: Drop old")
    k.write("drivers/pci/old.c", "int new;\n")
    k.commit("PCI: Write it anew")
    refuse(repo, "adds drivers/pci/old.c, which the base has")
    k.git("reset", "-q", "--hard", "HEAD~2")
    k.write("new.c", "int x;\n")
    k.commit("PCI: At the root")
    refuse(repo, "new.c: unknown path")
    k.git("reset", "-q", "--hard", "HEAD~1")
    k.git("update-index", "--no-skip-worktree", ".gitignore")
    k.git("commit", "-q", "-a", "-m", "Ignore less", "-m", "x")
    refuse(repo, "changes .gitignore")


def test_renames_modes_links_binaries_and_odd_text(repo: Repo) -> None:
    k = repo.tree()
    k.git("mv", "drivers/pci/old.c", "drivers/pci/new.c")
    k.commit("PCI: Rename a file")
    (k.path / "scripts/run.sh").chmod(0o644)
    k.write("drivers/pci/tool.sh", "#!/bin/sh\n", 0o755)
    (k.path / "drivers/pci/link.c").symlink_to("reset.c")
    (k.path / "Documentation/PCI/picture.bin").write_bytes(bytes(range(256)))
    source = k.path / "drivers/pci/pci.c"
    source.write_bytes(b"caf\xe9 \x0c\r\n" + source.read_bytes() + b"no newline")
    k.commit("PCI: Größe ändern", "Für alle — Jörg.")
    (k.path / "Documentation/PCI/picture.bin").write_bytes(bytes(range(255)))
    k.commit("PCI: Change a picture")
    repo.absorb()
    assert same_tree(repo, k)
    assert repo.names()[-2:] == ["0050-PCI-Gr-e-ndern.patch", "0060-PCI-Change-a-picture.patch"]
    assert (repo.root / "drivers/pci/tool.sh").stat().st_mode & 0o777 == 0o755
    assert (repo.root / "drivers/pci/link.c").is_symlink()
    assert repo.absorb() == []


def test_the_users_settings_change_nothing(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"diff.noprefix": "true", "diff.context": "9", "diff.algorithm": "patience", "diff.renames": "copies",
                "color.ui": "always", "core.quotePath": "true", "diff.external": "false", "diff.interHunkContext": "9",
                "diff.orderFile": str(tmp_path / "order"), "core.abbrev": "5", "diff.mnemonicPrefix": "true",
                "status.showUntrackedFiles": "no", "core.excludesFile": str(tmp_path / "ignore"),
                "log.date": "relative", "notes.displayRef": "refs/notes/other", "commit.gpgSign": "true",
                "core.autocrlf": "true"}
    (tmp_path / "order").write_text("*reset*\n")
    (tmp_path / "ignore").write_text("*.c\n")
    k = repo.tree()
    for key, value in settings.items():
        sh(tmp_path, "git", "config", "--file", str(tmp_path / ".gitconfig"), key, value)
        if key not in ("core.autocrlf", "commit.gpgSign"):
            k.git("config", key, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_DIFF_OPTS", "-u9")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert repo.absorb() == []
    before = {n: repo.read(f"series/{n}") for n in repo.names()}
    with monkeypatch.context() as patch:
        for name in ("GIT_DIR", "GIT_DIFF_OPTS", "GIT_EXTERNAL_DIFF"):
            patch.delenv(name)
        k.rebase("s/^pick/reword/", GIT_EDITOR="sed -i 's/Because/Since/'")
    assert len(repo.absorb()) == 3
    for n, text in before.items():
        assert repo.read(f"series/{n}") == text.replace("Because", "Since")
    k.write("drivers/pci/stray.c", "int x;\n")
    with pytest.raises(Error, match="stray.c"):
        repo.absorb()


@pytest.mark.parametrize("by", ["added file", "message", "new patch", "deletion"])
def test_refuses_what_changed_in_the_repository(repo: Repo, by: str) -> None:
    k = repo.tree()
    k.edit("MAINTAINERS", "THE REST", "ALL THE REST")
    k.commit("MAINTAINERS: Say all")
    name = ADDED
    if by == "added file":
        repo.write(ADDED, repo.read(ADDED) + "int more;\n")
    elif by == "message":
        repo.patch(EDIT, message="Another reason.")
        name = f"series/{EDIT}"
    elif by == "deletion":
        (repo.root / ADDED).unlink()
    else:
        repo.write(name := "series/0012-x.patch", repo.read(f"series/{EDIT}").replace("Fix line", "Mend line"))
    refuse(repo, f"changed in the repository since `make tree`:\n  {name}\n")


def test_two_diverged_edits_of_one_added_file_are_merged(repo: Repo) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_2;", "int reset_two;")
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.commit("fixup! PCI: Add a reset file")
    k.rebase("")
    repo.write(ADDED, repo.read(ADDED).replace("int reset_28;", "int reset_twentyeight;"))
    refuse(repo, f"changed in the repository since `make tree`:\n  {ADDED}\n")
    assert repo.absorb(merge=True) == [ADDED, f"series/{ADD}"]
    for word in ("reset_two;", "reset_twentyeight", "long reset_15"):
        assert word in repo.read(ADDED)
    assert same_tree(repo, k) and (k.path / ADDED).read_text() == repo.read(ADDED)
    assert repo.absorb() == []
    repo.tree()


def test_diverged_edits_that_conflict_are_refused(repo: Repo) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_2;", "int reset_two;")
    k.commit("fixup! PCI: Add a reset file")
    k.rebase("")
    repo.write(ADDED, repo.read(ADDED).replace("int reset_2;", "int reset_zwei;"))
    before = repo.all()
    with pytest.raises(Error, match=f"do not merge:\n  {ADDED}"):
        repo.absorb(merge=True)
    assert repo.all() == before


def test_patches_are_merged_by_field_and_never_as_text(repo: Repo) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probed_40", "probed_forty")
    k.git("commit", "-q", "-a", "--amend", "--no-edit")
    repo.patch(LATER, message="Another reason.", notes="A note.")
    assert repo.absorb(merge=True) == [f"series/{LATER}"]
    text = repo.read(f"series/{LATER}")
    assert "Another reason." in text and "A note." in text and "probed_forty" in text and same_tree(repo, k)
    k.edit("drivers/pci/probe.c", "probe_55", "probe_fiftyfive")
    k.git("commit", "-q", "-a", "--amend", "--no-edit")
    repo.write(f"series/{LATER}", text.replace("+int probed_forty", "+int probed_vierzig"))
    with pytest.raises(Error, match=f"do not merge:\n  series/{LATER}"):
        repo.absorb(merge=True)


def test_both_sides_have_a_new_patch(repo: Repo) -> None:
    k = repo.tree()
    k.edit("MAINTAINERS", "THE REST", "ALL THE REST")
    k.commit("MAINTAINERS: Say all")
    repo.write("drivers/pci/pulled.c", "int pulled;\n")
    text = re.sub(r"(?s)\n---\n.*", "\n---\nadds: drivers/pci/pulled.c\n", repo.read(f"series/{EDIT}"))
    repo.write("series/0040-PCI-Pulled.patch", text.replace("Fix line 10", "Pulled"))
    repo.write("series/series", repo.read("series/series") + "0040-PCI-Pulled.patch\n")
    repo.absorb(merge=True)
    assert repo.names() == [EDIT, ADD, LATER, "0040-PCI-Pulled.patch", "0040-MAINTAINERS-Say-all.patch"]
    assert k.subjects()[-2:] == ["PCI: Pulled", "MAINTAINERS: Say all"] and same_tree(repo, k)


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_interrupted_anywhere_the_next_run_does_the_rest(repo: Repo, monkeypatch: pytest.MonkeyPatch,
                                                         after: int) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_2;", "int reset_two;")
    k.write("drivers/pci/a.c", "int a;\n")
    k.commit("PCI: Add a")
    k.rebase("1d")
    done, calls = cycle.put, []

    def interrupt(root: Path, path: str, file: File | None) -> None:
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(path)
        done(root, path, file)

    with monkeypatch.context() as patch:
        patch.setattr(cycle, "put", interrupt)
        with pytest.raises(KeyboardInterrupt):
            repo.absorb()
    assert sorted(calls + repo.absorb()) == ["drivers/pci/a.c", ADDED, f"series/{EDIT}", "series/0040-PCI-Add-a.patch",
                                             "series/series"]
    assert repo.names() == [ADD, LATER, "0040-PCI-Add-a.patch"] and same_tree(repo, k)
    assert not (repo.root / f"series/{EDIT}").exists()
