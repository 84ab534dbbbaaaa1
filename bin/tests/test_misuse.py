"""What sparse must refuse: which lines say so, and what counts as refused."""

from __future__ import annotations

import pytest

from reseat import misuse

SOURCE = """int right(void) { return f(FLR); }
int wrong(void) { return f(1); } /* refused: argument 2 */
int worse(void) { return f(FLR, dev); } /* refused: argument 1; argument 2 */
"""
OUTPUT = """/x/mask.c:2:26: warning: incorrect type in argument 2 (different base types)
/x/mask.c:2:26:    expected restricted pci_reset_t
/x/mask.c:2:26:    got int
/x/mask.c:3:26: warning: incorrect type in argument 1 (different base types)
/x/mask.c:3:26: warning: incorrect type in argument 2 (different base types)
/x/other.h:3:26: warning: not about this file
"""


def judge(output: str) -> list[str]:
    return misuse.wrong(misuse.expected(SOURCE), misuse.warned("mask.c", output))


def test_what_a_file_asks_for() -> None:
    assert misuse.expected(SOURCE) == {2: ["argument 2"], 3: ["argument 1", "argument 2"]}


def test_everything_refused() -> None:
    assert judge(OUTPUT) == []


@pytest.mark.parametrize(("old", "new", "said"), [
    ("mask.c:2:26: warning: incorrect", "mask.c:2:26:    incorrect", ["line 2: not refused: argument 2"]),
    ("mask.c:2:26: warning", "mask.c:1:26: warning",
     ["line 1: incorrect type in argument 2 (different base types)", "line 2: not refused: argument 2"]),
    ("argument 1 ", "argument 2 ",
     ["line 3: not refused: argument 1", "line 3: incorrect type in argument 2 (different base types)"]),
    ("/x/other.h", "/x/mask.c", ["line 3: not about this file"]),
    ("mask.c:2:26: warning: incorrect", "mask.c:2:26: error: incorrect", []),
])
def test_what_is_not_as_it_says(old: str, new: str, said: list[str]) -> None:
    assert judge(OUTPUT.replace(old, new)) == said


def test_a_file_that_asks_for_nothing() -> None:
    assert misuse.wrong({}, {}) == ["nothing in it is to be refused"]
