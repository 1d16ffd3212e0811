"""The paper's numbers as data."""

from vn.metrics.paper import differences, paper

EXPECTED = {"e-syncvidstory-predicted": (12, 12), "e-syncvidstory-given": (5, 7), "video-storytelling": (4, 7)}


def test_all_three_tables_are_there_and_whole():
    for table in paper().tables:
        assert (len(table.rows), len(table.columns)) == EXPECTED[table.name]
        for system, values in table.rows.items():
            assert set(values) <= {c.metric for c in table.columns}, system
            assert all(0 < v < 120 for v in values.values())
            bleu = [values[f"bleu_{n}"] for n in (1, 2, 3, 4) if f"bleu_{n}" in values]
            assert bleu == sorted(bleu, reverse=True), f"{system}: BLEU falls with the order"
    assert set(paper().ablations.values()) <= set(paper().tables[0].rows)
    assert "b. without storyline" not in paper().tables[1].rows
    assert "word_length_accuracy" not in paper().tables[2].rows["GVMF"]


def test_comparable_only_with_the_same_stories_and_the_same_way():
    table = paper().table("predicted", "ad")
    cider = table.columns[0]
    entry = {"value": 0.3, "tokenisation": "llm-ids:0123456789ab", "variant": "cider-d"}
    assert differences(entry, cider, table, "e-syncvidstory") == []
    assert differences(entry, cider, table, None) == ["other stories than the test split of e-syncvidstory"]
    assert differences(entry | {"tokenisation": "char"}, cider, table, "e-syncvidstory") == [
        "tokenisation char, the paper's is llm-ids"
    ]
    ems = next(c for c in table.columns if c.metric == "emscore_released")
    clip = {"value": 0.5, "model": "OFA-Sys/chinese-clip-vit-base-patch16@0123"}
    assert differences(clip, ems, table, "e-syncvidstory") == []
    assert differences({"value": 0.5}, ems, table, "e-syncvidstory") == [
        "model none, the paper's is chinese-clip-vit-base-patch16"
    ]
