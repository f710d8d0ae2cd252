"""Downloads: whole and right, or not there; they resume."""

import hashlib
import socket

import pytest

from tricklift.data.prepare.download import check, download
from tricklift.data.prepare.published import Archive

DATA = bytes(range(256)) * 4096  # 1 MB


def archive(server, **changes) -> Archive:
    server.files["x.tar"] = DATA
    known = {
        "name": "x.tar",
        "size": len(DATA),
        "checksum": f"sha256:{hashlib.sha256(DATA).hexdigest()}",
        "url": f"{server.url}/x.tar",
    }
    return Archive(**{**known, **changes})


@pytest.mark.parametrize("size", [len(DATA), None])
def test_a_file_arrives_whole_and_nothing_else_does(server, tmp_path, size):
    steps: list[tuple[int, int]] = []
    path = download(
        archive(server, size=size),
        tmp_path / "new",
        lambda done, total: steps.append((done, total)),
    )
    assert path.read_bytes() == DATA
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["x.tar"]
    assert steps[-1] == (len(DATA), len(DATA))


def test_a_dropped_connection_goes_on_where_it_broke_off(server, tmp_path):
    server.cuts = [300_000, 200_000]
    assert download(archive(server), tmp_path, pauses=[0]).read_bytes() == DATA
    assert server.asked == [("x.tar", None), ("x.tar", "bytes=300000-"), ("x.tar", "bytes=500000-")]


def test_a_stopped_call_goes_on_in_the_next_one(server, tmp_path):
    server.cuts = [300_000]
    with pytest.raises(ConnectionError, match=r"after 300,000 bytes .*same command to resume"):
        download(archive(server), tmp_path, pauses=[])
    assert [file.name for file in tmp_path.iterdir()] == ["x.tar.part"]
    assert download(archive(server), tmp_path, pauses=[]).read_bytes() == DATA
    assert server.asked[-1] == ("x.tar", "bytes=300000-")


def test_tries_end_when_nothing_arrives(server, tmp_path):
    server.cuts = [300_000, 0, 0, 0, 0]
    with pytest.raises(ConnectionError, match=r"after 300,000 bytes"):
        download(archive(server), tmp_path, pauses=[0, 0])
    assert len(server.asked) == 3  # the one that brought something, and two in a row after it


def test_a_server_without_ranges_sends_all_of_it_again(server, tmp_path):
    server.ranges, server.cuts = False, [300_000]
    assert download(archive(server), tmp_path, pauses=[0]).read_bytes() == DATA
    assert [wanted for _, wanted in server.asked] == [None, "bytes=300000-"]


@pytest.mark.parametrize("size", [len(DATA), None])
def test_a_server_that_sends_less_than_the_rest_is_asked_for_more(server, tmp_path, size):
    server.cuts, server.most = [300_000], 400_000
    assert download(archive(server, size=size), tmp_path, pauses=[0]).read_bytes() == DATA
    assert [wanted for _, wanted in server.asked] == [None, "bytes=300000-", "bytes=700000-"]


def test_a_whole_part_is_only_checked(server, tmp_path):
    (tmp_path / "x.tar.part").write_bytes(DATA)
    assert download(archive(server), tmp_path).read_bytes() == DATA
    assert server.asked == []
    (tmp_path / "x.tar").rename(tmp_path / "x.tar.part")
    assert download(archive(server, size=None), tmp_path).read_bytes() == DATA  # answered by 416
    assert server.asked == [("x.tar", f"bytes={len(DATA)}-")]


def test_a_part_longer_than_the_file_starts_over(server, tmp_path):
    (tmp_path / "x.tar.part").write_bytes(DATA + b"more")
    assert download(archive(server, size=None), tmp_path, pauses=[0]).read_bytes() == DATA


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    known = archive(server)
    server.files["x.tar"] = DATA[:-1] + b"!"
    with pytest.raises(
        ValueError, match=r"not the published x\.tar: its SHA256 is .*; fetch it again from http"
    ):
        download(known, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_page_instead_of_the_file_is_noticed_before_it_counts_as_part_of_it(server, tmp_path):
    known = archive(server)
    (tmp_path / "x.tar.part").write_bytes(DATA[:1000])
    server.files["x.tar"], server.ranges = b"<html>please log in</html>", False
    with pytest.raises(ValueError, match=r"the server has 26 bytes, not 1,048,576"):
        download(known, tmp_path)
    assert (tmp_path / "x.tar.part").read_bytes() == DATA[:1000]


def test_a_part_of_another_file_ends_with_the_checksum_and_the_next_call_starts_over(
    server, tmp_path
):
    (tmp_path / "x.tar.part").write_bytes(b"?" * 1000)
    with pytest.raises(ValueError, match=r"not the published x\.tar"):
        download(archive(server), tmp_path)
    assert download(archive(server), tmp_path).read_bytes() == DATA


def test_a_file_that_is_not_on_the_server(server, tmp_path):
    known = archive(server, url=f"{server.url}/gone.tar")
    with pytest.raises(ConnectionError, match=r"gone\.tar: the server answers 404 Not Found"):
        download(known, tmp_path)
    assert len(server.asked) == 1  # another try would not help
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    server.refusals = [503, 429]
    assert download(archive(server), tmp_path, pauses=[0, 0]).read_bytes() == DATA


def test_no_server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        known = Archive("x.tar", url=f"http://127.0.0.1:{port.getsockname()[1]}/x.tar")
        with pytest.raises(ConnectionError, match=r"cannot reach http://127.*x\.tar \(.*refused"):
            download(known, tmp_path)


def test_a_file_of_another_size_needs_no_hashing(tmp_path):
    file = tmp_path / "x.tar"
    file.write_bytes(b"short")
    with pytest.raises(ValueError, match=r"it has 5 bytes, not 1,000; fetch it again$"):
        check(Archive("x.tar", 1000, "md5:0"), file)
