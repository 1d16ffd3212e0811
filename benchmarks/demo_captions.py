"""What is visible in each clip of the demo's videos, in words: the captions of a perfect captioner, for chat baselines.

    python benchmarks/demo_captions.py runs/demo-captions.jsonl [--seed 0] [--train 600] [--val 30] [--test 150]

They are made from what the films were drawn from, never from labels, narrations or knowledge: a scene, those
attributes of the product that its frames show, and what changes. A clip with a change has two captions, before and
after it; a real captioner describes every key frame, and makes mistakes. `vn baseline chat` takes it as `--captions`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vn.demo.film import Film, Scene
from vn.demo.product import Product
from vn.demo.storyline import PICTURES
from vn.demo.world import make_films
from vn.io.atomic import write_text

# Painter of a scene -> what it shows; and what has changed after its event.
SCENES: dict[str, tuple[str, str]] = {
    "mess": (
        "A cracked grey {kind} leans among scattered papers under a dark cloud, with a cross in the corner.",
        "Lightning strikes from the cloud.",
    ),
    "close_up": ("A close-up of {product}.", "It sparkles."),
    "macro": ("A magnifying glass over {cloth} cloth.", "Light glints on the lens."),
    "swatches": (
        "Samples of several materials lie on top of each other, with a magnifying glass.",
        "The magnifying glass is over another sample.",
    ),
    "factory": ("Three grey copies of {a} {kind} on a conveyor belt under a robot arm.", "The belt has moved on."),
    "splash": ("{Product} in a puddle, with drops of water around it.", "There are more drops."),
    "hands": ("Two hands hold {product}.", "The hands have lifted and tilted it."),
    "diploma": ("A framed diploma with a ribbon.", "A star is on its seal."),
    "price_tag": ("A large price tag with a per cent sign.", "A dark star is behind the tag."),
    "price_tag_beside": ("{Product} beside a price tag with a per cent sign.", "A dark star is behind the tag."),
    "people": ("Three smiling people, one with a speech bubble with stars.", "All three have speech bubbles."),
    "shop": ("The front of a small shop with an awning; its windows are dark.", "The lights in the shop are on."),
    "badge": ("A shield with an empty circle.", "A check mark is on the shield."),
}
# Scenes that look different if nothing changes.
STILL: dict[str, str] = {
    "diploma": "A framed diploma with a ribbon and a star on its seal.",
    "people": "Three smiling people, each with a speech bubble with stars or hearts.",
    "shop": "The front of a small shop with an awning and lit windows.",
    "badge": "A shield with a check mark.",
    "price_tag": "A large price tag with a per cent sign, on a dark star.",
    "price_tag_beside": "{Product} beside a price tag with a per cent sign, on a dark star.",
}


def shown(product: Product, scene: Scene) -> list[str]:
    """The captions of a clip."""
    named = {
        "kind": product.kind,
        "a": _a(product.kind),
        "product": f"{_a(product.colour)} {product.colour} {product.pattern} {product.kind} with a {product.part}",
        "cloth": f"{product.colour} {product.pattern}",
    }
    named["Product"] = named["product"][0].upper() + named["product"][1:]
    if scene.picture == "before_after":
        before, after = (
            f"A plain grey {product.kind}.",
            f"The same {product.kind}, now {named['product']}, with rays around it.",
        )
        return [before, after] if scene.change else [f"Left half: {before} Right half: {named['product']}."]
    text, event = SCENES[scene.picture]
    if scene.change:
        return [text.format(**named), event]
    return [STILL.get(scene.picture, text).format(**named)]


def _a(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def lines(film: Film) -> list[dict[str, object]]:
    """The lines of a film's clips in a file of captions."""
    return [
        {"video": film.story.id, "clip": number, "captions": shown(film.product, scene)}
        for number, scene in enumerate(film.scenes)
    ]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="seed of the demo's world (default: %(default)s)")
    for split, count in (("train", 600), ("val", 30), ("test", 150)):
        parser.add_argument(f"--{split}", type=int, default=count, help="films of this split (default: %(default)s)")
    args = parser.parse_args()
    assert set(SCENES) | {"before_after"} == set(PICTURES)
    films = [film for split in ("train", "val", "test") for film in make_films(args.seed, getattr(args, split), split)]
    write_text(args.out, "".join(json.dumps(line) + "\n" for film in films for line in lines(film)))
    print(f"captions of {sum(len(film.scenes) for film in films)} clips of {len(films)} films: {args.out}")


if __name__ == "__main__":
    main()
