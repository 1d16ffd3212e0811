"""Tokens that a released checkpoint added: named if they are dropped, kept if the template uses them."""

import json

import pytest
import torch
from baichuan import make_baichuan
from test_import import D, Released, bring
from transformers import AutoModelForCausalLM, AutoTokenizer

from vn.adapter import load_adapter
from vn.cli import main
from vn.llm.load import load_base
from vn.llm.tokens import SegmentTokenizer
from vn.story import Clip, Knowledge, ScriptLabel, Story
from vn.template import TEMPLATES

TOKENS = ("<look>", "<seen>", "<told>")
STORY = Story(
    "lipstick",
    "丝绒口红",
    "zh",
    "ad",
    (Knowledge("质地", ("丝绒质感",)),),
    (Clip(0, 2, (ScriptLabel.SORE_POINT,), "嘴唇总是起皮？"), Clip(2, 4, (ScriptLabel.TRIAL,), "轻轻一抹。")),
)


@pytest.fixture
def base(tmp_path):
    return make_baichuan(tmp_path / "b")


@pytest.fixture
def released(tmp_path, base):
    """A checkpoint with three added tokens behind the base model's own."""
    made = Released(tmp_path / "released", base, extra_rows=3)
    rows = len(base["lm_head.weight"])
    names = {token: rows + n for n, token in enumerate(TOKENS)}
    (made.folder / "added_tokens.json").write_text(json.dumps(names))
    made.rows = rows
    return made


@pytest.fixture
def template(tmp_path):
    """A template that writes the second and the third of them around the picture."""
    text = (TEMPLATES / "ad-zh.yaml").read_text(encoding="utf-8")
    scene = 'scene: ["画面：", "\\n"]'
    assert scene in text
    own = tmp_path / "mine.yaml"
    own.write_text(text.replace(scene, 'scene: ["画面：<seen>", "<told>\\n"]'), encoding="utf-8")
    return own


def row_of(assembly):
    frames = torch.zeros(4, 2, D, dtype=torch.float16).numpy()
    plan = assembly.builder.plan(STORY, frames, torch.arange(4.0).numpy(), 1)
    return assembly.builder.training_row(STORY, plan, 1)


def test_dropped_rows_are_named(tmp_path, released, capsys):
    out, code = bring(tmp_path, released)
    assert code == 0
    rows = released.rows
    assert (
        "rows of added tokens are left out, since the template does not write them: "
        f"<look> (row {rows}), <seen> (row {rows + 1}), <told> (row {rows + 2})\n"
    ) in capsys.readouterr().err
    assert not (out / "base").exists()
    assert load_adapter(out).base.added == {}


def test_rows_without_a_name_are_counted_by_number(tmp_path, base, capsys):
    _, code = bring(tmp_path, Released(tmp_path / "released", base, extra_rows=12))
    assert code == 0
    said = capsys.readouterr().err
    rows = len(base["lm_head.weight"])
    assert f"row {rows}, row {rows + 1}, " in said
    assert "and 2 more; --added-tokens names them" in said


@pytest.mark.parametrize("how", ["added_tokens.json", "tokenizer_config.json", "--added-tokens"])
def test_rows_that_the_template_writes_are_kept(tmp_path, released, template, capsys, how):
    words = ["--template", str(template)]
    if how != "added_tokens.json":
        names = json.loads((released.folder / "added_tokens.json").read_text())
        (released.folder / "added_tokens.json").unlink()
        if how == "tokenizer_config.json":
            decoder = {str(row): {"content": token, "special": True} for token, row in names.items()}
            decoder["0"] = {"content": "<unk>"}
            (released.folder / how).write_text(json.dumps({"added_tokens_decoder": decoder}))
        else:
            words += ["--added-tokens", *TOKENS]
    out, code = bring(tmp_path, released, *words)
    assert code == 0
    said, rows = capsys.readouterr().err, released.rows
    assert f"that the template writes are kept: <seen> (row {rows + 1}), <told> (row {rows + 2})" in said
    assert f"the template does not write them: <look> (row {rows})" in said
    assembly = load_adapter(out)
    assert assembly.base.added == {"<seen>": rows, "<told>": rows + 1}
    llm = assembly.narrator.causal_lm
    for name, weight in (("embed_tokens", llm.get_input_embeddings().weight), ("lm_head", llm.lm_head.weight)):
        torch.testing.assert_close(weight[rows:], released.extra[name][1:])
        assert len(weight) == rows + 2
    row = row_of(assembly)
    assert row.ids[row.visual - 1] == rows, "just before the picture"
    assert row.ids.count(rows) == row.ids.count(rows + 1) == 1
    assert row.ids.index(rows + 1) == row.visual + 2 * len(row.plan.weights), "just after it"
    assert assembly.builder.tokens.unspoken >= {rows, rows + 1}
    assert assembly.builder.tokens.decode([rows, *assembly.builder.tokens.encode("好用")]) == "好用"


