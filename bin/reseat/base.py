"""The base: the kernel that the series stands on, as the root commit of a bare git repository in the cache."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path

from . import apt, common, importer

_SUBSTITUTE_GOOD = 24 * 3600  # seconds before the archive is asked again for a pinned version that was gone


@dataclasses.dataclass(frozen=True)
class Pin:
    """What the file `base` says."""

    version: str
    suite: str
    package: str
    package_version: str
    tarball: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Base:
    """A base that is in the cache."""

    version: str
    git_dir: Path
    commit: str
    sha256: str  # of the tarball; empty when LINUX_SRC= replaced it


def pin(root: Path = common.ROOT) -> Pin:
    """Read the file `base`."""
    path = root / "base"
    try:
        text = path.read_text()
    except OSError as e:
        raise common.Error(f"{path}: {e.strerror}") from None
    fields = dict(re.findall(r"^(\w+)[ \t]*=[ \t]*(\S+)[ \t]*$", text, re.M))
    try:
        found = Pin(**{f.name: fields[f.name] for f in dataclasses.fields(Pin)})
    except KeyError as e:
        raise common.Error(f"{path}: no line '{e.args[0]} = ...'") from None
    if not re.fullmatch(r"\d+\.\d+\.\d+", found.version) or not re.fullmatch(r"[0-9a-f]{64}", found.sha256):
        raise common.Error(f"{path}: version must read like 7.3.4, sha256 be 64 hexadecimal digits")
    return found


def makefile_version(text: str) -> str:
    """The version that the kernel's top Makefile names."""
    part = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*(\S*)", text, re.M))
    if not {"VERSION", "PATCHLEVEL", "SUBLEVEL"} <= part.keys():
        raise common.Error("its Makefile names no kernel version")
    return f"{part['VERSION']}.{part['PATCHLEVEL']}.{part['SUBLEVEL']}{part.get('EXTRAVERSION', '')}"


def git_dir() -> Path:
    """The bare repository that holds the base and what is composed on it."""
    return common.cache() / "git" / "linux.git"


def git(*args: str, check: bool = True) -> str:
    """Run git on that repository and return what it printed."""
    return common.run(["git", f"--git-dir={git_dir()}", *args], check=check).stdout.strip()


def _ref(version: str) -> str:
    if not git_dir().exists():
        return ""
    return git("rev-parse", "-q", "--verify", f"refs/base/{version}^{{commit}}", check=False)


def ensure(root: Path = common.ROOT) -> Base:
    """Return the base, fetching it first when the cache has none."""
    pinned = pin(root)
    source = os.environ.get("LINUX_SRC", "").strip()
    if source:
        return _from_source(Path(source).expanduser(), pinned)
    have = _have(pinned)
    if have:
        return have
    with common.lock(common.cache() / "locks" / "base", "the base"):
        return _have(pinned) or _from_package(pinned)


def _notes() -> dict[str, dict[str, str]]:
    """What each base in the repository was made from."""
    try:
        return json.loads((git_dir() / "reseat-bases.json").read_text())
    except (OSError, ValueError):
        return {}


def _note(key: str, **fields: str) -> None:
    notes = _notes()
    notes[key] = fields
    with common.fresh(git_dir() / "reseat-bases.json") as tmp:
        tmp.write_text(json.dumps(notes, indent=1) + "\n")


def _have(pinned: Pin) -> Base | None:
    notes = _notes()
    if notes.get(pinned.version, {}).get("sha256") == pinned.sha256 and (commit := _ref(pinned.version)):
        return Base(pinned.version, git_dir(), commit, pinned.sha256)
    other = notes.get(f"instead of {pinned.version} {pinned.sha256}")
    if other and time.time() - float(other["when"]) < _SUBSTITUTE_GOOD and (commit := _ref(other["version"])):
        _loud(pinned, other["version"], other["package_version"])
        return Base(other["version"], git_dir(), commit, other["sha256"])
    return None


