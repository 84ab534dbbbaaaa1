"""Debian packages through apt with settings of our own: the machine's sources and lists are read, never changed."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import common

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ETC = Path("/etc/apt")
_SUITE = re.compile(r"(bullseye|bookworm|trixie|forky|sid|(old|un)?stable|testing)(-updates|-backports)?")
_FRESH = 12 * 3600  # seconds for which package lists are good


def _one_line(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """(uri, suites, components) of each `deb` line of a sources.list."""
    for line in text.splitlines():
        m = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if m:
            yield m[1], [m[2]], m[3].split()


def _deb822(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """(uri, suites, components) of each URI of each enabled `deb` stanza of a .sources file."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n[ \t]*\n", "\n".join(lines)):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t"):
                fields[key] = fields.get(key, "") + " " + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        for uri in fields.get("uris", "").split():
            yield uri, fields.get("suites", "").split(), fields.get("components", "").split()


def _entries(etc: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    for file in files:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        if file.suffix == ".sources":
            yield from _deb822(text)
        elif file.suffix == ".list":
            yield from _one_line(text)


def mirror(etc: Path = _ETC) -> str:
    """The URI of the Debian archive that this machine uses; APT_MIRROR= goes before.

    The archive is what has `main` of a suite of Debian's naming (and not its security suite, which is another archive);
    among several, one whose path ends in /debian.
    """
    given = os.environ.get("APT_MIRROR", "").strip()
    if given:
        if not re.match(r"(https?|file|ftp|mirror\S*):/", given):
            raise common.Error(f"APT_MIRROR: '{given}' is no URI of a Debian archive")
        return given.rstrip("/")
    found: list[str] = []
    for uri, suites, components in _entries(etc):
        named = any(_SUITE.fullmatch(s) for s in suites)
        if named and "main" in components and "security" not in uri and not uri.startswith("cdrom:"):
            found.append(uri.rstrip("/"))
    if not found:
        raise common.Error(f"no Debian archive in {etc}/sources.list or {etc}/sources.list.d: "
                           "give one as APT_MIRROR=<URI>")
    return max(found, key=lambda u: u.endswith("/debian"))


def complaints(text: str) -> str:
    """What matters in the output of an apt that failed."""
    lines = [line for line in text.splitlines() if re.match(r"[EW]: ", line)] or text.splitlines()[-5:]
    return "\n".join("  | " + line for line in lines[:3])


class Apt:
    """apt-get with its own sources, lists and cache below the cache folder.

    @suites are those of the Debian archive to read (@sources: their source packages instead). @arch is Debian's name of
    an architecture to download for. With @install the machine's own package status is used and apt may install;
    otherwise the status is empty, and packages are only downloaded. Signatures are checked as always.
    """

    def __init__(self, suites: Iterable[str], *, arch: str = "", sources: bool = False, install: bool = False) -> None:
        self.suites = tuple(suites)
        self.what = "deb-src" if sources else "deb"
        self.dir = common.cache() / "apt" / "-".join([*self.suites, self.what, arch or "native"])
        self.uri = mirror()
        # Installing needs the security archive too, where the machine has it: what is installed may come from there.
        self.security = [(uri, s) for uri, suites, _ in _entries(_ETC) for s in suites
                         if "security" in s or "security" in uri] if install else []
        if not KEYRING.exists():
            raise common.Error(f"{KEYRING} is missing: install debian-archive-keyring")
        self.options = [
            "Dir::Etc::sourcelist=/dev/null", f"Dir::Etc::sourceparts={self.dir}/parts",
            f"Dir::State::lists={self.dir}/lists", f"Dir::Cache={self.dir}/cache",
            "Dir::Etc::preferences=/dev/null", "Dir::Etc::preferencesparts=/dev/null",
            "APT::Get::List-Cleanup=false", "Acquire::Languages=none", "Acquire::Retries=3",
            "Acquire::http::Timeout=30", "Acquire::https::Timeout=30", "APT::Install-Recommends=false",
            "quiet=1", "DPkg::Use-Pty=0",
        ]
        if not install:
            self.options += [f"Dir::State::status={self.dir}/status"]
        if os.geteuid() == 0:
            self.options += ["APT::Sandbox::User=root"]  # _apt may not enter a private cache
        if arch:
            self.options += [f"APT::Architecture={arch}", f"APT::Architectures={arch}"]

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        """What has lists of its own can be used beside others."""
        return common.lock(common.cache() / "locks" / f"apt-{self.dir.name}", "apt")

    def _command(self, *args: str) -> list[str]:
        return ["apt-get", *(x for o in self.options for x in ("-o", o)), *args]

    def _run(self, what: str, *args: str, cwd: Path | None = None, log: Path | None = None) -> str:
        p = common.run(self._command(*args), cwd=cwd, check=False, log=log,
                       env=common.clean_env(DEBIAN_FRONTEND="noninteractive"))
        if p.returncode:
            text = log.read_text(errors="replace") if log else p.stdout + p.stderr
            raise common.Error(f"{what} failed ({self.uri}, {' '.join(self.suites)}):\n{complaints(text)}" +
                               (f"\n  log: {log}" if log else ""))
        return p.stdout

    def update(self, *, force: bool = False) -> None:
        """Read the package lists, unless that was done in the last hours from the same mirror."""
        stamp = self.dir / "updated"
        places = [*((self.uri, suite) for suite in self.suites), *self.security]
        sources = "".join(f"Types: {self.what}\nURIs: {uri}\nSuites: {suite}\nComponents: main\n"
                          f"Signed-By: {KEYRING}\n\n" for uri, suite in places)
        with self._lock():
            try:
                if not force and stamp.read_text() == sources and time.time() - stamp.stat().st_mtime < _FRESH:
                    return
            except OSError:
                pass
            stamp.unlink(missing_ok=True)
            for sub in ("parts", "lists/partial", "cache/archives/partial"):
                (self.dir / sub).mkdir(parents=True, exist_ok=True)
            (self.dir / "status").touch()
            (self.dir / "parts" / "debian.sources").write_text(sources)
            common.say(f"reading the package lists of {self.uri} {' '.join(self.suites)}")
            self._run("reading the package lists", "update", "--error-on=any")
            stamp.write_text(sources)

    def download(self, package: str, into: Path) -> Path:
        """Download @package (name or name=version), checked by apt, into the folder @into; return the file."""
        self.update()
        with self._lock():
            self._run(f"downloading {package}", "download", package, cwd=into)
        name = package.partition("=")[0]
        files = list(into.glob(f"{name}_*.deb"))
        if len(files) != 1:
            raise common.Error(f"downloading {package}: apt-get left {len(files)} files")
        return files[0]

    def closure(self, package: str, into: Path) -> list[Path]:
        """Download @package and all that it depends on, checked by apt, into the folder @into; return the files."""
        self.update()
        (into / "partial").mkdir()
        with self._lock():
            self._run(f"downloading {package}", "install", "-y", "--download-only", "-o", f"Dir::Cache::archives={into}", package)
        return sorted(into.glob("*.deb"))

    def source(self, package: str, into: Path, *, tar_only: bool = False) -> None:
        """Download the source package's files, checked by apt, into the folder @into."""
        self.update()
        with self._lock():
            self._run(f"downloading the source of {package}", "source", "--download-only", "--only-source",
                      *(["--tar-only"] if tar_only else []), package, cwd=into)

    def versions(self, package: str) -> list[str]:
        """The versions of @package that the suites offer, as apt orders them (newest first)."""
        self.update()
        p = common.run(["apt-cache", *(x for o in self.options for x in ("-o", o)), "madison", package], check=False)
        return list(dict.fromkeys(f[1].strip() for f in (line.split("|") for line in p.stdout.splitlines())
                                  if len(f) > 2))

    def install(self, packages: Iterable[str], log: Path, suite: str = "") -> None:
        """Install @packages on the machine, preferring @suite if given."""
        self.update()
        with self._lock():
            self._run("installing packages", "install", "-y", *(["-t", suite] if suite else []), *packages, log=log)
            common.remove(self.dir / "cache" / "archives")
