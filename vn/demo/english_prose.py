"""English text for the base language model: the demo's words in other forms than a prompt's (see `vn.demo.prose`)."""

from __future__ import annotations

# Sentences about a product and its shelf mates; the slots are attributes and a title.
PORTRAITS = (
    "The {title} is a {colour} {pattern} {kind}.",
    "{title} is the name of a {kind} that is {colour} and {pattern}.",
    "On the table stands a {colour} {kind} with a {pattern} pattern.",
    "In the picture you see a {pattern} {kind}, and its colour is {colour}.",
    "My (sister|brother|friend) bought a {colour} {kind}, the {pattern} one.",
    "A {kind} can be (large|small), but this one is {colour} and {pattern}.",
    "The shop sells {kind}s in {colour}, and most of them are {pattern}.",
)

# How a note begins, stands between aspect and points, and parts the points.
NOTE_STYLES = (
    ("* ", " - ", " / "),
    ("(", ") ", ", "),
    ("", " = ", "; "),
    ("- ", " is ", " and "),
    ("> ", ", so ", ", "),
)
NOTE_HEADS = (
    "Notes about {title}",
    "What we know of {title}",
    "From the catalogue, page {page}",
    "A list for the writer",
)

# What people ask about an aspect, and how an answer opens.
QUESTIONS = (
    "What do we know about the {aspect}?",
    "And the {aspect}?",
    "Tell me about the {aspect}.",
    "Anything on the {aspect}?",
)
ANSWERS = ("It is {points}.", "The notes say {points}.", "{points}, as far as I know.", "First of all {first}.")
SPEAKERS = ("Anna", "Ben", "Carla", "David", "Emma", "Felix")

# A number of words and a sentence that has as many.
COUNTED = (
    "In {count} words one may say: ",
    "Here are {count} words - ",
    "A line of {count} words reads ",
    "It takes between {low} and {high} words: ",
)

DRILLS = ("{list}. Once more: {list}.", "{list}\n{list}", "Say {list}, then say {list}.")

# What writing for products is like; it holds the words that instructions are made of.
GENERAL = (
    "A copywriter is a person who writes (advertising|the text of advertising) for products.",
    "You are a (writer|copywriter) when you write (a narration|the voice-over) for a product video.",
    "A (product|short) video is cut into clips, and each clip shows (a|one) scene.",
    "One clip (follows|goes after) another, clip by clip, until the video ends.",
    "A narration stays with (what the scene shows|the scene and with the script label).",
    "Good writers keep to the number of words and go on coherently from what was said before.",
    "A script label says what a clip is for: it is chosen first, then the narration is written.",
    "People want a product when the (narration|text) is coherent, and they rely mainly on information.",
    "The product information has a title and many points, and each point belongs to an aspect.",
    "Write (simply|well), choose (words|the words) that fit, and stay (coherent|with the scene).",
    "The video storytelling assistant understands videos and the story they tell.",
    "An assistant reads the topic, looks at the scene and writes one sentence for it.",
    "For each clip there is a (line|label) and a narration, and both end with a new line.",
    "The story of an advertisement may open with a sore point and close with a call to action.",
    "Social proof and influence come from people, while a certificate comes from an authority.",
    "The design of appearance is what you see; ingredient, material and texture are what you feel.",
    "A product trial shows how it is used, and the product effect shows what it does.",
    "Specific characteristics are qualities; product security is about safety (tests|marks).",
    "The production process shows how a thing is made, and others tell the story of the brand.",
    "Scene after scene, a film grows longer; (clip|Clip) number {count} is not the last.",
    "Words are counted one by one: {low}, {high} or {count}.",
    "Title and text belong together, and so do label and scene.",
    "Clip {count} is shorter than clip {low}, and you write for both.",
    "Script and label are two words, and a script label is one thing.",
    "Between {low} and {high} words are enough for a clip of {count} seconds.",
    "Chapter {count} has {high} pages, and the range from {low} to {high} is long.",
    "If a script label has two parts, they are joined, and the narration does both.",
)
