"""Every patch by itself: its files are compiled before and after it, with W=1 and sparse.

A quick check does so on x86_64, and on the other architectures where the patch touches what depends on them; if it
changes what a header below include/ offers, whoever uses that is compiled too. A thorough one leaves no architecture
out, and builds the whole test kernel for such a header. Outcomes are kept, by content: a check that is in a hurry goes
by those, and says which are missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from . import base, build, common, compose, config, outcomes, result, sparse, worktree
from .objects import FAILED, Objects, Said, warnings
from .result import Result

ELSEWHERE = common.ROOT / "harness" / "uncompiled"
_BUILT = "built "  # in an outcome: before the name of a file that was compiled


def touched(patch: compose.Patch) -> list[str]:
    """The files that a patch changes."""
    return base.git("diff", "--name-only", "--no-renames", patch.parent, patch.commit).splitlines()


def is_kernel(name: str) -> bool:
    """Is this a file that a kernel is made of?"""
    return not name.startswith(("Documentation/", "tools/", "samples/", "scripts/"))


def sources(patch: compose.Patch) -> list[str]:
    """The C files of the kernel that a patch changes."""
    return [f for f in touched(patch) if f.endswith(".c") and is_kernel(f)]


def _changed_lines(diff: str) -> list[str]:
    """The lines that a diff adds or removes."""
    return [s[1:] for s in diff.splitlines() if re.match(r"[+-](?![+-]{2} )", s)]


def changes_interface(diff: str) -> bool:
    """Does this diff of headers change more than comments and blank lines?"""
    return any(s and not s.startswith(("*", "/*", "//")) for s in map(str.strip, _changed_lines(diff)))


# What a header's line defines or declares: a macro, or a function after its type. Not what a macro is made to define.
_NAME = re.compile(r"#define (\w+)|(?:[A-Za-z_]\w*[ *]+)+(\w+)\(")


def changed_names(diff: str) -> set[str]:
    """The functions and macros that a diff of headers changes, adds or removes."""
    return {m[1] or m[2] for m in map(_NAME.match, _changed_lines(diff)) if m}


def elsewhere() -> set[str]:
    """The files that none of our configurations has: harness/uncompiled says where each was compiled, or why not."""
    lines = [s for s in ELSEWHERE.read_text().splitlines() if s and not s.startswith("#")]
    if wrong := [s for s in lines if not re.fullmatch(r"\S+  \S.*", s)]:
        raise common.Error(f"{ELSEWHERE}: '{wrong[0]}': a file, two blanks, a reason")
    return {s.split()[0] for s in lines}


def new_messages(files: Iterable[str], before: Said, after: Said) -> list[str]:
    """What is said of @files after a patch, and was not before.

    Sparse complains of an inline function in a header once for each of its uses: what the parent says of a header,
    whichever file included it, is known.
    """
    known = {m for said in before.messages.values() for m in said}
    new: Counter[str] = Counter()
    for file in files:
        for message, count in (after.messages.get(file, Counter()) - before.messages.get(file, Counter())).items():
            if message.startswith(f"{file}:") or message not in known:
                new[message] += count
    return sorted(new.elements())


def check(composed: compose.Composed, *, thorough: bool = False, hurry: Callable[[], bool] = lambda: False) -> list[Result]:
    """Build each patch by itself; what is not built when @hurry says that nobody wants to wait is skipped."""
    return _Checker(composed, thorough, hurry).run()


class _Checker:
    """Goes through the series once, and compiles at each commit what the patches on both sides of it touch."""

    def __init__(self, composed: compose.Composed, thorough: bool, hurry: Callable[[], bool]) -> None:
        self.patches = composed.commits
        self.thorough = thorough
        self.hurry = hurry
        self.skipped = False
        tool = sparse.ensure()
        self.places = [Objects(a, worktree.path("check"), tool) for a in common.ARCHES.values()]
        self.keys = {place.arch.name: place.key() for place in self.places}
        self.states: dict[tuple[str, str], Said] = {}
        self.elsewhere = elsewhere()
        self.lost: set[str] = set()

    def _key(self, patch: compose.Patch, place: Objects) -> str:
        return outcomes.key("objects", patch.parent, patch.commit, self.keys[place.arch.name], *sources(patch))

    def _anywhere(self, patch: compose.Patch) -> bool:
        """Is a patch to be compiled on all architectures, or only until each file was compiled on one?"""
        return self.thorough or any(f.startswith(("arch/", "include/")) or "Kconfig" in f for f in touched(patch))

    def run(self) -> list[Result]:
        """All results: from what is kept, and from what is compiled now."""
        new = {p.name for p in self.patches if sources(p) and outcomes.recall(self._key(p, self.places[0])) is None}
        if new:
            common.say(f"building {len(new)} patches, each by itself")
        results: list[Result] = []
        for n, patch in enumerate(self.patches):
            if sources(patch):
                results += self._patch(n, patch)
        results += self._interfaces()
        return results if self.skipped else results + [
            Result("check", f"{ELSEWHERE.name}: {f}", "fail", "it is compiled here, or no patch touches it: drop the line")
            for f in sorted(self.elsewhere - self.lost)]

    def _skip(self, what: str) -> list[Result]:
        self.skipped = True
        return [Result("check", what, "skip", "not compiled yet, and no time was left: make check does all")]

    def _patch(self, n: int, patch: compose.Patch) -> list[Result]:
        results = []
        compiled: set[str] = set()
        for place in self.places:
            if compiled.issuperset(sources(patch)) and not self._anywhere(patch):
                break
            timer = result.Timer()
            key = self._key(patch, place)
            what = f"{patch.name}: builds on {place.arch.name}, W=1 and sparse"
            outcome = outcomes.recall(key)
            if outcome is None and self.hurry():
                return results + self._skip(what)
            if outcome is None:
                outcome = self._compile(n, patch, place)
                outcomes.remember(key, outcome)
            new = [s for s in outcome if not s.startswith(_BUILT)]
            compiled |= {s.removeprefix(_BUILT) for s in outcome if s.startswith(_BUILT)}
            results.append(Result("check", what, "fail" if new else "pass", "new: " + "; ".join(new[:4]) if new else "",
                                  seconds=timer(), log=str(_log(place.arch, patch.commit)) if new else ""))
        lost = [f for f in sources(patch) if f not in compiled and base.git("ls-tree", patch.commit, "--", f)]
        self.lost.update(lost)
        if lost := [f for f in lost if f not in self.elsewhere]:
            results.append(Result("check", f"{patch.name}: every file is compiled", "fail",
                                  f"on no architecture: {', '.join(lost)}; {ELSEWHERE.name} lacks them"))
        return results

    def _compile(self, n: int, patch: compose.Patch, place: Objects) -> list[str]:
        """What the patch adds: new messages, and which of its files were compiled."""
        before = self._state(n - 1, patch.parent, place)
        after = self._state(n, patch.commit, place)
        return [_BUILT + f for f in sources(patch) if f in after.files] + new_messages(sources(patch), before, after)

    def _state(self, n: int, commit: str, place: Objects) -> Said:
        """Compile at the commit of patch @n what that patch and the next one touch."""
        state = (commit, place.arch.name)
        if state not in self.states:
            files = sorted({f for p in self.patches[max(n, 0):n + 2] for f in sources(p)})
            with worktree.at("check", commit):
                self.states[state] = place.compile(commit, files, _log(place.arch, commit))
        return self.states[state]

    def _interfaces(self) -> list[Result]:
        """What else has to be compiled for the patches that change what others may use."""
        results = []
        for patch in self.patches:
            headers = base.git("diff", "--unified=0", patch.parent, patch.commit, "--", "include/", "arch/*/include/")
            if not changes_interface(headers):
                continue
            if not self.thorough:
                results += self._users(patch, changed_names(headers))
                continue
            for place in self.places:
                timer = result.Timer()
                key = outcomes.key("kernel", patch.commit, self.keys[place.arch.name])
                outcome = outcomes.recall(key)
                if outcome is None:
                    outcome = _whole(patch, place.arch)
                    outcomes.remember(key, outcome)
                results.append(Result("check", f"{patch.name}: the whole kernel builds on {place.arch.name}",
                                      "fail" if outcome else "pass", "; ".join(outcome[:4]), seconds=timer(),
                                      log=str(_log(place.arch, patch.commit, "kernel")) if outcome else ""))
        return results

    def _users(self, patch: compose.Patch, names: set[str]) -> list[Result]:
        """Compile the files that use one of @names, on the first architecture that can."""
        if not names:
            return []
        what = f"{patch.name}: who uses what it changes compiles"
        timer = result.Timer()
        text = base.git("grep", "-lwE", "|".join(sorted(names)), patch.commit, "--", "*.c", check=False)
        files = sorted(f for f in (s.partition(":")[2] for s in text.splitlines()) if is_kernel(f))
        key = outcomes.key("users 2", patch.commit, *self.keys.values(), *files)
        wrong = outcomes.recall(key)
        if wrong is None and files and self.hurry():
            return self._skip(what)
        if wrong is None and files:
            common.say(f"{patch.name}: {len(files)} files that use what it changes")
            wrong, left = [], files
            for place in self.places:
                with worktree.at("check", patch.commit):
                    said = place.compile(patch.commit, [f for f in left if _may_be_on(f, place)],
                                         _log(place.arch, patch.commit, "users"))
                # What sparse calls an error may be the base's, and stops nothing.
                wrong += sorted({m for f in left for m in said.messages.get(f, ()) if m == f"{f}: {FAILED}"})
                left = [f for f in left if f not in said.files]
            outcomes.remember(key, wrong)
        return [Result("check", what, "fail" if wrong else "pass", "; ".join((wrong or [])[:4]), seconds=timer())]


def _may_be_on(file: str, place: Objects) -> bool:
    return not file.startswith("arch/") or file.startswith(f"arch/{place.arch.kernel}/")


def _log(arch: common.Arch, commit: str, what: str = "objects") -> Path:
    return common.LOGS / "check" / f"{what}-{arch.name}-{commit[:12]}.log"


def _whole(patch: compose.Patch, arch: common.Arch) -> list[str]:
    """Build the test kernel of @arch at a patch; returns what is wrong."""
    with worktree.at("check", patch.commit) as src:
        folder = src / f"build-{arch.name}"
        common.say(f"{patch.name}: the whole {arch.name} kernel")
        common.need_space(folder, 3)
        args = build.make_args(arch)
        wanted = [(f.name, f.read_text()) for f in config.fragments(arch.name)]
        kunit = config.kunit_fragment(src)
        configured = build.config_key([arch.name, kunit, *(text for _, text in wanted)], build.compiler(arch))
        if not worktree.adopt("check", folder.name, patch.commit, configured):
            config.make(src, folder, arch, wanted, args, optional=kunit)
            worktree.configured("check", folder.name, patch.commit, configured)
        log = _log(arch, patch.commit, "kernel")
        status = build.make(src, folder, arch.kernel, [*args, arch.target, "modules"], log=log,
                            what=f"{patch.name} on {arch.name}", check=False)
        if status == 0:
            worktree.finished("check", folder.name, patch.commit)
        return sorted(warnings(log.read_text(errors="replace"))) or (["make failed"] if status else [])
