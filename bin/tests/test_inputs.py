"""Wrong input, a full disk, an interruption, two runs at once: one clear line or a clean wait, and nothing left behind."""

from __future__ import annotations

import fcntl
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reseat import common


def run(*command: str, **env: str) -> tuple[int, list[str]]:
    """Run a command of the repository; its exit status and what it said, without what make shows and adds."""
    p = subprocess.run(command, cwd=common.ROOT, env=common.clean_env(**env), text=True, check=False, timeout=300,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert "Traceback" not in p.stdout
    return p.returncode, [s for s in p.stdout.splitlines() if not re.match(r"make: |bin/\w+ ", s)]


@pytest.mark.parametrize(("command", "said"), [
    ("bin/kernel", "the following arguments are required: command"),
    ("bin/kernel frob", "invalid choice: 'frob'"),
    ("bin/kernel build arm64", "unknown ARCH 'arm64': one of x86_64, s390x, ppc64le"),
    ("bin/kernel kunit --arch arm64", "unknown ARCH 'arm64': one of uml, x86_64, s390x, ppc64le, or all"),
    ("bin/suite frob", "invalid choice: 'frob'"),
    ("bin/vm run --arch arm64", "unknown ARCH 'arm64'"),
    ("bin/vm run --case frob", "unknown CASE 'frob': no name starts so; there are "),
    ("bin/vm run --arch s390x --case reset_all", "CASE 'reset_all' has nothing for s390x: reset_all (x86_64)"),
    ("bin/vm shell --topology frob", "unknown topology 'frob'"),
    ("bin/vm stress --matrix frob", "unknown MATRIX 'frob': there are bind, "),
    ("bin/vm stress --minutes 0", "MINUTES='0': a whole number from 1 to 1440"),
    ("bin/vm stress --seed -5", "SEED"),
    ("make frob", ""),
    ("make kernel ARCH=arm64", "unknown ARCH 'arm64'"),
    ("make kunit ARCH=arm64", "unknown ARCH 'arm64'"),
    ("make shell ARCH=arm64", "unknown ARCH 'arm64'"),
    ("make selftest CASE=it's", "unknown CASE 'it's'"),
    ("make selftest DEBUG=maybe", "DEBUG=maybe: it is 1, or not given"),
    ("make kernel BASE=yes", "BASE=yes: it is 1, or not given"),
    ("make tree MERGE=2", "MERGE=2: it is 1, or not given"),
    ("make stress MATRIX=frob", "unknown MATRIX 'frob'"),
    ("make stress MATRIX=locks-frob", "unknown MATRIX 'locks-frob': it is locks[-DEVICE"),
    ("make stress MATRIX=locks SEED=1", "MATRIX=locks takes no MINUTES and no SEED"),
    ("make stress SEED=now", "SEED='now': a whole number from 1 to 100000000"),
    ("make test ARCH=s390x", "make test does not take ARCH"),
    ("make kunit CASE=reset", "make kunit does not take CASE"),
    ("make kunit DEBUG=1", "DEBUG=1 is for kernels in VMs"),
    ("make selftest CASES=reset", "make selftest does not take CASES"),
])
def test_wrong_input(command: str, said: str) -> None:
    status, lines = run(*command.split())
    assert status
    assert said in "\n".join(lines)
    assert len(lines) <= 2


@pytest.mark.parametrize(("env", "said"), [
    ({"XDG_CACHE_HOME": "here"}, "XDG_CACHE_HOME must be an absolute path, not 'here'"),
    ({"XDG_CACHE_HOME": "/etc/passwd"}, "/etc/passwd/reseat/locks: Not a directory"),
    ({"LINUX_SRC": "/nonexistent"}, "LINUX_SRC=/nonexistent: no such folder"),
    ({"LINUX_SRC": "/etc"}, "LINUX_SRC=/etc: no kernel source, it has no Makefile"),
    ({"APT_MIRROR": "here"}, "APT_MIRROR: 'here' is no URI of a Debian archive"),
])
def test_wrong_place(env: dict[str, str], said: str, tmp_path: Path) -> None:
    status, lines = run("bin/kernel", "base", **{"XDG_CACHE_HOME": str(tmp_path), **env})
    assert (status, len(lines)) == (1, 1)
    assert said in lines[0]


def test_wrong_version(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\nEXTRAVERSION =\n")
    status, lines = run("bin/kernel", "base", XDG_CACHE_HOME=str(tmp_path), LINUX_SRC=str(tmp_path))
    assert (status, len(lines)) == (1, 1)
    assert "Linux 6.12.1, but the series stands on 7.3." in lines[0]


def test_no_network(tmp_path: Path) -> None:
    """Port 9 of this machine refuses connections."""
    status, lines = run("bin/kernel", "base", XDG_CACHE_HOME=str(tmp_path), APT_MIRROR="http://127.0.0.1:9/debian")
    assert status == 1
    assert "reading the package lists of http://127.0.0.1:9/debian " in lines[0]
    assert lines[1].startswith("bin/kernel: reading the package lists failed (http://127.0.0.1:9/debian, ")
    assert "E: Failed to fetch http://127.0.0.1:9/" in lines[2]
    assert not list(tmp_path.rglob("*.deb")) and not list(tmp_path.rglob(".*.tmp-*"))


def test_no_network_for_the_userland(tmp_path: Path) -> None:
    status, lines = run("bin/vm", "run", "--case", "reset_method_lock", "--arch", "s390x", XDG_CACHE_HOME=str(tmp_path),
                        APT_MIRROR="http://127.0.0.1:9/debian")
    assert status == 1
    assert lines[1].startswith("bin/vm: unpacking the s390x userland failed, log: ")
    assert "E: Failed to fetch http://127.0.0.1:9/" in lines[2]
    assert not [p for p in (tmp_path / "reseat" / "rootfs").rglob("*") if p.is_file()]


# A command of its own, made of the parts that all commands are made of.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background job starts with it ignored
sys.dont_write_bytecode = True
sys.path.insert(0, {bin!r})
from pathlib import Path
from reseat import build, common
work = Path({work!r})
def body():
    {body}
common.main("bin/program", body)
"""


def program(tmp_path: Path, body: str) -> list[str]:
    """The command line of a program that runs @body."""
    return [sys.executable, "-c", PROGRAM.format(bin=str(common.ROOT / "bin"), work=str(tmp_path), body=body)]


@pytest.mark.parametrize(("body", "said"), [
    ("open('/dev/full', 'w').write('x' * 100000)", "bin/program: the disk is full"),
    ("raise OSError(28, 'No space left on device', '/a/file')", "bin/program: the disk is full (/a/file); `make clean-cache`"),
    ("raise OSError(30, 'Read-only file system', '/a/file')", "bin/program: /a/file: Read-only file system"),
    ("common.need_space(work, 1e6)", "GiB free, 1000000.0 needed; `make clean-cache`"),
    ("raise KeyboardInterrupt", "bin/program: interrupted; nothing half-done was left, run it again"),
])
def test_the_end_of_a_command(tmp_path: Path, body: str, said: str) -> None:
    p = subprocess.run(program(tmp_path, body), capture_output=True, text=True, check=False)
    assert p.returncode in (1, 130)
    assert said in p.stderr
    assert len(p.stderr.strip().splitlines()) == 1


# A build that writes a folder which is to be there whole or not at all, and starts a child of its own.
BUILD = """
    with common.lock(work / "lock", "the lock"), common.fresh(work / "made") as tmp:
        tmp.mkdir()
        build.watch(["sh", "-c", "echo $$ >pid; sleep 60 & echo $! >child; wait"], cwd=work, log=work / "log", what="it",
                    progress=str)
"""


def wait_for(path: Path) -> int:
    """The number in a file, once it is there."""
    for _ in range(200):
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


def gone(pid: int) -> bool:
    """Has this process ended, or will it at once?"""
    for _ in range(400):  # the machine may be busy
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_build(tmp_path: Path, how: signal.Signals) -> None:
    p = subprocess.Popen(program(tmp_path, BUILD), stderr=subprocess.PIPE, text=True,
                         preexec_fn=lambda: signal.signal(how, signal.SIG_DFL))  # we may run under nohup
    pid, child = wait_for(tmp_path / "pid"), wait_for(tmp_path / "child")
    p.send_signal(how)
    said = p.communicate(timeout=120)[1]
    assert p.returncode == 130
    assert said.strip() == "bin/program: interrupted; nothing half-done was left, run it again"
    assert gone(pid) and gone(child)
    assert not (tmp_path / "made").exists() and not list(tmp_path.glob(".made*"))
    with common.try_lock(tmp_path / "lock") as free:
        assert free


def test_killed_build(tmp_path: Path) -> None:
    """Nothing goes on building in a folder that nobody holds, and the next run removes what is left."""
    p = subprocess.Popen(program(tmp_path, BUILD))
    pid = wait_for(tmp_path / "pid")
    p.kill()
    p.wait()
    assert gone(pid)
    with common.fresh(tmp_path / "made") as tmp:
        tmp.mkdir()
    assert [f.name for f in tmp_path.iterdir() if "made" in f.name] == ["made"]


def test_two_runs_at_once(tmp_path: Path) -> None:
    """The second one says what it waits for, and goes on when the first one is done."""
    with (tmp_path / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        p = subprocess.Popen(program(tmp_path, """
    with common.lock(work / "lock", "the source tree"):
        (work / "ran").touch()
"""), stderr=subprocess.PIPE, text=True)
        assert p.stderr
        assert p.stderr.readline().rstrip().endswith("waiting for another run that uses the source tree")
        assert not (tmp_path / "ran").exists()
        fcntl.flock(held, fcntl.LOCK_UN)
        assert p.wait(20) == 0
    assert (tmp_path / "ran").exists()


def test_a_closed_terminal_does_not_end_nohup(tmp_path: Path) -> None:
    body = "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
    p = subprocess.run(["nohup", *program(tmp_path, body)], capture_output=True, check=False, cwd=tmp_path)
    assert p.returncode == 0


def test_cleaning_waits_for_other_runs(tmp_path: Path) -> None:
    top = tmp_path / "reseat"
    (top / "locks").mkdir(parents=True)
    (top / "src").mkdir()
    (top / "src" / "file").touch()
    with (top / "locks" / "src-series").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        p = subprocess.Popen([common.ROOT / "bin" / "kernel", "clean-cache"], stderr=subprocess.PIPE, text=True,
                             env=common.clean_env(XDG_CACHE_HOME=str(tmp_path)))
        assert p.stderr
        assert p.stderr.readline().rstrip().endswith("waiting for another run that uses the caches")
        assert (top / "src" / "file").exists()
        fcntl.flock(held, fcntl.LOCK_UN)
        assert p.wait(60) == 0
    assert [f.name for f in top.iterdir()] == ["locks"]
