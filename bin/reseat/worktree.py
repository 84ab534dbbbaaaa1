"""The source trees that builds use: moved from commit to commit by git, so that unchanged files keep their time stamps.

They have no .git folder (index and objects are elsewhere in the cache): the kernel's build then asks git for nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from . import base, common, compose

VARIANTS = ("series", "base")


def path(variant: str) -> Path:
    """Where the source tree of @variant is."""
    return common.cache() / "src" / variant


def commit(variant: str) -> str:
    """The commit that @variant stands at now: the whole series, or the base with the test files only."""
    if not (common.ROOT / "series" / "series").exists():  # XXX until the series exists
        return base.ensure().commit
    return compose.base_with_tests() if variant == "base" else compose.series().tip


def move(tree: Path, to: str) -> None:
    """Make the tracked files of @tree those of commit @to; untracked ones (build folders) stay."""
    index = tree.with_name(f"{tree.name}.index")
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)  # of a run that was killed: we hold the lock on the tree
    if not tree.exists():
        common.need_space(tree, 5)
        index.unlink(missing_ok=True)
        common.say(f"checking out the source to {tree}")
        tree.mkdir(parents=True)
    env = common.clean_env(GIT_DIR=str(base.git_dir()), GIT_WORK_TREE=str(tree), GIT_INDEX_FILE=str(index))
    # --reset also brings back tracked files that somebody changed here.
    common.run(["git", "-c", "core.checkStat=minimal", "read-tree", "--reset", "-u", to], env=env, cwd=tree)


@contextlib.contextmanager
def at(variant: str, to: str = "") -> Iterator[Path]:
    """Hold the source tree of @variant, moved to the commit @to (where the variant stands now, if not given)."""
    with common.lock(common.cache() / "locks" / f"src-{variant}", f"the source tree '{variant}'"):
        to = to or commit(variant)
        move(path(variant), to)
        yield path(variant)
