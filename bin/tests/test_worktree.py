"""Source trees that builds use: time stamps are kept, and a second tree and build folder begin as the first."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from reseat import base, build, cleaning, common, importer, worktree

OLD = 1_000_000_000


def commit(folder: Path, **files: str) -> str:
    """Put @files (names with __ for /) into git as a root commit."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with importer.Importer(base.git_dir()) as into:
        into.tree(folder)
        return into.commit("7.3.4", f"refs/test/{folder.name}")


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """Two commits, that differ in one C file, one of Documentation and one of tools."""
    files = {"Makefile": "VERSION = 7\n", "same_c": "same"}
    first = commit(tmp_path / "first", **files, drivers__a_c="1", Documentation__x="1", tools__y="1")
    return first, commit(tmp_path / "second", **files, drivers__a_c="two", Documentation__x="2", tools__y="2")


def age(tree: Path) -> None:
    """Make every file look old, for git and for make."""
    for path in tree.rglob("*"):
        if path.is_file():
            os.utime(path, (OLD, OLD))
    worktree._git(tree.name, "update-index", "-q", "--refresh")


def finish(variant: str, to: str, config: str) -> None:
    """A build of commit @to has gone well."""
    worktree.configured(variant, "build-x", to, config)
    worktree.finished(variant, "build-x", to)


def test_unchanged_files_keep_their_time_stamps(two: tuple[str, str]) -> None:
    with worktree.at("series", two[0]) as tree:
        age(tree)
    (tree / "build-x").mkdir()
    (tree / "build-x" / "out.o").touch()
    with worktree.at("series", two[1]):
        assert (tree / "same_c").stat().st_mtime == OLD
        assert (tree / "drivers" / "a_c").read_text() == "two" and (tree / "drivers" / "a_c").stat().st_mtime > OLD
        assert (tree / "build-x" / "out.o").exists() and not (tree / ".git").exists()


def test_local_changes_and_a_killed_run_do_no_harm(two: tuple[str, str]) -> None:
    with worktree.at("series", two[0]) as tree:
        pass
    (tree / "drivers" / "a_c").write_text("changed by hand")
    (tree.parent / "series.index.lock").touch()
    with worktree.at("series", two[0]):
        assert (tree / "drivers" / "a_c").read_text() == "1"


def test_second_tree_is_linked_and_independent(two: tuple[str, str]) -> None:
    with worktree.at("series", two[0]) as series:
        age(series)
    (series / "build-x").mkdir()
    with worktree.at("base", two[1]) as tree:
        assert (tree / "same_c").stat().st_ino == (series / "same_c").stat().st_ino
        assert (tree / "drivers" / "a_c").read_text() == "two" and (series / "drivers" / "a_c").read_text() == "1"
        assert not (tree / "build-x").exists()


def test_second_build_folder_begins_as_a_copy(two: tuple[str, str]) -> None:
    with worktree.at("series", two[0]) as series:
        build_folder = series / "build-x"
        (build_folder / "tools").mkdir(parents=True)
        (build_folder / "tools" / ".a.o.cmd").write_text(f"dep {series}/tools/y")
        (build_folder / "a.o").touch()
        (build_folder / "reseat-key").write_text("key")
        finish("series", two[0], "config")
        age(series)
    with worktree.at("base", two[1]) as tree:
        os.utime(tree / "drivers" / "a_c", (OLD - 5, OLD - 5))  # as if it had been checked out before that build
        (tree / "build-x").mkdir()  # of another configuration
        finish("base", two[1], "old config")
        assert worktree.adopt("base", "build-x", two[1], "config")
        copy = tree / "build-x"
        assert (copy / "a.o").stat().st_mtime == OLD
        assert (tree / "drivers" / "a_c").stat().st_mtime > OLD and (tree / "same_c").stat().st_mtime == OLD
        assert (copy / "tools" / ".a.o.cmd").read_text() == f"dep {tree}/tools/y"
        assert not (copy / "reseat-key").exists() and not (copy / worktree.BUILT).exists()  # it has yet to be built
    before = (tree / "drivers" / "a_c").stat().st_mtime
    with worktree.at("base", two[1]):
        assert (tree / "drivers" / "a_c").stat().st_mtime == before


