"""out/tree: how it is made, what it refuses, and that no work is lost."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

import pytest
from minikernel import FILES, Kernel, Repo, make_base, sh
from reseat import compose, cycle, tree
from reseat.common import Error

ADDED = "drivers/pci/reset.c"


def head(k: Kernel) -> str:
    """The commit that is checked out."""
    return k.git("rev-parse", "HEAD").strip()


def test_the_branch_is_the_composed_series(repo: Repo) -> None:
    k = repo.tree()
    assert k.path == repo.root / "out/tree"
    assert head(k) == repo.compose().tip
    assert k.git("symbolic-ref", "HEAD").strip() == "refs/heads/reseat"
    assert k.subjects() == ["PCI: Fix line 10", "PCI: Add a reset file", "PCI: Use the reset file"]
    assert k.git("status", "--porcelain") == ""
    assert (k.path / ADDED).read_text() == repo.read(ADDED)
    assert k.git("config", "user.name").strip() == "Reseat"
    assert k.git("config", "user.email").strip() == "reseat@example.org"


def test_the_root_is_the_pristine_base_and_new_files_show(repo: Repo) -> None:
    k = repo.tree()
    assert k.git("show", "base:.gitignore") == FILES[".gitignore"]
    assert (k.path / ".gitignore").read_text() == FILES[".gitignore"].replace("\n/*\n", "\n")
    assert k.git("ls-files", "-v", ".gitignore") == "S .gitignore\n"
    k.write("drivers/new/x.c", "int x;\n")
    k.write("drivers/new/x.o", "")
    assert k.git("status", "--porcelain", "-uall") == "?? drivers/new/x.c\n"


def test_the_hidden_gitignore_survives_work(repo: Repo) -> None:
    k = repo.tree()
    k.edit("drivers/pci/pci.c", "line_30", "line_thirty")
    k.commit("PCI: Work")
    k.rebase("1{h;d};2G")
    k.git("reset", "-q", "--hard", "base")
    k.git("reset", "-q", "--hard", "HEAD@{1}")
    k.git("stash", "-q", check=False)
    assert k.git("ls-files", "-v", ".gitignore") == "S .gitignore\n"
    assert "/*" not in (k.path / ".gitignore").read_text().splitlines()
    repo.absorb()
    assert FILES[".gitignore"] == k.git("show", "HEAD:.gitignore")


def test_follows_the_repository(repo: Repo) -> None:
    k = repo.tree()
    first = (k.path / "drivers/pci/probe.c").stat().st_mtime_ns
    repo.write(ADDED, repo.read(ADDED) + "int more;\n")
    k = repo.tree()
    assert head(k) == repo.compose().tip
    assert (k.path / ADDED).read_text().endswith("int more;\n")
    assert (k.path / "drivers/pci/probe.c").stat().st_mtime_ns == first


@pytest.mark.parametrize("repository_changed", [False, True])
def test_refuses_when_the_branch_has_moved_on(repo: Repo, repository_changed: bool) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.commit("PCI: Work")
    k.edit("MAINTAINERS", "THE REST", "ALL THE REST")
    was = head(k)
    if repository_changed:
        repo.write(ADDED, repo.read(ADDED) + "int more;\n")
    with pytest.raises(Error, match=r"has changed since it was made:\n  MAINTAINERS\n  drivers/pci/probe.c\n"):
        repo.tree()
    assert head(k) == was and "ALL" in (k.path / "MAINTAINERS").read_text()


def test_refuses_when_only_a_message_has_changed(repo: Repo) -> None:
    k = repo.tree()
    k.git("commit", "-q", "--amend", "-m", "PCI: Reworded", "-m", "Because.")
    with pytest.raises(Error, match="reworded"):
        repo.tree()


def test_merge_keeps_the_work_and_brings_in_the_repository(repo: Repo) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.edit(ADDED, "int reset_1;", "int reset_one;")
    k.commit("PCI: Work")
    k.rebase("4s/^pick/fixup/")  # into the patch before it
    repo.write(ADDED, repo.read(ADDED).replace("int reset_30;", "int reset_thirty;"))
    repo.patch("0010-PCI-Fix-line-10.patch", message="A better reason.")
    repo.tree(merge=True)
    text = (k.path / ADDED).read_text()
    assert "reset_thirty" in text and "reset_one" in text
    assert "probe_one" in (k.path / "drivers/pci/probe.c").read_text()
    assert "A better reason." in k.git("log")
    assert "reset_one" not in repo.read(ADDED)
    with pytest.raises(Error, match=f"has changed since it was made:\n  drivers/pci/probe.c\n  {ADDED}"):
        repo.tree()
    repo.absorb()
    assert repo.read(ADDED) == text
    assert "A better reason." in repo.read("series/0010-PCI-Fix-line-10.patch")
    assert repo.tree_hash() == k.tree_hash()


def test_merge_refuses_conflicts(repo: Repo) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_1;", "int reset_one;")
    k.commit("PCI: Work")
    was = head(k)
    repo.write(ADDED, repo.read(ADDED).replace("int reset_1;", "int reset_uno;"))
    with pytest.raises(Error, match=f"do not merge:\n  {ADDED}"):
        repo.tree(merge=True)
    assert head(k) == was
    k.edit(ADDED, "reset_one", "reset_two")
    with pytest.raises(Error, match=f"not committed:\n  {ADDED}"):
        repo.tree(merge=True)


def test_merge_without_changes_in_the_repository_keeps_all(repo: Repo) -> None:
    k = repo.tree()
    k.edit(ADDED, "int reset_1;", "int reset_one;")
    k.commit("PCI: Work")
    was = head(k)
    repo.tree(merge=True)
    assert head(k) == was


def test_text_below_the_line_lives_in_notes(repo: Repo) -> None:
    name = repo.names()[0]
    repo.patch(name, notes="For reviewers:\nlook twice.\n\n\n# Again.")
    k = repo.tree()
    first = repo.compose().commits[0].commit
    assert k.git("notes", "show", first) == "For reviewers:\nlook twice.\n\n\n# Again.\n"
    k.git("notes", "add", "-m", "a new note")  # on the last one
    k.git("commit", "-q", "--amend", "-m", "PCI: Use the reset file", "-m", "Another reason.")
    k.rebase("1s/^pick/reword/", GIT_EDITOR="sed -i 's/Because/Since/'")
    assert k.git("notes", "show", "HEAD~2").startswith("For reviewers:") and k.git("notes", "show") == "a new note\n"
    repo.absorb()
    assert "\n---\n\nFor reviewers:\nlook twice.\n\n\n# Again.\n\ndiff --git" in repo.read(f"series/{name}")
    assert "Since." in repo.read(f"series/{name}")
    assert f"\n---\nedits: {ADDED}\n\na new note\n\ndiff --git" in repo.read(f"series/{repo.names()[2]}")
    repo.patch(name, notes="")
    assert repo.tree().git("notes", "list", check=False).count("\n") >= 1
    assert not k.git("log", "-1", "--format=%N", "HEAD~2").strip()


def test_a_changed_note_counts_as_work(repo: Repo) -> None:
    k = repo.tree()
    k.git("notes", "add", "-m", "only in the tree")
    with pytest.raises(Error, match=r"\(notes\)"):
        repo.tree()
    assert repo.absorb() == [f"series/{repo.names()[2]}"]
    repo.tree()


def test_a_lost_cache_is_made_again(repo: Repo, tmp_path: Path) -> None:
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.commit("PCI: Work")
    shutil.rmtree(repo.base.git_dir)
    shutil.rmtree(tmp_path / "cache")
    make_base(tmp_path)
    assert repo.absorb() == ["series/0040-PCI-Work.patch", "series/series"]
    assert k.git("fsck", "--connectivity-only", "--no-dangling") == ""
    assert len(k.subjects()) == 4


def test_a_tree_on_a_lost_base_is_refused(repo: Repo, tmp_path: Path) -> None:
    shutil.rmtree(repo.base.git_dir)
    repo.base = make_base(tmp_path, "7.3.5", MAINTAINERS="other\n")
    with pytest.raises(Error, match="stands on a base that is no longer in the cache"):
        repo.tree()


def test_moves_to_a_new_base(repo: Repo, tmp_path: Path) -> None:
    k = repo.tree()
    old = repo.base
    repo.base = make_base(tmp_path, "7.3.5", MAINTAINERS="other\n")
    repo.tree()
    assert (k.path / "MAINTAINERS").read_text() == "other\n" and len(k.subjects()) == 3
    repo.base = old
    repo.tree()
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.commit("PCI: Work")
    repo.base = make_base(tmp_path, "7.3.5", MAINTAINERS="other\n")
    with pytest.raises(Error, match="stands on another base than Linux 7.3.5") as e:
        repo.absorb()
    for command in re.findall(r"git ([a-z].*?)(?:, then|$)", str(e.value)):
        k.git(*command.split())
    assert repo.absorb() == ["series/0040-PCI-Work.patch", "series/series"]


def test_refuses_a_folder_that_it_did_not_make(repo: Repo) -> None:
    shutil.rmtree(repo.root / "out/tree")
    (repo.root / "out/tree").mkdir()
    with pytest.raises(Error, match="was not made by `make tree`"):
        repo.tree()


def test_an_interrupted_checkout_leaves_nothing(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(repo.root / "out/tree")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tree.Tree, "record", interrupt)
        with pytest.raises(KeyboardInterrupt):
            repo.tree()
    assert [p.name for p in (repo.root / "out").iterdir() if "tree" in p.name] == []
    assert repo.tree().git("status", "--porcelain") == ""


@pytest.mark.parametrize("edited", [False, True])
def test_an_interrupted_move_is_finished(repo: Repo, monkeypatch: pytest.MonkeyPatch, edited: bool) -> None:
    k = repo.tree()
    repo.write(ADDED, repo.read(ADDED) + "int more;\n")
    done = tree.Tree._finish_move

    def interrupt(self: tree.Tree) -> None:
        if self.git.id("refs/reseat/moving"):
            (self.path / ADDED).write_text(repo.read(ADDED))  # half of the files are there
            (self.path / ".git/index.lock").write_text("")
            raise KeyboardInterrupt
        done(self)

    with monkeypatch.context() as patch:
        patch.setattr(tree.Tree, "_finish_move", interrupt)
        with pytest.raises(KeyboardInterrupt):
            repo.tree()
    if edited:
        k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
        with pytest.raises(Error, match="between two states, and these were edited since.*\n  drivers/pci/probe.c"):
            repo.tree()
        k.edit("drivers/pci/probe.c", "probe_one(", "probe_1(")
    repo.tree()
    assert k.git("status", "--porcelain") == "" and head(k) == repo.compose().tip


def test_two_runs_at_once_wait_for_each_other(repo: Repo) -> None:
    shutil.rmtree(repo.root / "out/tree")
    failed: list[BaseException] = []

    def run() -> None:
        try:
            cycle.make(repo.root, base=repo.base)
        except BaseException as e:
            failed.append(e)

    runs = [threading.Thread(target=run) for _ in range(3)]
    for r in runs:
        r.start()
    for r in runs:
        r.join()
    assert not failed and repo.tree().git("status", "--porcelain") == ""


def test_refuses_an_unknown_revision(repo: Repo) -> None:
    with pytest.raises(Error, match="REV 'nonsense' is no commit"):
        repo.tree(rev="nonsense")


def test_another_revision_beside_ours(repo: Repo) -> None:
    rev = repo.commit()
    tip = repo.compose().tip
    k = repo.tree()
    repo.write(ADDED, repo.read(ADDED) + "int more;\n")
    other = repo.tree(rev="HEAD")
    assert other.path == repo.root / f"out/tree-{rev[:12]}"
    assert head(other) == tip == head(k)
    assert other.git("rev-parse", "mine").strip() == repo.compose().tip


def test_branches_of_the_series_are_merged_by_rebase(repo: Repo) -> None:
    repo.commit()
    sh(repo.root, "git", "checkout", "-q", "-b", "theirs")
    k = repo.tree()
    k.edit("drivers/pci/probe.c", "probe_20", "probe_twenty")
    k.write("drivers/pci/theirs.c", "int theirs;\n")
    k.commit("PCI: Theirs")
    k.git("notes", "add", "-m", "Theirs, for reviewers.")
    k.git("notes", "add", "-m", "A note on what both have.", "HEAD~3")
    repo.absorb()
    theirs = repo.commit()
    sh(repo.root, "git", "checkout", "-q", "main")
    k = repo.tree()
    assert len(k.subjects()) == 3
    k.edit("drivers/pci/probe.c", "probe_1(", "probe_one(")
    k.edit(ADDED, "int reset_1;", "int reset_one;")
    k.commit("PCI: Ours")
    repo.absorb()
    repo.commit()

    other = repo.tree(rev="theirs")
    with pytest.raises(Error, match="git rebase --onto mine fork reseat"):
        repo.absorb(rev="theirs")
    other.git("rebase", "-q", "--onto", "mine", "fork", "reseat")
    repo.write("series/cover", repo.read("series/cover") + "\nMore.\n")
    repo.patch("0040-PCI-Ours.patch", message="Another reason.", notes="Ours, for reviewers.")
    with pytest.raises(Error, match="make tree REV=` again"):
        repo.absorb(rev=theirs)
    assert repo.tree(rev="theirs") == other
    other.git("rebase", "-q", "--onto", "mine", "reseat~1", "reseat")
    written = repo.absorb(rev=theirs)
    assert written == ["drivers/pci/theirs.c", f"series/{repo.names()[0]}", "series/0050-PCI-Theirs.patch",
                       "series/series"]
    for name, note in ((repo.names()[0], "what both have"), (repo.names()[-1], "Theirs, for reviewers."),
                       (repo.names()[-2], "Ours, for reviewers.")):
        assert note in repo.read(f"series/{name}")
    assert repo.names()[-2:] == ["0040-PCI-Ours.patch", "0050-PCI-Theirs.patch"]
    assert repo.tree().subjects()[-2:] == ["PCI: Ours", "PCI: Theirs"]
    assert repo.absorb() == []


def test_a_branch_of_commits_becomes_the_series(repo: Repo, tmp_path: Path) -> None:
    mails = repo.tree().git("format-patch", "--stdout", "base..")
    root = tmp_path / "new"
    root.mkdir()
    sh(root, "git", "init", "-q", "--template=")
    new = Repo(root, repo.base)
    new.write(".gitignore", "/out/\n")
    k = new.tree()
    k.git("am", "-q", data=mails)
    new.absorb()
    assert new.names() == repo.names()
    assert new.tree_hash() == repo.tree_hash()
    k.git("checkout", "-q", "-b", "elsewhere")
    with pytest.raises(Error, match="HEAD is not on the branch reseat"):
        new.absorb()
    assert compose.series(root, repo.base).tip != repo.base.commit
