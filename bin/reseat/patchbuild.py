"""Every patch by itself: its files are compiled before and after it, with W=1 and sparse, on each architecture.

A patch that changes a header below include/ has the whole test kernel built as well. Outcomes are kept, by content.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from . import base, build, common, compose, config, outcomes, result, sparse, worktree
from .objects import Objects, Said, warnings
from .result import Result

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


def changes_interface(diff: str) -> bool:
    """Does this diff of headers change more than comments and blank lines?"""
    lines = [s[1:].strip() for s in diff.splitlines() if re.match(r"[+-](?![+-]{2} )", s)]
    return any(s and not s.startswith(("*", "/*", "//")) for s in lines)


def check(composed: compose.Composed) -> list[Result]:
    """Build each patch by itself on every architecture."""
    return _Checker(composed).run()


class _Checker:
    """Goes through the series once, and compiles at each commit what the patches on both sides of it touch."""

    def __init__(self, composed: compose.Composed) -> None:
        self.patches = composed.commits
        tool = sparse.ensure()
        self.places = [Objects(a, worktree.path("check"), tool) for a in common.ARCHES.values()]
        self.keys = {place.arch.name: place.key() for place in self.places}
        self.states: dict[tuple[str, str], Said] = {}

    def _key(self, patch: compose.Patch, place: Objects) -> str:
        return outcomes.key("objects", patch.parent, patch.commit, self.keys[place.arch.name], *sources(patch))

    def run(self) -> list[Result]:
        """All results: from what is kept, and from what is compiled now."""
        new = {p.name for p in self.patches for place in self.places
               if sources(p) and outcomes.recall(self._key(p, place)) is None}
        if new:
            common.say(f"building {len(new)} patches, each by itself")
        results: list[Result] = []
        for n, patch in enumerate(self.patches):
            if sources(patch):
                results += self._patch(n, patch)
        return results + self._interfaces()

    def _patch(self, n: int, patch: compose.Patch) -> list[Result]:
        results = []
        compiled: set[str] = set()
        for place in self.places:
            timer = result.Timer()
            key = self._key(patch, place)
            outcome = outcomes.recall(key)
            if outcome is None:
                outcome = self._compile(n, patch, place)
                outcomes.remember(key, outcome)
            new = [s for s in outcome if not s.startswith(_BUILT)]
            compiled |= {s.removeprefix(_BUILT) for s in outcome if s.startswith(_BUILT)}
            results.append(Result("check", f"{patch.name}: builds on {place.arch.name}, W=1 and sparse",
                                  "fail" if new else "pass", "new: " + "; ".join(new[:4]) if new else "",
                                  seconds=timer(), log=str(_log(place.arch, patch.commit)) if new else ""))
        lost = [f for f in sources(patch) if f not in compiled and base.git("ls-tree", patch.commit, "--", f)]
        if lost:
            results.append(Result("check", f"{patch.name}: every file is compiled", "fail",
                                  f"on no architecture: {', '.join(lost)}"))
        return results

    def _compile(self, n: int, patch: compose.Patch, place: Objects) -> list[str]:
        """What the patch adds: new messages, and which of its files were compiled."""
        before = self._state(n - 1, patch.parent, place)
        after = self._state(n, patch.commit, place)
        new: Counter[str] = Counter()
        for file in sources(patch):
            new += after.messages.get(file, Counter()) - before.messages.get(file, Counter())
        return [_BUILT + f for f in sources(patch) if f in after.files] + sorted(new.elements())

    def _state(self, n: int, commit: str, place: Objects) -> Said:
        """Compile at the commit of patch @n what that patch and the next one touch."""
        state = (commit, place.arch.name)
        if state not in self.states:
            files = sorted({f for p in self.patches[max(n, 0):n + 2] for f in sources(p)})
            with worktree.at("check", commit):
                self.states[state] = place.compile(commit, files, _log(place.arch, commit))
        return self.states[state]

    def _interfaces(self) -> list[Result]:
        """The whole test kernel, for the patches that change what others may use."""
        results = []
        for patch in self.patches:
            headers = base.git("diff", "--unified=0", patch.parent, patch.commit, "--", "include/", "arch/*/include/")
            if not changes_interface(headers):
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
