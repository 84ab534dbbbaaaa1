"""The guest's userland: a read-only image of Debian packages for each architecture, made without booting or mounting.

mmdebstrap only unpacks packages here (no maintainer script runs, nothing foreign is executed), so a few files that
scripts would have made are added by hand. mke2fs then writes the tree into an image that every VM shares.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from . import apt, common

SUITE = "bookworm"
PACKAGES = ("bash", "coreutils", "dash", "diffutils", "e2fsprogs", "ethtool", "findutils", "fio", "gawk", "grep",
            "gzip", "iproute2", "iputils-ping", "kmod", "libc-bin", "mount", "nvme-cli", "pciutils", "procps", "sed",
            "tar", "util-linux")

# Never read in the guest, and a third of the whole.
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
            "usr/share/perl", "usr/share/bash-completion", "var/cache", "var/lib/apt")

# What maintainer scripts would have left behind; links are (name, target).
LINKS = (("bin/sh", "dash"), ("usr/bin/awk", "gawk"))
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/hostname": "reseat\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}

# The first program the kernel starts. It puts a tmpfs over the shared read-only root, mounts the run's own disk there
# and hands over to harness/init on it.
FIRST = "sbin/harness-start"
FIRST_TEXT = """#!/bin/bash
set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
if [ -e /proc/cio_ignore ]; then
	echo free all >/proc/cio_ignore
	echo 1 >/proc/cio_settle
fi
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mkdir /run/upper /run/work /run/root
mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work overlay /run/root
for serial in /sys/block/vd*/serial; do
	if [ "$(cat "$serial")" = reseat-run ]; then
		disk=${serial%/serial}
		mount -t ext4 -o ro "/dev/${disk##*/}" /run/root/harness
	fi
done
exec chroot /run/root /harness/init
"""
MOUNT_POINTS = ("dev", "proc", "sys", "run", "tmp", "mnt", "harness")


def image(arch: str) -> Path:
    """Return the userland image for @arch, making it when the cache has none with this content."""
    a = common.arch(arch)
    text = repr((SUITE, PACKAGES, UNWANTED, LINKS, sorted(FILES.items()), FIRST, FIRST_TEXT, MOUNT_POINTS))
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    top = common.cache() / "rootfs"
    path = top / f"{arch}-{key}" / "root.img"
    if path.exists():
        return path
    with common.lock(common.cache() / "locks" / f"rootfs-{arch}", f"the {arch} userland"):
        if path.exists():
            return path
        common.need_space(top, 2)
        common.say(f"rootfs {arch}: {len(PACKAGES)} packages of Debian {SUITE}")
        with common.fresh(path.parent) as new, tempfile.TemporaryDirectory(dir=_parent(top)) as tmp:
            new.mkdir()
            tree = Path(tmp) / "tree"
            _unpack(a, Path(tmp) / "root.tar", tree)
            _complete(tree)
            pack(tree, new / "root.img", free_mib=16)
        for old in sorted(top.glob(f"{arch}-*"), key=lambda p: p.stat().st_mtime)[:-3]:
            common.remove(old)
    return path


def _parent(top: Path) -> Path:
    top.mkdir(parents=True, exist_ok=True)
    return top


def _unpack(a: common.Arch, tar: Path, tree: Path) -> None:
    log = common.LOGS / "vm" / f"rootfs-{a.name}.log"
    keyring = apt.KEYRING
    p = common.run(["mmdebstrap", "--variant=extract", f"--architectures={a.debian}", "--format=tar",
                    f"--include={','.join(PACKAGES)}", f"--keyring={keyring}", SUITE, tar,
                    f"deb [signed-by={keyring}] {apt.mirror()} {SUITE} main"], log=log, timeout=900, check=False)
    if p.returncode:
        raise common.Error(f"unpacking the {a.name} userland failed, log: {log}\n" +
                           apt.complaints(log.read_text(errors="replace")))
    # Device nodes need root to make, and the guest has a devtmpfs.
    tree.mkdir()
    common.run(["tar", "-xf", tar, "-C", tree, "--no-same-owner", "--exclude=./dev/*",
                *(f"--exclude=./{name}/*" for name in UNWANTED)])
    tar.unlink()


def _complete(tree: Path) -> None:
    for name, target in LINKS:
        link = tree / name
        if not link.exists() and not link.is_symlink():
            link.symlink_to(target)
    for name in MOUNT_POINTS:
        (tree / name).mkdir(exist_ok=True)
    for name, text in FILES.items():
        (tree / name).write_text(text)
    (tree / FIRST).write_text(FIRST_TEXT)
    (tree / FIRST).chmod(0o755)


def pack(tree: Path, path: Path, free_mib: int = 4) -> None:
    """Write the files below @tree into the ext4 image @path, sized to fit."""
    blocks = inodes = 0
    for p in tree.rglob("*"):
        inodes += 1
        if not p.is_symlink():
            blocks += -(-p.lstat().st_size // 4096) + (1 if p.is_dir() else 0)
    mib = free_mib + (blocks * 4096 * 105 // 100 >> 20)
    mke2fs = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin:/bin") or "mke2fs"
    common.run([mke2fs, "-q", "-t", "ext4", "-O", "^has_journal,^resize_inode", "-b", "4096", "-m", "0",
                "-N", str(inodes + 64), "-E", "root_owner=0:0", "-d", tree, path, f"{mib}M"])
