"""Ids of videos, and which product each has: folders of files, lists, pages; what does not fit is refused by name."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.products import products_of
from vn.annotate.splits import split_of
from vn.annotate.videos import find_videos, id_of
from vn.errors import Findings, InputError
from vn.story import KEY

YAML = "title: {title}\nlanguage: en\n"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1))
def test_every_name_has_an_id(name):
    assert KEY.fullmatch(id_of(name))


@given(st.lists(st.text(st.sampled_from("aé 茶/."), min_size=1, max_size=5), unique=True))
def test_names_that_differ_have_ids_that_differ(names):
    assert len({id_of(name) for name in names}) == len(names)


def test_videos_of_folders_and_their_subfolders(tmp_path):
    for name in ("1.mp4", "shop/1.MOV", "shop/notes.txt", "out/train/x.mp4", ".cache/y.mp4", "茶.mkv"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.touch()
    found = find_videos([tmp_path, tmp_path / "1.mp4"], tmp_path / "out")
    assert [file.relative_to(tmp_path).as_posix() for file in found.values()] == ["1.mp4", "茶.mkv", "shop/1.MOV"]
    assert list(found)[::2] == ["1", "shop-1"]
    (tmp_path / "shop-1.mp4").touch()
    with pytest.raises(InputError, match=r"has the same id as .*: shop-1; rename one of them"):
        find_videos([tmp_path], tmp_path / "out")


def test_a_folder_a_page_and_a_list(tmp_path):
    folder = tmp_path / "products"
    folder.mkdir()
    (folder / "a.yaml").write_text(YAML.format(title="Red kettle"))
    (folder / "b.yml").write_text(YAML.format(title="Red  Kettle"))
    (folder / "c.html").write_text("<p>Blue kettle</p>")
    (folder / "z.yaml").write_text("not read: [")
    listed = tmp_path / "list.yaml"
    listed.write_text("d: products/c.html\ne: products/a.yaml\nf: products/a.yaml\n")
    findings = Findings()
    found = products_of(list("abcdeg"), [folder, listed], "en", findings)
    assert sorted(found) == ["a", "b", "c", "d", "e"]
    assert found["a"].id == found["b"].id == found["e"].id != found["c"].id == found["d"].id
    assert found["c"].page == folder / "c.html"
    assert found["a"].story.title == "Red kettle"
    assert findings.lines == ["2 products are for none of these videos: f, z"]
    listed.write_text(f"d: products/c.html\ne: products/a.yaml\nf: products/a.yaml\na: {folder}/../products/a.yaml\n")
    products_of(list("abcdef"), [folder, listed], "en", findings)  # a's is the same file by another path
    assert findings.lines[1] == "1 product is for none of these videos: z"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.yaml", "title: Kettle\nlanguage: zh\n", "a.yaml: language: is in zh, but --language is en"),
        ("a.yaml", "language: en\n", "a.yaml: a: title: "),
        ("a.txt", " \n", "a.txt: the page is empty"),
        ("b.yaml", YAML, "has no product file named after a video, e.g. a.yaml or .txt"),
    ],
)
def test_products_that_do_not_fit(tmp_path, name, text, sentence):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as raised:
        products_of(["a"], [tmp_path], "en", Findings())
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a\n", "expected 'VIDEO: PRODUCT FILE' in each line"),
        ("a: gone.yaml\n", "no such product file"),
        ("a: 3\n", "expected the path of a product file, got 3"),
    ],
)
def test_lists_that_are_none(tmp_path, text, sentence):
    (tmp_path / "list.yaml").write_text(text)
    with pytest.raises(InputError) as raised:
        products_of(["a"], [tmp_path / "list.yaml"], "en", Findings())
    assert sentence in str(raised.value)


def test_a_video_has_one_product(tmp_path):
    (tmp_path / "a.yaml").write_text(YAML.format(title="Kettle"))
    (tmp_path / "b.yaml").write_text(YAML.format(title="Cup"))
    listed = tmp_path / "list" / "list.yaml"
    listed.parent.mkdir()
    listed.write_text("a: ../b.yaml\n")
    with pytest.raises(InputError, match="a: has two products"):
        products_of(["a"], [tmp_path, listed], "en", Findings())
    (tmp_path / "a.txt").write_text("a page")
    with pytest.raises(InputError, match=r"two product files, a\.txt and a\.yaml"):
        products_of(["a"], [tmp_path], "en", Findings())


def test_products_are_named_after_videos_whatever_these_are_called(tmp_path):
    names = {"kettle 1": "Red kettle", "水壶": "Blue kettle", "shop a/my video": "Lamp"}
    for name, title in names.items():
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(YAML.format(title=title))
    ids = [id_of(name) for name in names]
    findings = Findings()
    found = products_of(ids, [tmp_path], "en", findings)
    assert [found[identity].story.title for identity in ids] == list(names.values())
    (tmp_path / "list.yml").write_text("水壶.mp4: 水壶.yaml\nshop a/my video: shop a/my video.yaml\n")
    found = products_of(ids, [tmp_path / "list.yml"], "en", findings)
    assert [found[identity].story.title for identity in ids[1:]] == ["Blue kettle", "Lamp"]
    assert not findings.lines
    (tmp_path / f"{ids[0]}.yml").write_text(YAML.format(title="Cup"))
    with pytest.raises(InputError, match=r"two product files, kettle 1\.yaml and kettle_1-"):
        products_of(ids, [tmp_path], "en", findings)
    (tmp_path / "list.yml").write_text(f"水壶: 水壶.yaml\n{ids[1]}: shop a/my video.yaml\n")
    with pytest.raises(InputError, match="has two products"):
        products_of(ids, [tmp_path / "list.yml"], "en", findings)


def test_no_id_that_is_made_up_looks_like_an_option():
    assert id_of("商店/水壶").startswith("video-")


def test_shares_of_splits():
    splits = [split_of(f"title {n}", 0.2, 0.3) for n in range(2000)]
    assert abs(splits.count("val") / 2000 - 0.2) < 0.03
    assert abs(splits.count("test") / 2000 - 0.3) < 0.03


@given(st.text(), st.floats(0, 0.45), st.floats(0, 0.45))
def test_a_test_product_stays_one_whatever_the_share_of_val(product, val, test):
    assert (split_of(product, val, test) == "test") == (split_of(product, 0, test) == "test")


def test_a_name_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.mp4")).touch()
    with pytest.raises(InputError, match=r"\\udcff\.mp4: the name of this file or its folder is not UTF-8; rename it"):
        find_videos([tmp_path], tmp_path / "out")
