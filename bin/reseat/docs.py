"""The documents of the PCI core: Sphinx and the checker of ABI files say nothing that they don't say of the base too."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

from . import build, common, compose, outcomes, patchbuild, result, worktree
from .result import Result

_FOLDERS = "PCI"  # below Documentation
_PLACE = "build-docs"
_WARNING = re.compile(r"^(?:.*?/)?(Documentation/\S+?):(?:\d+:)? *(WARNING|ERROR|CRITICAL): (.*)$|^\[?(WARNING|ERROR)\]?:? (.*)$",
                      re.M)


def warnings(text: str, src: Path) -> Counter[str]:
    """What Sphinx or the ABI checker complained about, without line numbers."""
    found: Counter[str] = Counter()
    for m in _WARNING.finditer(text.replace(f"{src}/", "")):
        what = f"{m[1]}: {m[3]}" if m[1] else m[5]
        found[re.sub(r":\d+", "", what).strip()] += 1
    return found


def _said(commit: str) -> Counter[str]:
    log = common.LOGS / "check" / f"docs-{commit[:12]}.log"
    with worktree.at("check", commit) as src:
        place = src / _PLACE
        shutil.rmtree(place, ignore_errors=True)
        env = build.make_env(src)
        env["PATH"] = f"/usr/bin:{env['PATH']}"  # Debian's Python has what Sphinx needs
        made = common.run(["make", "-s", f"O={_PLACE}", "htmldocs", f"SPHINXDIRS={_FOLDERS}"],
                          cwd=src, env=env, check=False)
        abi = common.run(["/usr/bin/python3", "tools/docs/get_abi.py", "-D", "Documentation/ABI", "validate"], cwd=src, env=env,
                         check=False)
        pages = len(list(place.rglob("*.html")))
        shutil.rmtree(place, ignore_errors=True)
    text = made.stdout + made.stderr + abi.stdout + abi.stderr
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)
    if made.returncode or not pages:
        raise common.Error(f"Sphinx made no pages, log: {log}")
    return warnings(text, src)


def check(composed: compose.Composed) -> list[Result]:
    """Render the documents of the tip and of the base, and compare what was said."""
    name = f"Documentation/{_FOLDERS} and Documentation/ABI"
    if not any(f.startswith("Documentation/") for p in composed.commits for f in patchbuild.touched(p)):
        return []
    if not Path("/usr/bin/sphinx-build").exists():
        return [Result("check", name, "skip", "Sphinx (python3-sphinx) is not installed")]
    timer = result.Timer()
    key = outcomes.key("docs", composed.base, composed.tip, Path(__file__).read_text())
    new = outcomes.recall(key)
    if new is None:
        common.say("rendering documents, of the series and of the base")
        new = sorted((_said(composed.tip) - _said(composed.base)).elements())
        outcomes.remember(key, new)
    return [Result("check", name, "fail" if new else "pass", "new: " + "; ".join(new[:4]) if new else "", seconds=timer())]
