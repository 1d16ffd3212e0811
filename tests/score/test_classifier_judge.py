"""The offline judges and the agreement of two. Oracle: scikit-learn's kappa."""

import random

import pytest

pytest.importorskip("sklearn")
from test_scorecard import make_story

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.metrics.labels import cohen_kappa
from vn.score.classifier_judge import ClassifierJudge
from vn.score.judge import JudgePrompt, judge_texts
from vn.story import ScriptLabel
from vn.story_reader import parse_story

WORDS = {
    "Sore Point": ["tired of", "annoyed by", "sick of"],
    "Call to Action": ["buy now", "order today", "grab yours"],
    "Product Trial": ["pour it in", "press here", "turn the lid"],
}


def training(count=60, seed=0):
    rng = random.Random(seed)
    stories = []
    for number in range(count):
        story = make_story(f"train{seed}-{number}", clips=3)
        for clip in story["clips"]:
            labels = rng.sample(sorted(WORDS), 2 if rng.random() < 0.2 else 1)
            clip["labels"] = labels
            clip["narration"] = " and ".join(rng.choice(WORDS[label]) for label in labels) + rng.choice(
                [" it", " a cup"]
            )
        stories.append(parse_story(story))
    return stories


def test_it_learns_the_training_split_and_says_how_well():
    judge = ClassifierJudge(training(), "en")
    assert judge.held_out is not None
    assert judge.held_out[0] > 0.95
    assert judge.held_out[0] >= judge.held_out[1]
    assert judge.labels("tired of a cup") == (ScriptLabel.SORE_POINT,)
    assert set(judge.labels("buy now and press here it")) == {ScriptLabel.CALL_TO_ACTION, ScriptLabel.TRIAL}
    assert len(judge.labels("😀 مرحبا")) >= 1, "any text has a likeliest label"
    verdicts = judge_texts(judge, ["order today it", "sick of it"], DiskCache())
    assert [labels[0].en for labels in verdicts.labels.values()] == ["Call to Action", "Sore Point"]


def test_its_name_is_that_of_what_it_learnt():
    assert ClassifierJudge(training(), "en").id == ClassifierJudge(training(), "en").id
    assert ClassifierJudge(training(), "en").id != ClassifierJudge(training(seed=1), "en").id


def test_too_little_or_another_language_is_refused():
    with pytest.raises(InputError, match="needs 20 labelled narrations, the training split has 6"):
        ClassifierJudge(training(2), "en")
    with pytest.raises(InputError, match="in the language of the test"):
        ClassifierJudge(training(), "zh")


def test_one_label_only_is_all_it_says():
    stories = [parse_story(make_story(f"v{i}")) for i in range(10)]
    assert ClassifierJudge(stories, "en").labels("anything") == (ScriptLabel.OTHERS,)


@pytest.mark.oracle
def test_kappa_equals_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    rng = random.Random(0)
    labels = list(ScriptLabel)[:3]
    for _ in range(20):
        first = [rng.sample(labels, rng.randint(0, 2)) for _ in range(30)]
        second = [a if rng.random() < 0.6 else rng.sample(labels, rng.randint(0, 2)) for a in first]
        names = [["+".join(sorted(label.name for label in each)) for each in side] for side in (first, second)]
        assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(*names))
    assert cohen_kappa([labels[:1]] * 3, [labels[:1]] * 3) is None
    assert cohen_kappa([], []) is None
    with pytest.raises(InputError, match="one judge has 1 verdicts, the other 2"):
        cohen_kappa([labels], [labels, labels])


def test_a_local_model_answers_and_what_it_says_is_kept(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tiny_models import write_tokenizer

    from vn.score.local_judge import LocalJudge

    vocabulary = write_tokenizer(tmp_path / "lm")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=2,
        eos_token_id=3,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "lm")
    judge = LocalJudge(str(tmp_path / "lm"), JudgePrompt("en"))
    verdicts = judge_texts(judge, ["a cup"], DiskCache())
    assert verdicts.unread, "random weights say no label, and that is what is counted"
    assert verdicts.cost.prompt_tokens > 100
    assert verdicts.judge.startswith("lm@")
    judge.chat.model.config.max_position_embeddings = 80
    with pytest.raises(InputError, match="too many for its context of 80"):
        judge.ask("a cup")