def test_a_tree_that_is_built_in_can_be_linked_but_not_its_build_folder(two: tuple[str, str]) -> None:
    with worktree.at("series", two[0]) as series:
        (series / "build-x").mkdir()
        (series / "build-x" / "a.o").touch()
        finish("series", two[0], "config")
        with worktree.at("base", two[0]) as tree:
            assert not worktree.adopt("base", "build-x", two[0], "config")
            assert (tree / "same_c").stat().st_ino == (series / "same_c").stat().st_ino
            assert list((tree / "build-x").iterdir()) == []


def test_a_build_folder_of_this_configuration_is_kept(two: tuple[str, str]) -> None:
    for variant in ("series", "base"):
        with worktree.at(variant, two[0]) as tree:
            (tree / "build-x").mkdir()
            (tree / "build-x" / variant).touch()
            finish(variant, two[0], "config")
    with worktree.at("base", two[0]) as tree:
        assert worktree.adopt("base", "build-x", two[0], "config")
        assert worktree.adopt("base", "build-x", two[0], "config")  # after a build that failed: not thrown away
        assert sorted(p.name for p in (tree / "build-x").iterdir()) == ["base", worktree.CONFIG]


def test_a_configuration_is_made_again_when_kconfig_changed(two: tuple[str, str], tmp_path: Path) -> None:
    third = commit(tmp_path / "third", Makefile="VERSION = 7\n", drivers__Kconfig="config X\n")
    with worktree.at("series", two[0]) as tree:
        (tree / "build-x").mkdir()
        finish("series", two[0], "config")
    with worktree.at("series", third):
        assert not worktree.adopt("series", "build-x", third, "config")


def test_key_leaves_out_documentation_and_tools(two: tuple[str, str], tmp_path: Path) -> None:
    other = commit(tmp_path / "third", Makefile="VERSION = 7\n", same_c="same", drivers__a_c="1", tools__y="x",
                   Documentation__z="y")
    assert build.tree_key(other) == build.tree_key(two[0]) != build.tree_key(two[1])
    arch = common.arch("x86_64")
    assert build.key(two[0], "x", arch) == build.key(other, "x", arch) != build.key(other, "y", arch)
    assert build.config_key(["x"], "gcc") != build.config_key(["y"], "gcc")


def test_key_leaves_out_other_architectures(two: tuple[str, str], tmp_path: Path) -> None:
    files = {"Makefile": "VERSION = 7\n", **{f"arch__{f}": "1" for f in ("x86__a_c", "um__a_c", "s390__a_c", "Kconfig")}}
    one = commit(tmp_path / "one", **files)
    for changed, concerned in (("arch__s390__a_c", {"s390x"}), ("arch__um__a_c", {"x86_64"}), ("arch__x86__a_c", {"x86_64"}),
                               ("arch__Kconfig", set(common.ARCHES)), ("arch__mips__a_c", set())):
        other = commit(tmp_path / changed, **files | {changed: "2"})
        assert {n for n, a in common.ARCHES.items() if build.key(one, "x", a) != build.key(other, "x", a)} == concerned
        assert build.tree_key(one) != build.tree_key(other)


def test_clean_cache_waits_for_a_run(two: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with worktree.at("series", two[0]):
        pass
    lock = common.cache() / "locks" / "src-series"
    holder = subprocess.Popen(["flock", str(lock), "sh", "-c", "echo; sleep 1.5"], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline()
    cleaning.clean()
    assert holder.poll() is not None
    assert "waiting for another run" in capsys.readouterr().err
    assert [p.name for p in common.cache().iterdir()] == ["locks"]
