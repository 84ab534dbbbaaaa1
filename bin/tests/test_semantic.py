"""Mechanical patches: what a semantic patch makes, and what is no longer that."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import common, compose, git, semantic

SCRIPT = """// SPDX-License-Identifier: GPL-2.0
/// Not for other_function().
@@
identifier f = { my_reset, __my_reset_locked };
expression E;
@@
 f(E
+, RESET_ANY
 )
"""
BEFORE = {
    "drivers/a.c": "int a(void)\n{\n\t/* my_reset(dev) stays */\n\treturn my_reset(to_dev(x));\n}\n",
    "drivers/b.c": "int b(void)\n{\n\treturn __my_reset_locked(dev, RESET_FLR) + other_function(dev);\n}\n",
    "drivers/c.c": "int c(void)\n{\n\tif (my_reset(dev))\n\t\treturn __my_reset_locked(dev);\n\treturn 0;\n}\n",
}
AFTER = {
    "drivers/a.c": BEFORE["drivers/a.c"].replace("to_dev(x)", "to_dev(x), RESET_ANY"),
    "drivers/c.c": BEFORE["drivers/c.c"].replace("(dev)", "(dev, RESET_ANY)"),
}


def commits(folder: Path, after: dict[str, str]) -> tuple[git.Git, compose.Patch]:
    """A repository with BEFORE, and a patch that sets @after."""
    repo = git.Git(folder / "repo.git")
    repo.path.mkdir()
    repo("init", "--quiet", "--bare")
    ids = repo.fast_import("refs/heads/main", None, [
        git.Change(name, "x <x@example.org>", "0 +0000", {p: git.File("100644", t.encode()) for p, t in what.items()})
        for name, what in (("before", BEFORE), ("after", after))])
    return repo, compose.Patch("0010-x.patch", "after", ids[1], ids[0], "")


def test_names_without_comments() -> None:
    assert semantic.names(SCRIPT) == ["__my_reset_locked", "my_reset"]


def test_files_that_name_them(tmp_path: Path) -> None:
    repo, patch = commits(tmp_path, AFTER)
    assert semantic.files(repo, patch.parent, SCRIPT) == sorted(BEFORE)
    assert semantic.files(repo, patch.parent, "@@\n@@\n no_such_function()") == []


def test_made_again(tmp_path: Path) -> None:
    repo, patch = commits(tmp_path, AFTER)
    assert semantic.differs(repo, patch, SCRIPT) == []


@pytest.mark.parametrize(("path", "text", "said"), [
    ("drivers/a.c", AFTER["drivers/a.c"].replace("ANY", "FLR"), "drivers/a.c: the patch has it otherwise"),
    ("drivers/a.c", AFTER["drivers/a.c"] + "\n", "drivers/a.c: the patch has it otherwise"),
    ("drivers/b.c", BEFORE["drivers/b.c"] + "\n", "drivers/b.c: only in the patch"),
    ("drivers/c.c", BEFORE["drivers/c.c"], "drivers/c.c: not in the patch"),
])
def test_changed_by_hand(tmp_path: Path, path: str, text: str, said: str) -> None:
    repo, patch = commits(tmp_path, AFTER | {path: text})
    assert semantic.differs(repo, patch, SCRIPT) == [said]


def test_who_made_a_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "FOLDER", tmp_path)
    (tmp_path / "x.cocci").write_text(SCRIPT)
    assert semantic.maker("p", "Fine.\n") is None
    assert semantic.maker("p", "Fine.\nmade by: harness/cocci/x.cocci\n") == tmp_path / "x.cocci"
    for notes in ("made by: harness/cocci/y.cocci", "made by: x.cocci", "made by: harness/cocci/../x.cocci",
                  "made by: harness/cocci/x.cocci\nmade by: harness/cocci/x.cocci", "made by: "):
        with pytest.raises(common.Error, match="p: 'made by: "):
            semantic.maker("p", notes)
