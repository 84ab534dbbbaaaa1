"""The line between guest and host."""

from __future__ import annotations

import json

import pytest

from reseat import line


@pytest.mark.parametrize(("text", "kind", "rest"), [
    ("hello 7.3.4", "hello", "7.3.4"),
    ("beat", "beat", ""),
    ("role NVME 0000:01:00.0", "role", "NVME 0000:01:00.0"),
    ("> ok 1 done", "out", "ok 1 done"),
    ("> ", "out", ""),
    # Nothing that a guest says is lost, and output cannot pass for one of init's own words.
    ("> done 1 0 1", "out", "done 1 0 1"),
    ("done 1 0", "out", "done 1 0"),
    ("done 1 maybe 1", "out", "done 1 maybe 1"),
    ("beaten", "out", "beaten"),
])
def test_parse(text: str, kind: str, rest: str) -> None:
    m = line.parse(text)
    assert (m.kind, m.text) == (kind, rest)


@pytest.mark.parametrize("status", ["0", "4", "255", "timeout", "stuck"])
def test_done(status: str) -> None:
    m = line.parse(f"done 12 {status} 1")
    assert (m.kind, m.number, m.status, m.locks) == ("done", 12, status, "1")


def test_lines_come_in_pieces() -> None:
    lines = line.Lines()
    assert lines.feed(b"hel") == []
    assert lines.feed(b"lo x\r\nbe") == ["hello x"]
    assert lines.feed(b"at\n> \xff\n") == ["beat", "> \ufffd"]


def test_a_job_is_one_line() -> None:
    assert line.job(3, 60, "echo hi") == b"run 3 60 echo hi\n"
    with pytest.raises(ValueError, match="one line"):
        line.job(3, 60, "echo\nhi")


@pytest.mark.parametrize(("text", "request_"), [
    ("device_del id=n0", {"execute": "device_del", "arguments": {"id": "n0"}}),
    ("device_add driver=nvme id=n0 addr=0 multifunction=on",
     {"execute": "device_add", "arguments": {"driver": "nvme", "id": "n0", "addr": 0, "multifunction": True}}),
    ("hmp pcie_aer_inject_error rp1 DLP",
     {"execute": "human-monitor-command", "arguments": {"command-line": "pcie_aer_inject_error rp1 DLP"}}),
    ('{"execute": "query-pci"}', {"execute": "query-pci"}),
    ("wait DEVICE_DELETED 10", line.Wait("DEVICE_DELETED", 10)),
])
def test_request(text: str, request_: object) -> None:
    assert line.request(text) == request_


@pytest.mark.parametrize("text", ["", "device_del n0", '{"arguments": 1}', "{", "wait", "wait E soon"])
def test_bad_request(text: str) -> None:
    with pytest.raises(ValueError):
        line.request(text)


def test_an_answer_is_one_line() -> None:
    data = line.answer({"return": "a\nb"})
    assert data.count(b"\n") == 1
    assert json.loads(data) == {"return": "a\nb"}
