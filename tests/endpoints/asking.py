"""Asks an endpoint questions, one after the other: `python asking.py URL CACHE QUESTION...`; a process to be killed."""

import sys
from pathlib import Path

from vn.endpoints.cached import CachedChat
from vn.endpoints.chat import Message
from vn.endpoints.openai_chat import OpenAIChat
from vn.io.disk_cache import DiskCache

if __name__ == "__main__":
    chat = CachedChat(OpenAIChat("tester", sys.argv[1]), DiskCache(Path(sys.argv[2])))
    for question in sys.argv[3:]:
        print(chat.ask([Message("user", question)], 7).text)
    print(chat.report())
