"""Data of others: only what is known by its content gets in, from the network or from a folder."""

import hashlib

import pytest

from ingot.cli.main import main
from ingot.downloads import Download, DownloadError, fetch, known_downloads
from ingot.downloads.pinned import Source


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder that plays the network, with one known download of two files."""
    site = tmp_path / "site"
    (site / "v1").mkdir(parents=True)
    contents = {"v1/a.dat": b"aluminium", "v1/b.dat": b"boron"}
    for name, content in contents.items():
        (site / name).write_bytes(content)
    files = tuple(Source(name[3:], name, hashlib.sha256(content).hexdigest()) for name, content in contents.items())
    download = Download("pair", "two files", "nobody", "none", files, address=f"{site.as_uri()}/")
    monkeypatch.setattr("ingot.downloads.pinned.known_downloads", lambda: {"pair": download})
    return site


def test_files_come_from_the_network_once(elsewhere, tmp_path):
    fetch("pair", tmp_path / "here")
    assert (tmp_path / "here" / "a.dat").read_bytes() == b"aluminium"
    (elsewhere / "v1" / "a.dat").unlink()
    fetch("pair", tmp_path / "here")  # all there: nothing is asked for


def test_files_come_from_a_folder_of_any_layout(elsewhere, tmp_path):
    for folder in ("stick", "drive"):
        (tmp_path / folder).mkdir()
    (tmp_path / "stick" / "deep").symlink_to(tmp_path / "drive")
    (elsewhere / "v1" / "a.dat").rename(tmp_path / "stick" / "deep" / "a.dat")
    (elsewhere / "v1" / "b.dat").rename(tmp_path / "stick" / "b.dat")
    fetch("pair", tmp_path / "here", source=tmp_path / "stick")
    assert (tmp_path / "here" / "b.dat").read_bytes() == b"boron"


def test_content_that_differs_is_refused(elsewhere, tmp_path):
    (elsewhere / "v1" / "b.dat").write_bytes(b"boron, edited")
    with pytest.raises(DownloadError, match="nothing is kept of it"):
        fetch("pair", tmp_path / "here")
    assert not (tmp_path / "here" / "b.dat").exists()
    with pytest.raises(DownloadError, match="1 of 1 files are not below"):
        fetch("pair", tmp_path / "here", source=elsewhere)


def test_an_edited_file_is_named_not_replaced(elsewhere, tmp_path):
    fetch("pair", tmp_path / "here")
    (tmp_path / "here" / "a.dat").write_bytes(b"mine")
    with pytest.raises(DownloadError, match=r"a\.dat is not the file it should be"):
        fetch("pair", tmp_path / "here")


def test_no_network_says_what_to_do(elsewhere, tmp_path):
    (elsewhere / "v1" / "a.dat").unlink()
    with pytest.raises(DownloadError, match="--from FOLDER"):
        fetch("pair", tmp_path / "here")


def test_unknown_names_are_corrected(elsewhere, tmp_path):
    with pytest.raises(DownloadError, match="did you mean 'pair'"):
        fetch("pear", tmp_path / "here")


def test_the_command_lists_what_there_is(capsys):
    assert main(["fetch"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in known_downloads())
    assert all(len(file.sha256) == 64 for download in known_downloads().values() for file in download.files)


def test_the_published_ensemble_is_known_by_its_content(test_data, tmp_path):
    files = fetch("ani-al", tmp_path / "ani-al", source=test_data("ani_al_model"))
    assert len(files) == 74
