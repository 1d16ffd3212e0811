"""A process that corrects and labels is killed in the middle, again and again: nothing is asked twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from chat_server import ChatServer
from text_cases import transcript

HERE = Path(__file__).parent
VIDEOS = 10


def answer(question, number):
    time.sleep(0.05)
    texts = transcript(question)
    return json.dumps(
        texts
        if question.startswith("Facts about the product:") and "Transcript" in question
        else dict.fromkeys(texts, "Others")
    )


def test_nothing_is_asked_twice(tmp_path):
    server = ChatServer(answer)
    command = [sys.executable, str(HERE / "refining.py"), server.url, str(tmp_path / "cache.sqlite"), str(VIDEOS)]
    path = os.pathsep.join((str(HERE), str(HERE.parents[1])))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    killed_at = []
    try:
        for stop in (3, 14):
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            while len(server.questions) < stop and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            time.sleep(0.2)  # requests that it had sent
            killed_at.append(len(server.questions))
        assert killed_at[0] < VIDEOS, "killed in the middle"
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        assert len(done.stdout.splitlines()) == 2 * VIDEOS
        assert all(line.endswith(" 0") for line in done.stdout.splitlines())
        asked = Counter(json.dumps(question["messages"]) for question in server.questions)
        # Two requests may have been under way at each kill, whose replies nobody took.
        assert len(asked) == 2 * VIDEOS
        assert len(server.questions) <= 2 * VIDEOS + 2 * len(killed_at)
        before = len(server.questions)
        subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
        assert len(server.questions) == before, "all of it is kept"
    finally:
        server.close()
