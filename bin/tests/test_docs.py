"""What Sphinx and the ABI checker say."""

from __future__ import annotations

from pathlib import Path

from reseat import docs

TEXT = """Using alabaster theme
/src/Documentation/PCI/endpoint/a.rst:157: WARNING: unknown document: '../../driver-api/ntb'
/src/Documentation/PCI/endpoint/a.rst:160: WARNING: unknown document: '../../driver-api/ntb'
WARNING: /sys/a is defined 2 times: /src/Documentation/ABI/testing/a:364; /src/Documentation/ABI/testing/b:234
[WARNING] /sys/b is odd
"""


def test_warnings() -> None:
    """By file and text, without the numbers of lines, which move."""
    assert docs.warnings(TEXT, Path("/src")) == {
        "Documentation/PCI/endpoint/a.rst: unknown document: '../../driver-api/ntb'": 2,
        "/sys/a is defined 2 times: Documentation/ABI/testing/a; Documentation/ABI/testing/b": 1,
        "/sys/b is odd": 1}
