"""The source trees that builds use: moved from commit to commit by git, so that unchanged files keep their time stamps.

They have no .git folder (index and objects are elsewhere in the cache): the kernel's build then asks git for nothing.
A second tree begins as hard links to the first (git replaces files, it never writes into them), and a second build
folder as a copy of the first: what both have in common is not built twice.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from . import base, common, compose

# One builder at a time works in a tree. Those that must not wait for long builds (UML) have trees of their own.
VARIANTS = ("series", "base", "check", "uml", "uml-base")
# In a build folder: the commit of its last build, if that was finished; a key of its configuration, and the commit
# that its .config was made for.
BUILT, CONFIG = "reseat-commit", "reseat-config"


def path(variant: str) -> Path:
    """Where the source tree of @variant is."""
    return common.cache() / "src" / variant


def commit(variant: str) -> str:
    """The commit that @variant stands at now: the whole series, or the base with the test files only."""
    return compose.base_with_tests() if variant.endswith("base") else compose.series().tip


def _lock(variant: str, what: str = "src") -> Path:
    return common.cache() / "locks" / f"{what}-{variant}"


def _index(variant: str) -> Path:
    return path(variant).with_name(f"{variant}.index")


def _git(variant: str, *args: str) -> None:
    env = common.clean_env(GIT_DIR=str(base.git_dir()), GIT_WORK_TREE=str(path(variant)),
                           GIT_INDEX_FILE=str(_index(variant)))
    # Hard links change ctimes and inodes: size and mtime are what counts. No workers: as many as there are processors.
    common.run(["git", "-c", "core.checkStat=minimal", "-c", "core.trustctime=false", "-c", "checkout.workers=0", *args],
               env=env, cwd=path(variant))


def move(variant: str, to: str) -> None:
    """Make the tracked files of @variant's tree those of commit @to; untracked ones (build folders) stay."""
    index = _index(variant)
    with common.lock(_lock(variant, "move"), f"the source tree '{variant}'"):
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)  # of a run that was killed: we hold the tree
        if not path(variant).exists():
            common.need_space(path(variant), 5)
            index.unlink(missing_ok=True)
            if not _link(variant):
                common.say(f"checking out the source to {path(variant)}")
                path(variant).mkdir(parents=True)
        # --reset also brings back tracked files that somebody changed here.
        _git(variant, "read-tree", "--reset", "-u", to)


@contextlib.contextmanager
def at(variant: str, to: str = "") -> Iterator[Path]:
    """Hold the source tree of @variant, moved to the commit @to (where the variant stands now, if not given)."""
    with common.lock(_lock(variant), f"the source tree '{variant}'"):
        move(variant, to or commit(variant))
        yield path(variant)


def fetch() -> None:
    """Have the sources of the series there."""
    with at("series"):
        pass


def _read(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text()
    return ""


@contextlib.contextmanager
def _sibling(variant: str, folder: str, config: str) -> Iterator[str]:
    """Another variant with a build folder of this configuration that is not in use, held; or nothing."""
    for other in VARIANTS:
        if other != variant and _configured(path(other) / folder)[0] == config:
            with common.try_lock(_lock(other)) as mine:
                theirs = path(other) / folder
                if mine and _configured(theirs)[0] == config and _read(theirs / BUILT):
                    yield other
                    return
    yield ""


def _configured(build: Path) -> tuple[str, str]:
    """The key of a build folder's configuration, and the commit that its .config was made for."""
    key, _, made_for = _read(build / CONFIG).partition(" ")
    return key, made_for


def _link(variant: str) -> bool:
    """Begin the tree of @variant as hard links to another one; False if there is none."""
    there = (v for v in VARIANTS if v != variant and _index(v).exists() and path(v).exists())
    other = next(there, "")
    if not other:
        return False
    # It may be built in meanwhile, but not moved.
    with common.lock(_lock(other, "move"), f"the source tree '{other}'"), common.fresh(path(variant)) as tmp:
        tmp.mkdir()
        names = [p for p in sorted(path(other).iterdir()) if not p.name.lstrip(".").startswith("build-")]
        common.run(["cp", "-al", "-t", tmp, *names])
        shutil.copy2(_index(other), _index(variant))
    return True


def adopt(variant: str, folder: str, to: str, config: str) -> bool:
    """Ready the build folder @folder of @variant's tree, which is at commit @to, for a build.

    One that is not of the configuration @config, when another variant's is, begins as a copy of that. make goes by
    time: what differs from the commit that the copy was built from is therefore made newer than it.
    Returns whether its .config is good: of this configuration, and no Kconfig file changed since it was made.
    """
    build = path(variant) / folder
    with contextlib.ExitStack() as held:
        other = "" if _configured(build)[0] == config else held.enter_context(_sibling(variant, folder, config))
        if other:
            theirs = path(other) / folder
            built = _read(theirs / BUILT)
            common.remove(build)
            with common.fresh(build) as tmp:
                common.run(["cp", "-a", theirs, tmp])
                _rename(tmp / "tools", str(path(other)), str(path(variant)))
                for name in base.git("diff", "--name-only", "--no-renames", built, to).splitlines():
                    with contextlib.suppress(FileNotFoundError):
                        os.utime(path(variant) / name)
            _git(variant, "update-index", "-q", "--refresh")
    build.mkdir(exist_ok=True)
    for stamp in (BUILT, "reseat-key"):
        (build / stamp).unlink(missing_ok=True)
    key, made_for = _configured(build)
    return key == config and bool(made_for) and "Kconfig" not in base.git("diff", "--name-only", made_for, to)


def configured(variant: str, folder: str, to: str, config: str) -> None:
    """Note that the build folder's .config was made for commit @to and is of the configuration @config."""
    with common.fresh(path(variant) / folder / CONFIG) as tmp:
        tmp.write_text(f"{config} {to}")


def finished(variant: str, folder: str, to: str) -> None:
    """Note that the build folder has been built, of commit @to."""
    with common.fresh(path(variant) / folder / BUILT) as tmp:
        tmp.write_text(to)


def _rename(folder: Path, old: str, new: str) -> None:
    """tools/ is built with absolute paths: put ours for theirs into what make reads there, time stamps kept."""
    for file in folder.rglob(".*"):
        if file.is_file() and file.suffix in (".cmd", ".d"):
            st = file.stat()
            text = file.read_text(errors="surrogateescape")
            if old in text:
                file.write_text(text.replace(old, new), errors="surrogateescape")
                os.utime(file, ns=(st.st_atime_ns, st.st_mtime_ns))
