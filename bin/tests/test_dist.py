"""The mails, the quilt directory, and test number one."""

from __future__ import annotations

import mailbox
from collections.abc import Iterable
from pathlib import Path

import pytest
from minikernel import Repo, sh
from reseat import absorb, base, compose, dist, git, roundtrip
from reseat.common import Error


def made(repo: Repo, signoff: str | None = None) -> dict[str, str]:
    """What dist writes, by name."""
    path = dist.make(repo.root, signoff, repo.base)
    assert path == repo.root / "out/dist/reseat.mbox"
    return {str(p.relative_to(path.parent)): p.read_text() for p in sorted(path.parent.rglob("*")) if p.is_file()}


def test_names(repo: Repo) -> None:
    assert list(made(repo)) == [
        "mails/0000-cover-letter.patch", "mails/0001-PCI-Fix-line-10.patch", "mails/0002-PCI-Add-a-reset-file.patch",
        "mails/0003-PCI-Use-the-reset-file.patch", "quilt/0010-PCI-Fix-line-10.patch",
        "quilt/0020-PCI-Add-a-reset-file.patch", "quilt/0030-PCI-Use-the-reset-file.patch", "quilt/series",
        "reseat.mbox"]


def test_git_am_gives_the_composed_tree(repo: Repo, tmp_path: Path) -> None:
    repo.patch(repo.names()[0], author="Jörg, O'Hara <j@example.org>", subject="PCI: Größe",
               message="Für alle.\n\nCc: x", notes="Only for reviewers.")
    made(repo)
    sh(tmp_path, "git", "clone", "-q", "--no-checkout", str(repo.base.git_dir), "clone")
    clone = tmp_path / "clone"
    sh(clone, "git", "checkout", "-q", repo.base.commit)
    sh(clone, "git", "am", "-q", str(repo.root / "out/dist/reseat.mbox"))
    tip = repo.compose().tip
    assert sh(clone, "git", "rev-parse", "HEAD^{tree}") == sh(repo.base.git_dir, "git", "rev-parse", f"{tip}^{{tree}}")
    form = "--format=%an <%ae> %ad%n%B"
    assert sh(clone, "git", "log", form, "HEAD~3..") == sh(repo.base.git_dir, "git", "log", form, f"{tip}~3..{tip}")


def test_the_mails(repo: Repo) -> None:
    repo.patch(repo.names()[0], notes="Only for reviewers.")
    box = made(repo)["reseat.mbox"]
    mails = [m for m in mailbox.mbox(repo.root / "out/dist/reseat.mbox")]
    assert [m["subject"] for m in mails] == ["[PATCH 1/3] PCI: Fix line 10", "[PATCH 2/3] PCI: Add a reset file",
                                             "[PATCH 3/3] PCI: Use the reset file"]
    assert "\nBecause.\n---\n\nOnly for reviewers.\n\n drivers/pci/pci.c | 2 +-\n 1 file changed" in box
    assert "\nnew file mode 100644\n" in box and "\n+int reset_15;\n" in box and " create mode 100644 drivers" in box


def test_the_cover_letter(repo: Repo) -> None:
    cover = made(repo)["mails/0000-cover-letter.patch"]
    assert "\nSubject: [PATCH 0/3] A series\n\nThat does it.\n\nReseat (3):\n  PCI: Fix line 10\n" in cover
    assert " 4 files changed" in cover and cover.endswith(f"\nbase-commit: {repo.base.commit}\n\n")
    repo.write("series/cover", "only a subject\n")
    with pytest.raises(Error, match="series/cover: a line for the subject"):
        made(repo)
    (repo.root / "series/cover").unlink()
    assert "mails/0000-cover-letter.patch" not in made(repo)


