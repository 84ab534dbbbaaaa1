"""What a build folder says of itself."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from reseat import build, common


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


@pytest.mark.skipif(not shutil.which("ccache") or not shutil.which("gcc"), reason="needs ccache and gcc")
def test_what_takes_in_another_file_is_built_anew(tmp_path: Path) -> None:
    """The image takes in the compressed kernel: with an old one all tests would be of another kernel than we say."""
    (tmp_path / "piggy.S").write_text('.section ".rodata"\n.incbin "kernel"\n')
    for kernel in (b"one", b"two"):
        (tmp_path / "kernel").write_bytes(kernel)
        common.run(["ccache", "gcc", "-c", "-MMD", "-o", "piggy.o", "piggy.S"], cwd=tmp_path, env=build.make_env(tmp_path))
        assert kernel in (tmp_path / "piggy.o").read_bytes()