def test_the_rest_of_a_text_has_the_ids_that_it_has_alone(tmp_path, released, template):
    out, _ = bring(tmp_path, released, "--template", str(template))
    ours, plain = load_adapter(out).builder.tokens, SegmentTokenizer(load_base(str(tmp_path / "b")).tokenizer)
    rows = released.rows
    assert ours.encode("<seen>") == (rows,)
    whole = ours.encode("画面：<seen>12分钟<told><told>\n")
    assert whole == (*plain.encode("画面："), rows, *plain.encode("12分钟"), rows + 1, rows + 1, plain.newline)
    for text in ("画面：", "\n", "<look> <seen", "", "哈哈哈哈哈"):
        assert ours.encode(text) == plain.encode(text)


def test_outputs_are_those_of_the_release(tmp_path, released, template):
    out, _ = bring(tmp_path, released, "--template", str(template))
    narrator = load_adapter(out).narrator
    random = torch.Generator().manual_seed(0)
    frames, positions = torch.randn(2, 2, D, generator=random), torch.tensor([10, 99])
    ids, places = torch.arange(5, 25), torch.tensor([3, 4, 9, 10])
    ids[2], ids[11] = released.rows, released.rows + 1  # around the pictures
    with torch.no_grad():
        visual = narrator.visual_tokens(frames, torch.eye(2), positions)
        ours = narrator.causal_lm(inputs_embeds=narrator.embed(ids[None], visual, places)).logits[0]
    for name, key in (("embed_tokens", "model.embed_tokens.weight"), ("lm_head", "lm_head.weight")):
        released.base[key] = torch.cat([released.base[key], released.extra[name][1:]])
    torch.testing.assert_close(ours, released.logits(ids, frames, positions, places), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("to", ["merged", "peft"])
def test_they_are_there_after_an_export(tmp_path, released, template, to, capsys):
    out, _ = bring(tmp_path, released, "--template", str(template))
    exported = tmp_path / "exported"
    assert main(["export", str(out), "--to", to, "--out", str(exported), "--dtype", "float32"]) == 0
    rows = released.rows
    stock = AutoTokenizer.from_pretrained(exported)
    assert stock.convert_tokens_to_ids(["<seen>", "<told>"]) == [rows, rows + 1]
    assert stock("<seen>好<told>", add_special_tokens=False)["input_ids"][0] == rows
    folder = (
        exported
        if to == "merged"
        else json.loads((exported / "adapter_config.json").read_text())["base_model_name_or_path"]
    )
    weight = AutoModelForCausalLM.from_pretrained(folder).get_input_embeddings().weight
    torch.testing.assert_close(weight[rows:].float(), released.extra["embed_tokens"][1:])
    again = load_adapter(exported / "narrator" if to == "merged" else exported)
    assert row_of(again).ids == row_of(load_adapter(out)).ids


def test_a_head_without_their_rows_never_says_them(tmp_path, released, template):
    file = released.folder / "non_lora_trainables.bin"
    torch.save({k: v for k, v in released.others.items() if "lm_head" not in k}, file)
    out, code = bring(tmp_path, released, "--template", str(template))
    assert code == 0
    head = load_adapter(out).narrator.causal_lm.lm_head.weight
    assert len(head) == released.rows + 2
    assert not head[released.rows :].any()


def test_what_the_template_needs_must_be_there(tmp_path, released, template, capsys):
    def error(*words):
        _, code = bring(tmp_path, released, "--template", str(template), *words)
        assert code == 2
        assert not (tmp_path / "out").exists()
        return capsys.readouterr().err

    assert "--added-tokens: expected a text for each of the 3 rows of added tokens, got 2" in error(
        "--added-tokens", "<seen>", "<told>"
    )
    file = released.folder / "added_tokens.json"
    file.write_text(json.dumps({"<seen>": released.rows + 3}))
    assert f"the template writes '<seen>', whose row {released.rows + 3} is not in the checkpoint" in error()
    for wrong in ([], {"<seen>": "1"}, {"": 5}, {"<seen>": -1}, {"<seen>": True}):
        file.write_text(json.dumps(wrong))
        assert "added_tokens.json: expected added tokens and their ids" in error()


def test_a_base_model_of_any_tokenizer_may_have_added_tokens(tmp_path, tiny_base):
    """As a folder of ours says it: ids in config.json, rows in the embeddings."""
    base = load_base(str(tiny_base))
    rows = len(base.tokenizer)
    base.llm.resize_token_embeddings(rows + 1, mean_resizing=False)
    base.llm.config.vn_added_tokens = {"<seen>": rows}
    base.llm.save_pretrained(tmp_path / "more")
    base.tokenizer.save_pretrained(tmp_path / "more")
    again = load_base(str(tmp_path / "more"))
    assert again.added == {"<seen>": rows}
    ours, plain = SegmentTokenizer(again.tokenizer, again.added), SegmentTokenizer(base.tokenizer)
    assert ours.encode("Scene: <seen>the red") == (*plain.encode("Scene: "), rows, *plain.encode("the red"))
    config = json.loads((tmp_path / "more" / "config.json").read_text())
    for wrong, message in (({"<seen>": rows + 7}, f"'<seen>' should have the id {rows + 7}"), ([1], "expected tokens")):
        (tmp_path / "more" / "config.json").write_text(json.dumps({**config, "vn_added_tokens": wrong}))
        with pytest.raises(ValueError, match=message):
            load_base(str(tmp_path / "more"))
