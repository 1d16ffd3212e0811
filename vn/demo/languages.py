"""The languages of the demo's stories; the videos are the same in all of them."""

from vn.demo.chinese import CHINESE
from vn.demo.english import ENGLISH
from vn.demo.vocabulary import Vocabulary

LANGUAGES: dict[str, Vocabulary] = {"en": ENGLISH, "zh": CHINESE}
