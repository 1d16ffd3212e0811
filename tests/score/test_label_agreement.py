import pytest

from vn.errors import InputError
from vn.metrics.labels import label_agreement
from vn.story import parse_labels


def labels(*texts):
    return [parse_labels(text) if text else () for text in texts]


def test_sets_intersect_or_are_equal_whatever_the_order_and_language():
    predicted = labels("Sore Point+Product Trial", "产品试用+痛点铺垫", "Others", "Product Effect", "")
    reference = labels("Product Trial", "Sore Point+Product Trial", "其他", "Sore Point", "Sore Point")
    assert label_agreement(predicted, reference) == (3 / 5, 2 / 5)


@pytest.mark.parametrize(
    ("predicted", "reference", "message"),
    [
        ([], [], "labels of 0 clips"),
        (labels("Others"), [], "reference labels of 0"),
        (labels(""), labels(""), "no ref"),
    ],
)
def test_refuses(predicted, reference, message):
    with pytest.raises(InputError, match=message):
        label_agreement(predicted, reference)
