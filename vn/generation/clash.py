"""Settings of decoding that cannot be combined, known without torch, so that a command can refuse them at once."""


def clash(beams: int, temperature: float, drafts: str = "none") -> str | None:
    """Why these cannot be combined; None if they can."""
    if beams == 1 or (temperature == 0 and drafts == "none"):
        return None
    searched = f"{beams} beams search for the most likely narration"
    if temperature == 0:
        return f"{searched}, and drafts are of one that is written token by token: give one of the two"
    return f"{searched}, and a temperature of {temperature:g} draws one: give one of the two"