def _loud(pinned: Pin, version: str, package_version: str) -> None:
    bar = "*" * 78
    gone = f"{pinned.version} ({pinned.package_version}), is gone from {pinned.suite}."
    for line in (bar, f"The base that is pinned, {gone}",
                 f"Using {version} ({package_version}) instead: figures and line numbers may differ.",
                 "Patches must apply to it without fuzz, or composing refuses.", bar):
        common.say(line)


def _choose(pinned: Pin, offered: list[str]) -> str:
    """The package version to take: the pinned one, or else the newest point release of the same kernel."""
    if pinned.package_version in offered:
        return pinned.package_version
    series = pinned.version.rsplit(".", 1)[0]
    for version in offered:
        if re.match(re.escape(series) + r"\.\d+-", version):
            return version
    raise common.Error(f"{pinned.package} {pinned.package_version} is gone from {pinned.suite}, and no other "
                       f"{series}.y is offered there ({', '.join(offered) or 'nothing is'}): "
                       "LINUX_SRC=/path gives a kernel tree instead")


def _from_package(pinned: Pin) -> Base:
    common.need_space(common.cache(), 2)
    archive = apt.Apt([pinned.suite])
    offered = archive.versions(pinned.package)
    if pinned.package_version not in offered:  # the lists may be some hours old
        archive.update(force=True)
        offered = archive.versions(pinned.package)
    chosen = _choose(pinned, offered)
    common.say(f"fetching {pinned.package} {chosen} from {archive.uri} {pinned.suite}")
    with common.fresh(common.cache() / "base-download") as tmp:
        tmp.mkdir()
        deb = archive.download(f"{pinned.package}={chosen}", tmp)
        tarball = tmp / "source.tar.xz"
        sha = unpack_deb(deb, pinned.tarball, tarball)
        deb.unlink()
        if chosen == pinned.package_version and sha != pinned.sha256:
            raise common.Error(f"{pinned.package} {chosen}: the tarball's sha256 is\n  {sha}, but `base` pins\n"
                               f"  {pinned.sha256}: not what the series was made on")
        common.say("putting the source into git")
        version, commit = _import(tarball)
        if chosen == pinned.package_version and version != pinned.version:
            raise common.Error(f"{pinned.package} {chosen} holds Linux {version}, but `base` pins {pinned.version}")
        if version.rsplit(".", 1)[0] != pinned.version.rsplit(".", 1)[0]:
            raise common.Error(f"{pinned.package} {chosen} holds Linux {version}: not what the series is for")
        _note(version, sha256=sha, package_version=chosen)
        if chosen != pinned.package_version:
            _note(f"instead of {pinned.version} {pinned.sha256}", version=version, package_version=chosen, sha256=sha,
                  when=str(time.time()))
            _loud(pinned, version, chosen)
    # Nothing is kept of the download: fresh() renames, so take the empty rest away again.
    common.remove(common.cache() / "base-download")
    return Base(version, git_dir(), commit, sha)


