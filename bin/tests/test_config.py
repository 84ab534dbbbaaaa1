"""Kernel configurations: what the fragments say must be what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import build, common, config


def test_parse() -> None:
    text = "# comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x y\"\nCONFIG_D=0x10\n#CONFIG_E=y\n"
    assert config.parse(text) == {"CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": '"x y"', "CONFIG_D": "0x10"}


def test_a_line_that_did_not_come_out_is_named(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("CONFIG_A=y\n# CONFIG_B is not set\n")
    wanted = [("one.config", "CONFIG_A=y\nCONFIG_B=y\n"), ("two.config", "CONFIG_C=n\nCONFIG_D=64\n")]
    with pytest.raises(common.Error) as e:
        config.verify(wanted, tmp_path / ".config")
    assert "one.config: CONFIG_B=y, is n" in str(e.value) and "two.config: CONFIG_D=64, is n" in str(e.value)
    assert "CONFIG_A" not in str(e.value) and "CONFIG_C" not in str(e.value)


def test_later_fragments_go_before_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("CONFIG_A=m\n")
    config.verify([("one", "CONFIG_A=y\n"), ("two", "CONFIG_A=m\n")], tmp_path / ".config")


@pytest.mark.parametrize("arch", common.ARCHES)
def test_fragments_are_there(arch: str) -> None:
    names = [f.name for f in config.fragments(arch, debug=True)]
    assert names[:3] == ["common.config", f"{arch}.config", "debug.config"]
    for file in config.fragments(arch, debug=True):
        symbols = [line.split("=")[0] for line in file.read_text().splitlines() if line and not line.startswith("#")]
        assert len(symbols) == len(set(symbols)), f"{file.name} says something twice"
    assert config.parse(config.fragments(arch)[0].read_text())["CONFIG_BUG"] == "y"


def test_names_and_unknown_architecture() -> None:
    assert build.name("s390x", debug=True, base=True) == "s390x-debug-base"
    with pytest.raises(common.Error, match="unknown ARCH 'arm64': one of x86_64, s390x, ppc64le"):
        build.kernel("arm64")


def test_missing_compiler_is_named() -> None:
    with pytest.raises(common.Error, match="no pdp11-aout-gcc"):
        build.compiler(common.Arch("pdp11", "pdp11", "pdp11", "pdp11-aout-", "x", "x", ("pdp11",)))
