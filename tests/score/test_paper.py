"""The paper's numbers as data."""

from vn.score.paper import differences, paper

EXPECTED = {
    "e-syncvidstory-predicted": (12, 12),
    "e-syncvidstory-given": (5, 7),
    "video-storytelling": (4, 7),
    "human-evaluation": (3, 4),
}


def test_all_tables_are_there_and_whole():
    assert [table.name for table in paper().tables] == list(EXPECTED)
    for table in paper().tables:
        assert (len(table.rows), len(table.columns)) == EXPECTED[table.name]
        for system, values in table.rows.items():
            assert set(values) <= {c.metric for c in table.columns}, system
            assert all(0 < v < 120 for v in values.values())
            bleu = [values[m] for m in sorted(values) if m.startswith("bleu_")]
            assert bleu == sorted(bleu, reverse=True), f"{system}: BLEU falls with the order"
    assert set(paper().ablations.values()) <= set(paper().tables[0].rows)
    assert "b. without storyline" not in paper().tables[1].rows
    assert "word_length_accuracy" not in paper().tables[2].rows["GVMF"]


def test_the_human_evaluation_is_no_setting_of_ours():
    human = paper().human
    assert human.rows["VideoNarrator"] == {
        "human_relevance": 2.34,
        "human_attractiveness": 2.32,
        "human_coherence": 2.72,
        "human_geometric_mean": 2.45,
    }
    assert human.digits == 2
    assert "13 raters" in human.note
    assert all(paper().table(setting, "ad") is not human for setting in ("predicted", "given"))


def reasons(metric, entry, setting="predicted", domain="ad", corpus="e-syncvidstory"):
    table = paper().table(setting, domain)
    column = next(c for c in table.columns if c.metric == metric)
    return differences({"value": 0.5} | entry, column, table, corpus)


def test_comparable_only_with_the_same_stories_and_the_same_way():
    entry = {"tokenisation": "llm-ids:0123456789ab", "variant": "cider-d, released"}
    assert reasons("cider_released", entry) == []
    assert reasons("cider_released", entry, corpus=None) == ["other stories than the test split of e-syncvidstory"]
    assert reasons("cider_released", entry | {"tokenisation": "char"}) == ["tokenisation char, the paper's is llm-ids"]
    assert reasons("meteor_released", entry | {"variant": "jar, released"}) == []
    assert reasons("meteor_released", entry | {"variant": "exact, released"}) == [
        "variant exact, released, the paper's is jar"
    ]
    assert reasons("word_length_accuracy", {"variant": "reference"}) == []
    assert reasons("intra_repetition_released", {"tokenisation": "jieba+words.txt"}) == []
    assert reasons("intra_repetition_released", {"tokenisation": "jieba+stories"}) == [
        "tokenisation jieba+stories, the paper's is jieba+words.txt"
    ]


def test_what_the_paper_does_not_say_or_took_from_another_tagger_is_never_comparable():
    for metric, model in (
        ("emscore_released", "OFA-Sys/chinese-clip-vit-base-patch16@0123"),
        ("emscore_ref_released", "chinese-clip-vit-base-patch16@0123"),
        ("info_sim_released", "hfl/chinese-roberta-wwm-ext-large@0123"),
        ("info_diverse_released", "hfl/chinese-roberta-wwm-ext-large@0123"),
    ):
        (reason,) = reasons(metric, {"model": model})
        assert "paddle" in reason
    assert len(reasons("emscore_released", {})) == 2
    (reason,) = reasons("script_label_accuracy", {"model": "openai:gpt-4@0123"}, "given")
    assert "the paper does not say when labels agree" in reason
    for metric in ("cider", "meteor", "bleu_1", "bleu_4"):
        entry = {"tokenisation": "llm-ids:0123456789ab", "variant": "jar"}
        (reason,) = reasons(metric, entry, domain="general", corpus="video-storytelling")
        assert reason == "the paper does not say how it cuts English texts into tokens"


def test_only_the_released_preparation_stands_beside_table_2():
    for table in paper().tables[:2]:
        text = [c.metric for c in table.columns if c.metric.startswith(("bleu", "meteor", "cider"))]
        assert text
        assert all(metric.endswith("_released") for metric in text)
