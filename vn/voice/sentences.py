"""Sentences of ours that every voice is measured with: of the kind, and of the lengths, that narrations have."""

from __future__ import annotations

from vn.story import Language

SENTENCES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Cold tea again?",
        "This kettle keeps the water hot until the very last cup.",
        "Its handle stays cool, so nobody burns a finger in the morning.",
        "We tested it for three weeks in a busy kitchen.",
        "Look at the rim: no seams, no dust, and one wipe makes it clean.",
        "The glass is thick enough to survive a fall from the table.",
        "Fold it twice and it slides into any bag.",
        "Two hours of charging give you a whole weekend of music.",
        "My grandmother switched it on without reading a word of the manual.",
        "Order today, and a second filter comes in the same box.",
    ),
    "zh": (
        "早上又没时间吃早饭？",
        "这只水壶三分钟就能把水烧开，声音还特别轻。",
        "把手不烫手，孩子自己也能放心倒水。",
        "我们在厨房里连着用了三个星期，没有一点水垢。",
        "边缘打磨得很圆滑，擦一下就干干净净。",
        "玻璃加厚了，从桌上摔下来也不容易碎。",
        "对折两次，随便一个包都装得下。",
        "充电两个小时，整个周末都能听音乐。",
        "奶奶没看说明书，一按就会用。",
        "今天下单，再送你一个替换滤芯。",
    ),
}
