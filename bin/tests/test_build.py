"""What a build folder says of itself."""

import dataclasses
from pathlib import Path

from reseat import build


def _kernel(src: Path, key: str = "key") -> build.Kernel:
    folder = src / "build-x86_64"
    return build.Kernel(folder / "bzImage", folder, src, key, "x86_64")


def test_a_kernel_is_built_once(tmp_path: Path) -> None:
    kernel = _kernel(tmp_path / "src")
    kernel.build.mkdir(parents=True)
    assert not kernel.built()
    kernel.sign()
    assert not kernel.built()  # no image
    kernel.image.touch()
    assert kernel.built()
    assert not dataclasses.replace(kernel, key="another").built()


def test_a_cache_that_was_moved_is_made_once_more(tmp_path: Path) -> None:
    kernel = _kernel(tmp_path / "old" / "src")
    kernel.build.mkdir(parents=True)
    kernel.image.touch()
    kernel.sign()
    (tmp_path / "old").rename(tmp_path / "new")
    assert not _kernel(tmp_path / "new" / "src").built()  # its Makefile includes one that is gone