def test_unsigned_is_not_ready_to_send(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("Signed-off-by" in t for t in made(repo).values())
    assert "NOT READY TO SEND" in capsys.readouterr().err
    made(repo, "A Person <a@example.org>")
    assert "NOT READY" not in capsys.readouterr().err


def test_the_signer_signs_last_and_stands_in_for_the_placeholder(repo: Repo) -> None:
    first, second, third = repo.names()
    repo.patch(first, author="Other One <o@example.org>", message="Because.\n\nFixes: 123456789012 (\"x\")\n"
                                                                  "Signed-off-by: Other One <o@example.org>")
    signed = made(repo, "A Person <a@example.org>")
    box = signed["reseat.mbox"].split("\nFrom ")
    assert "From: Other One <o@example.org>\n" in box[0] and "From: A Person <a@example.org>\n" in box[1]
    assert "\nSigned-off-by: Other One <o@example.org>\nSigned-off-by: A Person <a@example.org>\n---\n" in box[0]
    assert "\nBecause.\n\nSigned-off-by: A Person <a@example.org>\n---\n" in box[1]
    assert "From: A Person <a@example.org>\n" in signed["mails/0000-cover-letter.patch"]
    assert "Signed-off-by: A Person" in signed[f"quilt/{third}"]
    assert not any("Signed-off-by: A Person" in repo.read(f"series/{n}") for n in repo.names())
    again = "x\n\nSigned-off-by: A Person <a@example.org>"
    assert dist.sign(again, "A Person <a@example.org>") == again
    with pytest.raises(Error, match="is not 'Name <mail>'"):
        made(repo, "a@example.org")
    assert second


def test_the_same_every_time(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(repo)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setattr("time.time", lambda: 2000000000.0)
    assert made(repo) == first


def test_nothing_to_send(repo: Repo) -> None:
    sh(repo.root, "sh", "-c", "rm series/*.patch drivers/pci/reset.c && echo '# none' > series/series")
    with pytest.raises(Error, match="nothing to send"):
        made(repo)


def put_orig(files: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the .orig source."""
    def orig_files(paths: Iterable[str], dest: Path) -> tuple[Path | None, str]:
        if files is None:
            return None, "the archive has none"
        for path in set(paths) & set(files):
            git.put(dest, path, git.File("100644", files[path].encode()))
        return dest, ""

    monkeypatch.setattr(base, "orig_files", orig_files)


def outcomes(repo: Repo) -> dict[str, tuple[str, str]]:
    """Run the checks; each one's outcome and reason."""
    return {r.name: (r.outcome, r.reason) for r in roundtrip.check(repo.root, repo.base)}


def test_roundtrip(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.patch(repo.names()[0], notes="A note.")
    upstream = {"drivers/pci/pci.c": "/* no distribution's patch */\n" + sh(
        repo.base.git_dir, "git", "show", f"{repo.base.commit}:drivers/pci/pci.c"),
        **{p: sh(repo.base.git_dir, "git", "show", f"{repo.base.commit}:{p}")
           for p in ("drivers/pci/Makefile", "drivers/pci/probe.c")}}
    put_orig(upstream, monkeypatch)
    assert {o for o, _ in outcomes(repo).values()} == {"pass"}
    put_orig({**upstream, "drivers/pci/pci.c": "nothing alike\n"}, monkeypatch)
    found = outcomes(repo)
    assert found.pop("git am on the .orig source")[0] == "fail" and {o for o, _ in found.values()} == {"pass"}
    put_orig(None, monkeypatch)
    assert outcomes(repo)["git am on the .orig source"] == ("skip", "the archive has none")


def test_roundtrip_notices(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    put_orig(None, monkeypatch)
    letters = dist.letters

    def wrong(*args: object) -> list[dist.Letter]:
        from dataclasses import replace
        found = letters(*args)
        return [*found[:-1], replace(found[-1], body=found[-1].body.replace("+int probed_40", "+int probed_41"))]

    def longer(*args: object) -> absorb.Absorbed:
        result = real(*args)
        return absorb.Absorbed({**result.files, "drivers/pci/x.c": git.File("100644", b"x")}, result.composed)

    with monkeypatch.context() as patch:
        patch.setattr(dist, "letters", wrong)
        found = outcomes(repo)
    assert {n for n, (o, _) in found.items() if o == "fail"} == {"git am gives the composed tree",
                                                                "quilt patches apply without fuzz"}
    real = absorb.absorb
    with monkeypatch.context() as patch:
        patch.setattr(absorb, "absorb", longer)
        assert outcomes(repo)["absorb after compose changes no byte"] == (
            "fail", "absorb after compose changes drivers/pci/x.c")


def test_roundtrip_of_an_empty_series(repo: Repo) -> None:
    sh(repo.root, "sh", "-c", "rm series/*.patch series/series drivers/pci/reset.c")
    assert [o for o, _ in outcomes(repo).values()] == ["pass", "pass", "skip", "skip", "skip"]
    assert compose.series(repo.root, repo.base).commits == []
