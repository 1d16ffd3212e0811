"""What people mistype in YAML: each message explains what to do, and where."""

import pytest

from vn.errors import Findings, InputError
from vn.story_file.product import read_product, read_storyline
from vn.template import TEMPLATES, Template

HEAD = "title: Lamp\nlanguage: en\n"


def told(read, tmp_path, text):
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read(file)
    assert "\n" not in str(error.value)
    return str(error.value)


def product(file):
    return read_product(file, Findings())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-05-01", "a date"),
        ("2024-05-01 10:00:00", "a time"),
        ("yes", "true"),
        ("No", "false"),
        ("on", "true"),
        ("1:30", "the number 90"),
        ("0123", "the number 83"),
        ("0x1F", "the number 31"),
        ("1_000", "the number 1000"),
        ("1.50", "the number 1.5"),
        ("1.0e+3", "the number 1000.0"),
        (".inf", "the number inf"),
        ("null", "nothing"),
        ("~", "nothing"),
    ],
)
@pytest.mark.parametrize(
    ("place", "field", "line"),
    [
        ("title: {}\nlanguage: en\n", "title", 1),
        (HEAD + "knowledge:\n- aspect: {}\n  points: [a]\n", "knowledge[0].aspect", 4),
        (HEAD + "knowledge:\n- aspect: A\n  points:\n  - b\n  - {}\n", "knowledge[0].points[1]", 7),
        (HEAD + "knowledge: [{{aspect: A, points: [{}]}}]\n", "knowledge[0].points[0]", 3),
    ],
)
def test_what_yaml_reads_as_no_text_is_to_be_put_in_quotes(tmp_path, written, read, place, field, line):
    message = told(product, tmp_path, place.format(written))
    assert message.endswith(
        f"{field}: expected a text, got {written} (line {line}), which YAML reads as {read}; put it in quotes"
    )
    (tmp_path / "p.yaml").write_text(place.format(f'"{written}"'), encoding="utf-8")
    product(tmp_path / "p.yaml")


def test_numbers_that_are_read_as_they_are_written_are_points(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(HEAD + "knowledge:\n- aspect: &a Watt\n  points: [100, 3.5, -4, 1e3, *a]\n")
    assert product(file).knowledge[0].points == ("100", "3.5", "-4", "1e3", "Watt")


def test_many_numbers_take_no_time_each(tmp_path, monkeypatch):
    import yaml

    calls = []
    compose = yaml.compose
    monkeypatch.setattr(yaml, "compose", lambda *args, **more: calls.append(1) or compose(*args, **more))
    file = tmp_path / "p.yaml"
    file.write_text(HEAD + f"knowledge:\n- aspect: A\n  points: [{', '.join(map(str, range(300)))}]\n")
    assert len(product(file).knowledge[0].points) == 300
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title：红色台灯\nlanguage：zh\n", "is that a full-width colon in line 1?"),
        ("title: 红色台灯\nlanguage：zh\n", "is that a full-width colon in line 2?"),
        (HEAD + "knowledge:\n- aspect：A\n  points: [a]\n", "is that a full-width colon in line 4?"),
        (HEAD + "clips: [{start：0, end: 3}]\n", "is that a full-width colon in line 3?"),
        (HEAD + "clips:\n- {start: 0，end: 3}\n", "is that a full-width comma in line 4?"),
        (HEAD + "knowledge:\n- aspect: A\n  points: ［a, b］\n", "are those full-width brackets in line 5?"),
        (HEAD + "knowledge:\n- aspect: A\n  points: 【a，b】\n", "are those full-width brackets in line 5?"),
        (HEAD + "knowledge:\n- aspect: A\n  points: [a, b］\n", "is that a full-width bracket in line 5?"),
        ("“title”: Lamp\nlanguage: en\n", "are those typographic quotes in line 1?"),
        (HEAD + "knowledge:\n- aspect: A\n\tpoints: [a]\n", "line 5 begins with a tab: indent with spaces"),
        (
            HEAD + "knowledge:\n\u3000- aspect: A\n\u3000\u3000points: [a]\n",
            "full-width or no-break space in line 4",
        ),
        ("title:\u00a0Lamp\nlanguage: en\n", "is that a full-width or no-break space in line 1?"),
        ("title:\u3000Lamp\nlanguage:\u3000en\n", "is that a full-width or no-break space in line 1?"),
        (HEAD + "knowledge:\n－ aspect: A\n  points: [a]\n", "is that a full-width dash in line 4?"),
        (HEAD + "knowledge:\n• aspect: A\n  points: [a]\n", "is that a full-width dash in line 4?"),
        ("title:Lamp\nlanguage:en\n", "is a space missing after the colon in line 1?"),
        ("＃ mine\n" + HEAD, "is that a full-width # in line 1?"),
        (
            HEAD + "knowledge:\n- aspect: A\n  points:\n  - Size: large\n",
            "fields: {'Size': 'large'}; if it is a text",
        ),
        (HEAD + "knowledge:\n- aspect: A\n  points: steel, glass\n", "got 'steel, glass'; write [one, two]"),
        (HEAD + "knowledge: {A: [a]}\n", "each begins with '- aspect:'"),
        ("title:\nlanguage: en\n", "title: expected a text, got nothing"),
    ],
)
def test_slips_in_a_product_file_are_asked_about(tmp_path, text, message):
    assert message in told(product, tmp_path, text)


