"""Settings of decoding that cannot be combined, known without torch, so that a command can refuse them at once."""


def clash(beams: int, temperature: float) -> str | None:
    """Why these two cannot be combined; None if they can."""
    if beams == 1 or temperature == 0:
        return None
    searched = f"{beams} beams search for the most likely narration"
    return f"{searched}, and a temperature of {temperature:g} draws one: give one of the two"
