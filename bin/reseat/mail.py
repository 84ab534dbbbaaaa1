"""One patch of the series: a mail with headers, message, `---`, what it adds and edits, notes, and its edits as a diff.

Files that a patch adds stand whole in the repository, so that their text is never in a mail: `adds: <path>` says which.
`edits: <path>` names an added file that a later patch changes by hunks of its own.
"""

from __future__ import annotations

import dataclasses
import email.utils
import re
import time

from .common import Error

LEFTOVER = re.compile(r"(fixup|squash|amend)! ")
_AUTHOR = re.compile(r"[^<>\n]* ?<[^<>\s]+@[^<>\s]+>")
_FILE = re.compile(r'diff --git a/(.+) b/\1$', re.M)
_CLAIM = re.compile(r"(adds|edits): (\S.*)")
# Where `git am` would see the patch begin; such a line in a message would cut it short.
_BREAK = re.compile(r"(---(\s|$)|diff -|Index: )")
# Not strftime's: the caller's locale must not show.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IN_BODY = re.compile(r"(From|Date|Subject): ", re.I)


@dataclasses.dataclass(frozen=True)
class Edit:
    """The change of one file that was there before."""

    path: str
    diff: str  # from its `diff --git` line on


@dataclasses.dataclass(frozen=True)
class Mail:
    """What a stored patch says. @message is what follows the subject, trailers and all."""

    author: str  # Name <mail>
    date: str  # seconds since 1970, a blank, the zone as +hhmm
    subject: str
    message: str
    adds: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    notes: str = ""
    diff: tuple[Edit, ...] = ()

    def commit_message(self) -> str:
        """The message as git keeps it."""
        return f"{self.subject}\n\n{self.message}\n"

    def normal(self) -> Mail:
        """The same without what a change elsewhere moves: line numbers, index lines, hunk headers."""
        return dataclasses.replace(self, adds=tuple(sorted(self.adds)), edits=tuple(sorted(self.edits)),
                                   diff=tuple(Edit(e.path, _settle(e.diff)) for e in self.diff))

    def paths(self) -> set[str]:
        """Every file that the patch touches."""
        return set(self.adds) | {e.path for e in self.diff}


def _settle(diff: str) -> str:
    if "GIT binary patch" in diff:
        return diff
    return re.sub(r"^@@ .*$", "@@", re.sub(r"^index .*\n", "", diff, flags=re.M), flags=re.M)


def parse(text: str, name: str) -> Mail:
    """Read the stored patch @text; @name is for the errors."""
    head, _, rest = text.partition("\n\n")
    if not rest and head.endswith("\n"):
        head = head[:-1]
    fields: dict[str, str] = {}
    for line in head.split("\n"):
        key, colon, value = line.partition(": ")
        if not colon and line.rstrip() in ("From:", "Date:", "Subject:"):
            key, value = line.rstrip()[:-1], ""
        if key not in ("From", "Date", "Subject") or key in fields:
            raise Error(f"{name}: header '{line[:60]}': the headers are From, Date and Subject, once each")
        fields[key] = value.strip()
    for key in ("From", "Date", "Subject"):
        if not fields.get(key):
            raise Error(f"{name}: a mail without {'subject' if key == 'Subject' else key}")
    above, sep, below = ("\n" + rest).partition("\n---\n")
    if not sep:
        raise Error(f"{name}: no line '---' between the message and what the patch changes")
    start = re.search(r"^diff --git ", below, re.M)
    text_below, diff = (below[:start.start()], below[start.start():]) if start else (below, "")
    lines = text_below.split("\n")
    claims: dict[str, list[str]] = {"adds": [], "edits": []}
    while lines and (m := _CLAIM.fullmatch(lines[0])):
        claims[m[1]].append(m[2].strip())
        lines.pop(0)
    mail = Mail(fields["From"], _date(fields["Date"], name), fields["Subject"], above.strip("\n"),
                tuple(claims["adds"]), tuple(claims["edits"]), "\n".join(lines).strip("\n"), split(diff, name))
    check(mail, name)
    return mail