def test_what_is_right_is_not_asked_about(tmp_path):
    """Chinese texts have such characters of their own."""
    text = "title: 【新品】台灯：红色，“好看”\nlanguage: zh\n"
    text += "knowledge:\n- aspect: 价格\n  points: [好看、耐用, 【热卖】, 比例：一]\n"
    findings = Findings()
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_product(file, findings).knowledge[0].points == ("好看、耐用", "【热卖】", "比例：一")
    assert not findings
    assert ";" not in told(product, tmp_path, text + "colour: red\n")


def test_a_full_width_comma_in_a_list_is_warned_about(tmp_path):
    findings = Findings()
    file = tmp_path / "p.yaml"
    file.write_text(
        "title: 台灯\nlanguage: zh\nknowledge:\n- aspect: 颜色\n  points: [红色，蓝色, '黑，白']\n", encoding="utf-8"
    )
    read_product(file, findings)
    assert len(findings) == 1
    assert "'红色，蓝色' in line 5 is one text" in findings.lines[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- Others\n- 2024-05-01\n",
            "[1]: expected a script label, got 2024-05-01 (line 2), which YAML reads",
        ),
        ("- yes\n", "[0]: expected a script label, got yes (line 1), which YAML reads as true"),
        ("－ Others\n－ Others\n", "expected a list of script labels, one per clip, each after '- '; got"),
        ("－ Others\n－ Others\n", "is that a full-width dash in line 1?"),
        ("labels: [Others]\n", "expected a list of script labels"),
    ],
)
def test_slips_in_a_storyline_are_asked_about(tmp_path, text, message):
    assert message in told(read_storyline, tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('separator: ", "', "separator: yes", "separator: expected a text, got yes (line"),
        ('label: "Script label: "', "label: 2024-05-01", "label: expected a text, got 2024-05-01 (line"),
        ('["Scene: ", "\\n"]', '["Scene: ", 1:30]', "scene[1]: expected a text, got 1:30 (line"),
        ('"Clip {index}\\n"', "0123", "header.index: expected a text, got 0123 (line"),
        ("title:", "title：", "is that a full-width colon in line"),
        ("separator:", "“separator”:", "are those typographic quotes in line"),
    ],
)
def test_slips_in_a_template_are_asked_about(tmp_path, old, new, message):
    text = (TEMPLATES / "ad-en.yaml").read_text(encoding="utf-8")
    assert old in text
    assert message in told(lambda file: Template.load(str(file)), tmp_path, text.replace(old, new, 1))
