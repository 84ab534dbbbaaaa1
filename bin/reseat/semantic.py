"""Mechanical patches: the semantic patch that one says it was made by, run on its parent commit, makes it again.

`made by: harness/cocci/NAME.cocci` below the `---` of a mail names the semantic patch. spatch gets each file that names
one of its functions by itself: what 1.1.1 makes of a file depends on the others that it is given.
"""

from __future__ import annotations

import os
import re
import tempfile
from concurrent import futures
from pathlib import Path

from . import common, compose, outcomes, result
from .git import Git, put
from .result import Result

FOLDER = common.ROOT / "harness" / "cocci"
_LINE = re.compile(r"^made by: (.*)$", re.M)


def maker(patch: str, notes: str) -> Path | None:
    """The semantic patch that the notes of a patch name."""
    found = _LINE.findall(notes)
    if not found:
        return None
    path = FOLDER / Path(found[0]).name
    if len(found) > 1 or found[0] != f"harness/cocci/{path.name}" or not path.is_file():
        raise common.Error(f"{patch}: 'made by: {found[-1]}': one file in harness/cocci")
    return path


def names(script: str) -> list[str]:
    """The functions that a semantic patch speaks of: the lower-case words with an underscore, comments aside."""
    code = re.sub(r"//.*", "", script)
    return sorted(set(re.findall(r"\b(?=[a-z0-9]*_)[a-z_][a-z0-9_]*\b", code)))


def files(git: Git, commit: str, script: str) -> list[str]:
    """The C files of @commit that name one of the semantic patch's functions."""
    words = [arg for name in names(script) for arg in ("-e", name)]
    code, found, err = git.run("grep", "-lwF", *words, commit, "--", "*.c", "*.h", check=False)
    if code > 1:
        raise common.Error(f"git grep: {err.strip()}")
    return sorted(line.partition(":")[2] for line in found.splitlines())


def apply(git: Git, commit: str, script: str) -> dict[str, bytes]:
    """The files of @commit that the semantic patch changes, as it makes them."""
    before = git.files(commit, files(git, commit, script))
    with tempfile.TemporaryDirectory(prefix="reseat-spatch-") as tmp:
        folder = Path(tmp)
        cocci = folder / "script.cocci"
        cocci.write_text(script)

        def make(path: str) -> bytes:
            put(folder, path, before[path])
            common.run(["spatch", "--very-quiet", "--no-includes", "--in-place", "--sp-file", cocci, path],
                       cwd=folder, timeout=300)
            return (folder / path).read_bytes()

        with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            after = dict(zip(before, pool.map(make, before)))
    return {path: data for path, data in after.items() if data != before[path].data}


def differs(git: Git, patch: compose.Patch, script: str) -> list[str]:
    """What @patch and the semantic patch make different of the parent commit."""
    made = apply(git, patch.parent, script)
    touched = git("diff", "--name-only", "--no-renames", patch.parent, patch.commit).splitlines()
    there = git.files(patch.commit, sorted({*made, *touched}))
    wrong = [f"{path}: only in the patch" for path in touched if path not in made]
    wrong += [f"{path}: not in the patch" for path in made if path not in touched]
    wrong += [f"{path}: the patch has it otherwise" for path in touched
              if path in made and (path not in there or there[path].data != made[path])]
    return sorted(wrong)


def check(composed: compose.Composed) -> list[Result]:
    """Make every mechanical patch again; a semantic patch that made none is a failure."""
    base = compose.base_of()
    git = Git(base.git_dir)
    notes = {s.name: s.mail.notes for s in compose.stored(compose.load(common.ROOT, base))}
    results = []
    unused = set(FOLDER.glob("*.cocci"))
    for patch in composed.commits:
        path = maker(patch.name, notes[patch.name])
        if not path:
            continue
        unused.discard(path)
        timer = result.Timer()
        script = path.read_text()
        version = common.run(["spatch", "--version"]).stdout.partition("\n")[0]
        key = outcomes.key("semantic", patch.parent, patch.commit, script, version)
        wrong = outcomes.recall(key)
        if wrong is None:
            common.say(f"{patch.name}: making it again with {path.name}")
            wrong = differs(git, patch, script)
            outcomes.remember(key, wrong)
        results.append(Result("check", f"{patch.name}: {path.name} makes it", "fail" if wrong else "pass",
                              f"{version}: {'; '.join(wrong[:3])}" if wrong else "", seconds=timer()))
    return results + [Result("check", f"harness/cocci/{path.name}", "fail", "no patch says that it was made by it")
                      for path in sorted(unused)]