def split(diff: str, name: str) -> tuple[Edit, ...]:
    """Take a diff apart, file by file."""
    edits = []
    for part in re.split(r"^(?=diff --git )", diff, flags=re.M):
        if not part:
            continue
        m = _FILE.match(part)
        if not m:
            raise Error(f"{name}: cannot read '{part.splitlines()[0][:80]}' (a rename, or an odd file name?)")
        edits.append(Edit(m[1], part if part.endswith("\n") else part + "\n"))
    return tuple(edits)


def format(mail: Mail) -> str:
    """Write @mail as it stands in the repository."""
    claims = "".join(f"adds: {p}\n" for p in mail.adds) + "".join(f"edits: {p}\n" for p in mail.edits)
    notes = f"\n{mail.notes}\n" if mail.notes else ""
    diff = "\n" + "".join(e.diff for e in mail.diff) if mail.diff else ""
    return (f"From: {mail.author}\nDate: {format_date(mail.date)}\nSubject: {mail.subject}\n\n"
            f"{mail.message}\n---\n{claims}{notes}{diff}")


def check(mail: Mail, name: str) -> None:
    """Refuse what `git am` or a reader of the series would trip over."""
    if not _AUTHOR.fullmatch(mail.author):
        raise Error(f"{name}: From '{mail.author}' is not 'Name <mail>'")
    if LEFTOVER.match(mail.subject):
        raise Error(f"{name}: '{mail.subject}' is left over: git rebase -i --autosquash")
    if not mail.subject or not mail.message.strip():
        raise Error(f"{name}: a mail without {'message' if mail.subject else 'subject'}")
    if mail.subject.startswith("[") or re.match(r"re:", mail.subject, re.I):
        raise Error(f"{name}: git am strips the start of the subject '{mail.subject}'")
    for line in mail.message.split("\n"):
        if _BREAK.match(line):
            raise Error(f"{name}: git am takes '{line[:60]}' in the message for the start of the patch")
    if _IN_BODY.match(mail.message) or mail.message.startswith((">From ", "[PATCH")):
        raise Error(f"{name}: git am takes '{mail.message.splitlines()[0][:60]}' for a header")
    if re.search(r"^diff --git ", mail.notes, re.M):
        raise Error(f"{name}: the notes hold a line that starts a diff")
    if not mail.adds and not mail.diff:
        raise Error(f"{name}: changes nothing")
    for paths in (mail.adds, mail.edits, [e.path for e in mail.diff]):
        for path in paths:
            if list(paths).count(path) > 1:
                raise Error(f"{name}: names {path} twice")
    for e in mail.diff:
        head = e.diff.split("\n@@ ", 1)[0]
        if re.search(r"^(new file mode |--- /dev/null$)", head, re.M):
            raise Error(f"{name}: {e.path} is new in the diff: put the file at its place and say `adds: {e.path}`")
        if re.search(r"^(rename|copy|similarity) ", head, re.M):
            raise Error(f"{name}: {e.path} is renamed in the diff: it must be one file added and one deleted")


def _date(value: str, name: str) -> str:
    parsed = email.utils.parsedate_tz(value)
    zone = re.search(r"[+-]\d{4}", value)
    if not parsed or not zone:
        raise Error(f"{name}: Date '{value}' is not like 'Sat, 21 Nov 2026 13:31:08 +0000'")
    return f"{email.utils.mktime_tz(parsed)} {zone[0]}"


def format_date(date: str) -> str:
    """Seconds and zone as mails have it."""
    seconds, zone = date.split()
    offset = (int(zone[1:3]) * 60 + int(zone[3:])) * 60 * (-1 if zone[0] == "-" else 1)
    t = time.gmtime(int(seconds) + offset)
    return f"{_DAYS[t.tm_wday]}, {t.tm_mday} {_MONTHS[t.tm_mon - 1]} {time.strftime('%Y %H:%M:%S', t)} {zone}"


def slug(subject: str) -> str:
    """The subject as part of a file name, as git format-patch does it."""
    return re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._]+", "-", subject)).strip("-.")[:52].rstrip("-.")
