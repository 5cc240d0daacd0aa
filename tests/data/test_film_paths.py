from __future__ import annotations

from pathlib import Path

from drawn import name_films
from pneumoscope.data.film_paths import FilmPaths


def test_paths_of_windows(tmp_path: Path) -> None:
    name_films(tmp_path, "films/a/1.png", "films/b/1.png")
    films = FilmPaths(tmp_path, "films\\a\\1.png")
    assert films.name_of("films\\a\\1.png") == "films/a/1.png"
    assert films.name_of(".\\films\\b\\1.png") == "films/b/1.png"
    assert films.name_of("films\\a\\typo.png") == "films/a/typo.png"


def test_absolute_paths_of_another_computer(tmp_path: Path) -> None:
    name_films(tmp_path, "films/a/1.png", "films/b/1.png", "1.png")
    for text in ("C:\\Users\\me\\films\\b\\1.png", "/home/me/data/films/b/1.png"):
        assert FilmPaths(tmp_path, text).name_of(text) == "films/b/1.png"
    text = str(tmp_path / "films/a/1.png")
    assert FilmPaths(tmp_path, text).name_of(text) == text  # it exists here


def test_a_renamed_folder_around_all_films(tmp_path: Path) -> None:
    name_films(tmp_path, "train/p1/1.png", "train/p2/1.png")
    films = FilmPaths(tmp_path, "CheXpert-v1.0-small/train/p1/1.png")
    assert films.misplaced
    assert films.name_of("CheXpert-v1.0-small/train/p2/1.png") == "train/p2/1.png"


def test_a_plain_path_is_kept_without_a_look_at_the_disk(tmp_path: Path) -> None:
    name_films(tmp_path, "a.png")
    films = FilmPaths(tmp_path, "a.png")
    assert not films.misplaced
    assert films.name_of("./b/typo.png") == "b/typo.png"


def test_names_that_no_disk_takes(tmp_path: Path) -> None:
    for text in ("x" * 5000, "a\0b", "\\" * 3, "."):
        FilmPaths(tmp_path, text).name_of(text)


def test_a_backslash_in_a_name_of_linux(tmp_path: Path) -> None:
    (tmp_path / "a\\b.png").write_bytes(b"")
    assert FilmPaths(tmp_path, "a\\b.png").name_of("a\\b.png") == "a\\b.png"


def test_names_alone_are_looked_for_where_asked(tmp_path: Path) -> None:
    name_films(tmp_path, "a/1.png", "a/2.png", "b/2.png", "b/3.jpg", "masks/4.png")
    films = FilmPaths(tmp_path, "1.png", search=True)
    assert [films.name_of(name) for name in ("1.png", "1", "3", "C:\\x\\3.jpg")] == [
        "a/1.png", "a/1.png", "b/3.jpg", "b/3.jpg",
    ]  # fmt: skip
    assert films.name_of("2.png") == "2.png"  # two films have the name
    assert films.name_of("4.png") == "4.png"  # a mask
    assert films.found_by_name == 4
    assert FilmPaths(tmp_path, "1.png").name_of("1.png") == "1.png"


def test_the_longest_common_end_of_a_path_decides(tmp_path: Path) -> None:
    """CheXpert's table says ``CheXpert-v1.0/train/patient1``, its archives unpack to a folder each."""
    batches = ["batch 2/p1/s1/v1.jpg", "batch 3/p2/s1/v1.jpg", "batch 3/p2/s2/v1.jpg"]
    name_films(tmp_path, *batches)
    films = FilmPaths(tmp_path, "set/train/p1/s1/v1.jpg", search=True)
    for film in batches:
        assert films.name_of(f"set/train/{film.partition('/')[2]}") == film
    for missing in ("set/train/p3/s1/v1.jpg", "set/train/p2/s3/v1.jpg"):
        assert films.name_of(missing) == missing  # several are as near
    assert films.found_by_name == 3


def test_another_ending_and_other_capitals(tmp_path: Path) -> None:
    name_films(tmp_path, "a/One.png", "a/two.jpg", "a/Two.jpg")
    films = FilmPaths(tmp_path, "one.dcm", search=True)
    assert films.name_of("x/one.dcm") == films.name_of("ONE.PNG") == "a/One.png"
    assert films.name_of("two.jpg") == "a/two.jpg"  # the same capitals go first
    assert films.name_of("TWO.jpg") == "TWO.jpg"


def test_names_without_endings_are_found_too(tmp_path: Path) -> None:
    """Films called by their UIDs, as archives write them, once counted as several of that name."""
    for film in name_films(tmp_path, "a/1.2.840.1", "b/1.2.840.2", "IM0001").rglob("*[0-9]"):
        film.write_bytes(bytes(128) + b"DICM")
    films = FilmPaths(tmp_path, "x/1.2.840.1", search=True)
    assert [films.name_of(name) for name in ("1.2.840.1", "1.2.840.2", "IM0001")] == [
        "a/1.2.840.1", "b/1.2.840.2", "IM0001",
    ]  # fmt: skip


def test_names_in_urls_and_of_macos(tmp_path: Path) -> None:
    name_films(tmp_path, "films/a b.png", "films/Ko\u0308ln.png", "films/100%.png")
    films = FilmPaths(tmp_path, "films/a%20b.png", search=True)
    assert films.name_of("films/a%20b.png") == "films/a b.png"
    assert films.name_of("K\u00f6ln.png") == "films/Ko\u0308ln.png"
    assert films.name_of("100%25.png") == films.name_of("100%.png") == "films/100%.png"


def test_numbers_without_the_zeros_before_them(tmp_path: Path) -> None:
    """Spreadsheets drop the zeros, and pandas makes 7.0 of 7 where another cell is empty."""
    name_films(tmp_path, "0007.png", "0012.png", "x/3.png", "x/03.jpg", "a12.png")
    films = FilmPaths(tmp_path, "7", search=True)
    assert films.name_of("7") == "0007.png"
    assert films.name_of("12.0") == "0012.png"
    assert films.name_of("img/12.png") == "0012.png"
    assert films.name_of("3") == "x/3.png"  # by its name
    assert films.name_of("003") == "003"  # two films have this number
    assert films.name_of("70") == "70"
