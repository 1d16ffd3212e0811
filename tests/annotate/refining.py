"""Corrects the speech of some videos: `python refining.py URL CACHE VIDEOS`; a process to be killed in the middle."""

import sys
from pathlib import Path

from text_cases import before, video

from vn.annotate.text.labels import ChatLabels
from vn.annotate.text.refine import ChatRefine
from vn.endpoints.cached import CachedChat
from vn.endpoints.openai_chat import OpenAIChat
from vn.errors import Findings
from vn.io.disk_cache import DiskCache

if __name__ == "__main__":
    cache = DiskCache(Path(sys.argv[2]))
    chat = OpenAIChat("tester", sys.argv[1], workers=2)
    videos = [(video(f"v{n}"), before(texts=(f"Text of video {n}.",))) for n in range(int(sys.argv[3]))]
    for stage in (ChatRefine(CachedChat(chat, cache)), ChatLabels(CachedChat(chat, cache))):
        stage.make_all(videos)
        for each, earlier in videos:
            print(stage.name, each.id, len(stage.make(each, earlier, Findings()).marks))