def unpack_deb(deb: Path, member: str, to: Path) -> str:
    """Write the file @member of the package @deb to @to; return its sha256."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=common.clean_env()) as p:
        sha = hashlib.sha256()
        found = False
        try:
            with tarfile.open(fileobj=p.stdout, mode="r|") as tar:
                for entry in tar:
                    if entry.name.removeprefix("./") != member:
                        continue
                    data = tar.extractfile(entry)
                    assert data
                    with to.open("wb") as f:
                        while block := data.read(1 << 20):
                            sha.update(block)
                            f.write(block)
                    found = True
        except tarfile.TarError as e:
            raise common.Error(f"{deb.name} is damaged: {e}") from None
        if p.stdout:
            p.stdout.read()
    if p.returncode or not found:
        raise common.Error(f"{deb.name}: {'damaged or short' if p.returncode else 'has no ' + member}")
    return sha.hexdigest()


def _import(tarball: Path) -> tuple[str, str]:
    """Make the root commit of a source tarball; return the version and the commit."""
    with importer.Importer(git_dir()) as into:
        into.tarball(tarball)
        version = makefile_version(into.makefile)
        return version, into.commit(version, f"refs/base/{version}")


def _from_source(path: Path, pinned: Pin) -> Base:
    """The base from LINUX_SRC=: a git repository's HEAD, or else a plain tree."""
    if not path.is_dir():
        raise common.Error(f"LINUX_SRC={path}: no such folder")
    path = path.resolve()
    git_env = common.clean_env(GIT_CEILING_DIRECTORIES=str(path.parent))
    is_git = common.run(["git", "-C", path, "rev-parse", "--git-dir"], check=False, env=git_env).returncode == 0
    try:
        if is_git:
            p = common.run(["git", "-C", path, "cat-file", "-p", "HEAD:Makefile"], check=False, env=git_env)
            version = makefile_version(p.stdout)
        else:
            version = makefile_version((path / "Makefile").read_text(errors="replace"))
    except OSError:
        raise common.Error(f"LINUX_SRC={path}: no kernel source, it has no Makefile") from None
    except common.Error as e:
        raise common.Error(f"LINUX_SRC={path}: {e}") from None
    if version != pinned.version:
        raise common.Error(f"LINUX_SRC={path}: Linux {version}, but the series stands on {pinned.version}")
    with common.lock(common.cache() / "locks" / "base", "the base"):
        key = importer.git_key(path) if is_git else importer.tree_key(path)
        noted = _notes().get(f"LINUX_SRC {key}")
        if noted and _ref(noted["ref"]):
            return Base(version, git_dir(), noted["commit"], "")
        common.need_space(common.cache(), 2)
        common.say(f"putting {path} into git")
        ref = f"{version}-{key[:12]}"
        with importer.Importer(git_dir()) as into:
            if is_git:
                into.git(path)
            else:
                into.tree(path)
            commit = into.commit(version, f"refs/base/{ref}")
        _note(f"LINUX_SRC {key}", ref=ref, commit=commit)
    return Base(version, git_dir(), commit, "")


def orig_files(paths: Iterable[str], dest: Path) -> tuple[Path | None, str]:
    """Put @paths of the package's `.orig` source (upstream's release, without Debian's patches) below @dest.

    Paths that the source does not have are left out. Returns (dest, "") or, where that source is not to be had,
    (None, the reason).
    """
    if os.environ.get("LINUX_SRC"):
        return None, "LINUX_SRC= replaces the package, which has the .orig source"
    pinned, base = pin(), ensure()
    if base.version != pinned.version:
        return None, f"the pinned {pinned.version} is gone from {pinned.suite}"
    kept = common.cache() / "base-orig" / f"linux_{base.version}.orig.tar.xz"
    if not kept.exists():
        common.need_space(common.cache(), 1)
        try:
            with common.fresh(kept.parent) as tmp:
                tmp.mkdir(parents=True)
                apt.Apt([pinned.suite], sources=True).source(f"linux={pinned.package_version}", tmp, tar_only=True)
                found = list(tmp.glob("linux_*.orig.tar.xz"))
                if len(found) != 1:
                    return None, "apt-get left no .orig source"
                found[0].rename(tmp / kept.name)
        except common.Error as e:
            return None, "the .orig source could not be downloaded: " + " ".join(str(e).split())
    wanted = set(paths)
    try:
        with lzma.open(kept) as whole, tarfile.open(fileobj=whole, mode="r|") as tar:
            for entry in tar:
                name = entry.name.partition("/")[2]
                if name in wanted and entry.isfile() and (data := tar.extractfile(entry)):
                    to = dest / name
                    to.parent.mkdir(parents=True, exist_ok=True)
                    to.write_bytes(data.read())
                    to.chmod(0o755 if entry.mode & 0o100 else 0o644)
    except (tarfile.TarError, EOFError, lzma.LZMAError) as e:
        kept.unlink(missing_ok=True)
        return None, f"the .orig source is damaged: {e}"
    return dest, ""
