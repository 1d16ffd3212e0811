"""What tests of the text stages share: a video, its earlier results, and a chat model behind a real endpoint."""

import json
import re
from pathlib import Path

from vn.annotate.stage import RawVideo
from vn.endpoints.cached import CachedChat
from vn.endpoints.openai_chat import OpenAIChat
from vn.endpoints.openai_client import Attempts
from vn.io.disk_cache import DiskCache
from vn.story import Knowledge, Story

RECOGNISED = {
    "en": ("The Aurora cattle is brushed mettle.", "", "It boils a litre in two minutes.", "Only $19 today."),
    "zh": ("这水壶是拉斯金属", "", "两分钟烧开一升水", "今天只要9.9元"),
}
KNOWN = {
    "en": {
        "title": "Aurora kettle",
        "knowledge": [{"aspect": "Material", "points": ["brushed metal"]}],
        "category": None,
    },
    "zh": {"title": "恒暖水壶", "knowledge": [{"aspect": "材质", "points": ["拉丝金属"]}], "category": None},
}


def video(name="a", language="en", page=None, product=True):
    known = KNOWN[language]
    knowledge = tuple(Knowledge(each["aspect"], tuple(each["points"])) for each in known["knowledge"])
    story = Story(name, known["title"], language, "ad", knowledge, ()) if product else None
    return RawVideo(name, Path(f"{name}.mp4"), "0" * 64, language, story, page)


def before(language="en", texts=None):
    texts = list(RECOGNISED[language] if texts is None else texts)
    return {
        "speech": {"language": language, "words": [], "texts": texts, "kind": "speech"},
        "knowledge": KNOWN[language],
    }


def chat(server, word="refine", file=None, timeout=60.0, attempts=6):
    """A cached chat model behind a test's server."""
    how = Attempts(attempts, timeout, sleep=lambda seconds: None)
    return CachedChat(OpenAIChat("tester", server.url, 2, how), DiskCache(file), word)


def transcript(question):
    """The texts that a question has, by number."""
    return json.loads(re.search(r"\{[^{}]*\}\s*$", question)[0])
