"""Names from a workflow become paths inside the declared folders, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphrun.errors import PathError
from graphrun.kernel.folders import Folders, inside, split_annotation
from graphrun.kernel.workflow import BoundFile


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Three folders beside a secret."""
    made = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "output" / "temp")
    for folder, name in ((made.input, "cat.png"), (made.output, "fox.png"), (made.temp, "peek.png")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (made.input / "sub").mkdir()
    (made.input / "sub" / "dog.png").write_bytes(b"dog")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return made


def refusal(folders: Folders, name: str) -> str:
    """What is said of a name that gives no file."""
    with pytest.raises(PathError) as caught:
        folders.find(name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cat.png", b"cat.png"),
        ("sub/dog.png", b"dog"),
        ("sub//dog.png", b"dog"),
        ("./cat.png", b"cat.png"),
        ("cat.png [input]", b"cat.png"),
        ("fox.png [output]", b"fox.png"),
        ("temp/peek.png [output]", b"peek.png"),
        ("peek.png [temp]", b"peek.png"),
    ],
)
def test_a_name_is_read_from_its_folder(folders: Folders, name: str, content: bytes) -> None:
    """The input folder, or the one the name is annotated with."""
    assert folders.read(name) == content


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "sub/../../secret.png",
        "sub/../cat.png",
        "..",
        "/etc/passwd",
        "//server/share",
        "C:/secret.png",
        "c:secret.png",
        "sub\\dog.png",
        "..\\secret.png",
        "cat.png\0.txt",
        "",
        " [output]",
        "../secret.png [output]",
    ],
)
def test_a_name_that_could_leave_is_refused(folders: Folders, name: str) -> None:
    """Even where it would come back: a name that needs ``..`` is not one an editor wrote."""
    assert refusal(folders, name)


def test_links_that_leave_are_refused(folders: Folders, tmp_path: Path) -> None:
    """A symbolic link to a file or folder outside, at any depth, gives nothing away."""
    (folders.input / "leak.png").symlink_to(tmp_path / "secret.png")
    (folders.input / "door").symlink_to(tmp_path)
    (folders.input / "chain.png").symlink_to(folders.input / "leak.png")
    for name in ("leak.png", "door/secret.png", "chain.png"):
        assert "symbolic link that leaves" in refusal(folders, name)


def test_links_that_stay_are_followed(folders: Folders) -> None:
    """A link to a file in the same folder is that file."""
    (folders.input / "alias.png").symlink_to(folders.input / "cat.png")
    assert folders.read("alias.png") == b"cat.png"


def test_a_link_in_a_ring_is_no_file(folders: Folders) -> None:
    """And no crash."""
    (folders.input / "ring.png").symlink_to(folders.input / "ring.png")
    assert refusal(folders, "ring.png")


def test_the_folder_itself_may_be_a_link(folders: Folders, tmp_path: Path) -> None:
    """What counts is the real place of both."""
    link = tmp_path / "linked"
    link.symlink_to(folders.input)
    assert inside(link, "cat.png") == (folders.input / "cat.png").resolve()
    assert Folders(link, folders.output, folders.temp).read("sub/dog.png") == b"dog"


def test_a_sibling_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    """``input`` does not contain ``input2``."""
    (tmp_path / "input").mkdir()
    (tmp_path / "input2").mkdir()
    (tmp_path / "input" / "door").symlink_to(tmp_path / "input2")
    with pytest.raises(PathError, match="leaves"):
        inside(tmp_path / "input", "door/x.png")


def test_a_folder_is_no_file(folders: Folders) -> None:
    """The message says what it is."""
    assert "is a folder" in refusal(folders, "sub")
    assert "is a folder" in refusal(folders, ".")


def test_near_misses_are_suggested(folders: Folders) -> None:
    """From the same folder, subfolder included."""
    assert "did you mean 'cat.png'?" in refusal(folders, "cat.pgn")
    assert "did you mean 'sub/dog.png'?" in refusal(folders, "sub/dgo.png")
    assert "did you mean 'fox.png'?" in refusal(folders, "fx.png [output]")
    assert "did you mean" not in refusal(folders, "nosuchfolder/dog.png")


@pytest.mark.parametrize("name", ["x" * 5000 + ".png", "x/" * 5000, "\ud800.png", "x" * 300], ids=range(4))
def test_names_no_file_system_takes_are_refused(folders: Folders, name: str) -> None:
    """Too long, or with half a character: JSON can write both."""
    assert len(refusal(folders, name)) < 500


def test_a_folder_that_is_not_there_holds_no_file(tmp_path: Path) -> None:
    """The input folder need not exist."""
    assert "there is no file 'a.png'" in refusal(Folders(tmp_path / "no", tmp_path, tmp_path), "a.png")


def test_a_file_bound_by_hand_may_lie_anywhere(folders: Folders, tmp_path: Path) -> None:
    """``--file`` is the user's own hand; bytes do as well."""
    assert folders.read(BoundFile("secret.png", tmp_path / "secret.png")) == b"secret"
    assert folders.read(BoundFile("x", b"bytes")) == b"bytes"


def test_a_bound_file_that_is_gone_is_named_without_its_path(folders: Folders, tmp_path: Path) -> None:
    """Only base names reach messages and metadata."""
    with pytest.raises(PathError, match=r"^can't read 'gone.png'") as caught:
        folders.read(BoundFile("gone.png", tmp_path / "gone.png"))
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_told(folders: Folders) -> None:
    """A folder bound as a file, or a file without the right to read it."""
    with pytest.raises(PathError, match="can't read"):
        folders.read(BoundFile("sub", folders.input / "sub"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.png", ("a.png", "input")),
        ("a.png [output]", ("a.png", "output")),
        ("a [temp] b.png", ("a [temp] b.png", "input")),
        ("a.png [OUTPUT]", ("a.png [OUTPUT]", "input")),
        ("a.png[output]", ("a.png[output]", "input")),
        ("a.png [input] [output]", ("a.png [input]", "output")),
        ("line\nbreak [temp]", ("line\nbreak", "temp")),
    ],
)
def test_annotations_stand_at_the_end(name: str, parts: tuple[str, str]) -> None:
    """A blank and one of three words in brackets; anything else is part of the name."""
    assert split_annotation(name) == parts


def test_a_folder_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    """It need not exist; a file in its place, or in that of a folder above it, is told before anything runs."""
    file = tmp_path / "file"
    file.touch()
    fine, taken, below = tmp_path / "new" / "deeper", file, file / "below"
    reasons = [Folders(tmp_path, output, tmp_path).why_not_writable("output") for output in (fine, taken, below)]
    assert reasons == [None, f"{file} is a file, not a folder", f"{file} is a file, not a folder"]


def test_a_folder_is_found_in_the_input_folder(folders: Folders) -> None:
    """By a name that stays inside; a file is none, and the nearest folder is suggested."""
    assert folders.find_folder("sub") == (folders.input / "sub").resolve()
    for name, told in (
        ("suv", "did you mean 'sub'"),
        ("cat.png", "no folder"),
        ("../output", "leave"),
        ("", "no file"),
    ):
        with pytest.raises(PathError, match=told):
            folders.find_folder(name)
