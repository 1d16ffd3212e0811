"""Draws docs/demo.png: the demo's new video with its subtitles, one frame per clip.

python docs/draw_demo.py demo-work/story/story.json docs/demo.png [FONT.ttf]     (a font file, for Chinese)
"""

import json
import sys
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vn.data.video import sample_frames
from vn.errors import Findings

WIDTH, COLUMNS, GAP = 320, 3, 12


def main(story_file: str, out: str, font_file: str | None = None) -> None:
    def font(size: int):
        return ImageFont.truetype(font_file, size) if font_file else ImageFont.load_default(size)

    story = json.loads(Path(story_file).read_text(encoding="utf-8"))
    frames = [(s, picture) for s, picture in sample_frames(story["video"], findings=Findings())]
    panels = [panel(clip, frames, font) for clip in story["clips"]]
    height = panels[0].height
    rows = -(-len(panels) // COLUMNS)
    size = (COLUMNS * (WIDTH + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    for n, each in enumerate(panels):
        sheet.paste(each, (GAP + n % COLUMNS * (WIDTH + GAP), GAP + n // COLUMNS * (height + GAP)))
    sheet.save(out, optimize=True)


def panel(clip: dict, frames: list, font_of) -> Image.Image:
    """The clip's middle frame with its narration as a subtitle, times and label below."""
    middle = (clip["start"] + clip["end"]) / 2
    _, picture = min(frames, key=lambda f: abs(f[0] - middle))
    image = Image.fromarray(picture)
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)))
    draw = ImageDraw.Draw(image)
    font = font_of(15)
    text = clip.get("narration", "")
    lines = textwrap.wrap(text, 40 if text.isascii() else 20)
    top = image.height - 20 * len(lines) - 8
    for n, line in enumerate(lines):
        at = ((WIDTH - draw.textlength(line, font=font)) / 2, top + 20 * n)
        draw.text(at, line, fill="white", font=font, stroke_width=2, stroke_fill="black")
    whole = Image.new("RGB", (WIDTH, image.height + 24), "white")
    whole.paste(image, (0, 0))
    caption = f"{clip['start']:.0f}-{clip['end']:.0f} s   {' + '.join(clip.get('labels', []))}"
    ImageDraw.Draw(whole).text((2, image.height + 3), caption, fill="black", font=font_of(14))
    return whole


if __name__ == "__main__":
    main(*sys.argv[1:])
