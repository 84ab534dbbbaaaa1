"""The series as others take it: mails for `git am` and for sending, and a quilt directory for packagers."""

from __future__ import annotations

import dataclasses
import email.header
import email.utils
import re
from pathlib import Path

from . import common, compose, mail
from .common import Error, say
from .git import DIFF, MAIL, NAME, Git, encode, text

_TRAILER = re.compile(r"[A-Za-z][A-Za-z-]*: \S.*")
_SIGNER = re.compile(r"[^<>\n]*\S <[^<>\s@]+@[^<>\s@]+>")


@dataclasses.dataclass(frozen=True)
class Letter:
    """One mail, ready to be written to a file."""

    name: str  # of the patch in series/
    commit: str
    number: int
    subject: str
    author: str
    date: str
    body: str

    def mbox(self, count: int) -> bytes:
        """The mail as in a mailbox."""
        subject = f"[PATCH {self.number:0{len(str(count))}}/{count}] {self.subject}"
        head = [f"From {self.commit} Mon Sep 17 00:00:00 2001", f"From: {_address(self.author)}",
                f"Date: {mail.format_date(self.date)}", f"Subject: {_header(subject)}"]
        if not self.body.isascii():
            head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit"]
        return encode("\n".join(head) + "\n\n" + self.body.rstrip("\n") + "\n\n")


def _header(value: str) -> str:
    return value if value.isascii() else email.header.Header(value, "utf-8", header_name="Subject").encode()


def _address(author: str) -> str:
    name, _, address = author.rpartition(" <")
    return email.utils.formataddr((name.strip(), address.rstrip(">")))


def sign(message: str, signoff: str | None) -> str:
    """@message with the submitter's signature as its last trailer."""
    line = f"Signed-off-by: {signoff}"
    if not signoff or line in message.split("\n"):
        return message
    last = message.rsplit("\n\n", 1)[-1].split("\n")
    in_block = "\n\n" in message and all(_TRAILER.fullmatch(s) for s in last)
    return message + ("\n" if in_block else "\n\n") + line


def letters(root: Path, base: compose.Base, signoff: str | None = None) -> list[Letter]:
    """Every patch as a mail: message, notes, what changes in short, and the changes, new files whole.

    What the project wrote itself carries its placeholder for an author; who signs a patch stands in for it.
    """
    files = compose.load(root, base)
    composed = compose.compose(files, base)
    mails = {p.name: p.mail for p in compose.stored(files)}
    git = Git(base.git_dir)
    found = []
    for n, p in enumerate(composed.commits, 1):
        m = mails[p.name]
        change = git("diff-tree", "--no-commit-id", "--stat=72", "--summary", *DIFF, p.commit)
        notes = f"\n{m.notes}\n\n" if m.notes else ""
        author = signoff if signoff and m.author == f"{NAME} <{MAIL}>" else m.author
        found.append(Letter(p.name, p.commit, n, m.subject, author, m.date,
                            f"{sign(m.message, signoff)}\n---\n{notes}{change}"))
    return found


def cover(root: Path, base: compose.Base, patches: list[Letter], signoff: str | None = None) -> Letter | None:
    """The cover letter: series/cover, whose first line is the subject, then what the series holds, and its base."""
    path = root / "series" / "cover"
    if not patches or not path.exists():
        return None
    subject, _, rest = text(path.read_bytes()).partition("\n")
    if not subject.strip() or not rest.strip():
        raise Error("series/cover: a line for the subject, a blank one, then the letter")
    authors: dict[str, list[str]] = {}
    for p in patches:
        authors.setdefault(p.author.rpartition(" <")[0], []).append(p.subject)
    short = "".join(f"{who} ({len(titles)}):\n" + "".join(f"  {t}\n" for t in titles) + "\n"
                    for who, titles in sorted(authors.items()))
    tip = patches[-1].commit
    stat = Git(base.git_dir)("diff-tree", "-r", "--no-renames", "--stat=72", "--summary", base.commit, tip)
    body = (f"{rest.strip()}\n\n{short}{stat}\n"
            f"The base is Linux {base.version}; below, its source tree as a commit of its own.\n"
            f"base-commit: {base.commit}\n")
    return Letter("", tip, 0, subject.strip(), signoff or f"{NAME} <{MAIL}>", patches[-1].date, body)


def mbox(patches: list[Letter]) -> bytes:
    """The patches for `git am`, which stops at a mail without a patch: no cover letter in here."""
    return b"".join(p.mbox(len(patches)) for p in patches)


def quilt(folder: Path, patches: list[Letter]) -> None:
    """Write a quilt directory; its patches keep the names they have in series/."""
    folder.mkdir(parents=True)
    (folder / "series").write_text("".join(f"{p.name}\n" for p in patches))
    for p in patches:
        (folder / p.name).write_bytes(encode(
            f"From: {p.author}\nDate: {mail.format_date(p.date)}\nSubject: {p.subject}\n\n{p.body.rstrip()}\n"))


def make(root: Path = common.ROOT, signoff: str | None = None, base: compose.Base | None = None) -> Path:
    """Write out/dist and return the mailbox in it."""
    if signoff and not _SIGNER.fullmatch(signoff):
        raise Error(f"SIGNOFF '{signoff}' is not 'Name <mail>'")
    base = base or compose.base_of()
    target = root / "out" / "dist"
    with common.lock(root / "out" / ".lock-dist", "out/dist"):
        patches = letters(root, base, signoff)
        if not patches:
            raise Error("series/series lists no patch: nothing to send")
        first = cover(root, base, patches, signoff)
        with common.fresh(target) as tmp:
            (tmp / "mails").mkdir(parents=True)
            (tmp / "reseat.mbox").write_bytes(mbox(patches))
            if first:
                (tmp / "mails" / "0000-cover-letter.patch").write_bytes(first.mbox(len(patches)))
            for p in patches:
                (tmp / "mails" / f"{p.number:04}-{mail.slug(p.subject)}.patch").write_bytes(p.mbox(len(patches)))
            quilt(tmp / "quilt", patches)
    if not signoff:
        say("NOT READY TO SEND: unsigned. Who submits these patches reviews and signs them: "
            "make dist SIGNOFF=\"Name <mail>\"")
    return target / "reseat.mbox"
