"""series/series, and the names of patches."""

from __future__ import annotations

import pytest
from reseat import order
from reseat.common import Error

A, B, C, D = (f"00{n}0-{s}.patch" for n, s in ((1, "a"), (2, "b"), (3, "c"), (4, "d")))
SERIES = f"# fixes\n# all old\n{A}\n{B}\n\n# tests: base too\n{C}\n# within\n{D}\n\n# later\n"


def test_sections() -> None:
    assert [(e.name, e.section) for e in order.parse(SERIES)] == [
        (A, "# fixes"), (B, "# fixes"), (C, "# tests: base too"), (D, "# within")]
    assert order.parse("") == []


@pytest.mark.parametrize("line", ["../x.patch", "patch", "1-x.patch", "0010-x.patch extra", "0010-a/b.patch"])
def test_refuses_what_is_no_name(line: str) -> None:
    with pytest.raises(Error, match="is not the name of a patch"):
        order.parse(f"{A}\n{line}\n")


def test_refuses_a_patch_listed_twice() -> None:
    with pytest.raises(Error, match="listed twice"):
        order.parse(f"{A}\n{A}\n")


@pytest.mark.parametrize(("names", "result"), [
    ([A, B, C, D], SERIES),
    ([A, "0015-n.patch", B, C, D], SERIES.replace(A, f"{A}\n0015-n.patch")),
    (["0005-n.patch", A, B, C, D], SERIES.replace(A, f"0005-n.patch\n{A}")),
    ([A, B, C, D, "0050-n.patch"], SERIES.replace(D, f"{D}\n0050-n.patch")),
    ([A, C, D], SERIES.replace(f"{B}\n", "")),
    ([B, A, C, D], SERIES.replace(f"{A}\n{B}", f"{B}\n{A}")),
    ([A, C, D, B], SERIES.replace(f"{B}\n", "").replace(D, f"{D}\n{B}")),
    ([], SERIES.replace(f"{A}\n{B}\n", "").replace(f"{C}\n", "").replace(f"{D}\n", "")),
])
def test_rewrite_keeps_every_other_line(names: list[str], result: str) -> None:
    assert order.rewrite(SERIES, names) == result


def test_rewrite_of_an_empty_series() -> None:
    assert order.rewrite("", [A, B]) == f"{A}\n{B}\n"
    assert order.rewrite("# only a comment\n", [A]) == f"# only a comment\n{A}\n"


def test_new_names_lie_between_their_neighbours() -> None:
    def names(*known: str | None) -> list[str]:
        return [n[:4] for n in order.new_names(known, ["S"] * len(known), set())]

    assert names(None, None) == ["0010", "0020"]
    assert names(A, None, B) == ["0010", "0015", "0020"]
    assert names(A, None, None, None, B) == ["0010", "0012", "0014", "0017", "0020"]
    assert names(None, A) == ["0005", "0010"]
    assert names(A, B, None) == ["0010", "0020", "0030"]
    assert names(D, None, A) == ["0040", "0050", "0010"]
    assert names("0010-a.patch", None, "0011-b.patch") == ["0010", "0010", "0011"]


def test_new_names_are_unique() -> None:
    assert order.new_names([None, A], ["a", "x"], {"0005-a.patch"}) == ["0005-a-2.patch", A]
