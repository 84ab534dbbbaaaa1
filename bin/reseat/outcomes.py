"""Outcomes of checks that take long, kept in the cache by the content that they come from."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from pathlib import Path

from . import build, common

_FORMAT = "1"  # part of every key: raise it when what is checked changes
_KEEP = 3000


def _folder() -> Path:
    return common.cache() / "checked"


def key(*parts: str) -> str:
    """The name under which an outcome is kept; commits among @parts count by their content."""
    return hashlib.sha256("\0".join([_FORMAT, *(_content(p) for p in parts)]).encode()).hexdigest()[:24]


@functools.lru_cache(maxsize=1024)
def _content(part: str) -> str:
    return build.tree_key(part) if re.fullmatch(r"[0-9a-f]{40}", part) else part


def recall(name: str) -> list[str] | None:
    """An outcome that was kept."""
    try:
        return json.loads((_folder() / name).read_text())
    except (OSError, ValueError):
        return None


def remember(name: str, outcome: list[str]) -> None:
    """Keep an outcome."""
    with common.fresh(_folder() / name) as tmp:
        tmp.write_text(json.dumps(outcome))
    for old in sorted(_folder().iterdir(), key=lambda p: p.stat().st_mtime)[:-_KEEP]:
        old.unlink(missing_ok=True)
