"""The demo world in English.

Clips last 2 to 5 seconds, so a narration has 3 to 14 words (`ENGLISH.words`); each group of templates has
sentences for every length.
"""

from vn.demo.grammar import grammar
from vn.demo.product import COLOURS, KINDS, PATTERNS
from vn.demo.vocabulary import Aspect, Vocabulary
from vn.story import ScriptLabel, WordRangeRule

ASPECTS = {
    ScriptLabel.SORE_POINT: Aspect(
        "Pain point",
        "trouble",
        ("dull looks", "weak handles", "cheap plastic", "ugly scratches", "sharp edges", "bad smells", "sudden leaks",
         "loose parts", "boring shapes", "early rust"),
    ),
    ScriptLabel.MATERIAL: Aspect(
        "Material",
        "material",
        ("recycled steel", "natural bamboo", "plant fibre", "ocean plastic", "brushed metal", "woven hemp", "oak wood",
         "pure silicone", "light carbon", "volcanic stone"),
    ),
    ScriptLabel.TRIAL: Aspect(
        "Usage",
        "usage",
        ("one hand", "two fingers", "a gentle push", "a quick turn", "a soft touch", "a simple click", "a short pull",
         "a slow twist"),
    ),
    ScriptLabel.EFFECT: Aspect(
        "Effect",
        "effect",
        ("calm mornings", "a tidy home", "warm evenings", "more free time", "better sleep", "bright days",
         "happy guests",
         "less stress", "good moods", "easy travel"),
    ),
    ScriptLabel.CHARACTERISTICS: Aspect(
        "Quality",
        "quality",
        ("water resistant", "scratch proof", "feather light", "hard to break", "easy to clean", "built to last",
         "fit for travel", "safe from frost", "quick to dry", "strong as iron"),
    ),
    ScriptLabel.SECURITY: Aspect(
        "Safety",
        "safety",
        ("free of toxins", "safe for kids", "tested by doctors", "free of lead", "safe for pets", "tested for heat",
         "kind to skin", "free of latex"),
    ),
    ScriptLabel.CERTIFICATE: Aspect(
        "Award",
        "award",
        ("a national design award", "the home quality prize", "an eco label", "a five star rating", "the museum medal",
         "the makers diploma", "a world expo prize", "the craft council seal"),
    ),
    ScriptLabel.PRODUCTION: Aspect(
        "Craft",
        "craft",
        ("finished by hand", "proved three times", "pressed in Portugal", "made in Denmark", "built by robots",
         "dried in sunlight", "baked overnight", "polished for hours", "cut by laser", "sewn in Italy"),
    ),
    ScriptLabel.SOCIAL_PROOF: Aspect(
        "Audience",
        "audience",
        ("busy parents", "young families", "office workers", "travel fans", "design lovers", "college students",
         "proud hosts", "early birds", "night owls", "city people"),
    ),
    ScriptLabel.CALL_TO_ACTION: Aspect(
        "Offer",
        "offer",
        ("two for one", "half price", "free shipping", "a gift box", "ten dollars off", "free returns",
         "three for two", "a birthday discount", "a summer bonus", "a lifetime warranty"),
    ),
    ScriptLabel.OTHERS: Aspect(
        "Brand story",
        "origin",
        ("two sisters", "a retired teacher", "a small village", "three old friends", "a young inventor",
         "a family workshop", "four students", "a mountain guide"),
    ),
}  # fmt: skip

NARRATIONS = {
    ScriptLabel.SORE_POINT: grammar(
        "en",
        "(Tired|Sick) of a {kind} with {trouble}[ every single (day|morning)][, with no (help|way out) in sight]?",
        "(Another|One more) old {kind} with {trouble}[ is no fun at all][ when you come home late].",
        "[We all know how it goes:|Be honest, it happens:] no {kind} should have {trouble}[ so (soon|early)].",
        "Why (keep|accept) a {kind} with {trouble}[ again and again][ and (waste good money|spoil your mood) on it]?",
    ),
    ScriptLabel.APPEARANCE: grammar(
        "en",
        "(Meet|See) the {colour} {pattern} {kind}[, simple and (elegant|modern)]"
        "[ from every (side|angle) you can think of].",
        "A {colour} {pattern} {kind}[ that (turns heads|stands out)][ at home, in the office and on the road].",
        "[Just take a closer look:] This {colour} {pattern} {kind}[ really] (looks great|is a joy)"
        "[ in any (room|light)].",
        "Its {colour} {pattern} (look|design) makes this {kind} (shine|special)[ day after day][ wherever you put it].",
    ),
    ScriptLabel.MATERIAL: grammar(
        "en",
        "(Made|Built) (of|from) {material}[, (smooth|pleasant) to the touch][ and strong enough for daily use].",
        "[Run your fingers over it:] you can feel the {material}[ in every (single|little) detail].",
        "It is all {material}[, nothing (else|more)][, so it keeps its (shape|form) for many years].",
        "[Here is the secret:] we (use|chose) {material}[ because only the best (stays|feels) good].",
    ),
    ScriptLabel.TRIAL: grammar(
        "en",
        "(Use|Open) the {kind} with {usage}[, it is that (easy|simple)][, even for the very first time].",
        "[Watch how it works:] give it {usage} and the {kind} is ready[ for (you|action)][ in no time at all].",
        "You need (just|only) {usage}[ and nothing else] to (use|handle) this {kind}[ like a real expert].",
        "[Go on and try it:] just {usage} for this {kind}[ and (everything works|you are done)][ right away].",
    ),
    ScriptLabel.EFFECT: grammar(
        "en",
        "(Enjoy|Welcome) {effect}[ from the (first|very first) day][ and feel the difference it makes].",
        "(Now|Finally) you get {effect}[ without any (effort|trouble)[ and with a big smile]].",
        "It (brings|gives) you {effect}[ again and again][, before you even notice (it|the change)].",
        "[See what a change:] hello, {effect}, and goodbye to the (bad|old) days[ for good].",
    ),
    ScriptLabel.CHARACTERISTICS: grammar(
        "en",
        "(This|Our) {kind} is {quality}[, whatever (comes|happens)][, at home and far away from it].",
        "[Rain, dust or a fall:] the {kind} stays {quality}[ through (all|the) seasons].",
        "A {kind} that is {quality}[ and always (ready|reliable)][ when the day gets really rough].",
        "[Do not worry:|Go ahead:] it is a {kind} (truly|really) {quality}[ for years to come].",
    ),
    ScriptLabel.SECURITY: grammar(
        "en",
        "(Tested|Checked) and {safety}[, so you can (relax|trust it)][ from the morning to the night].",
        "It is {safety}[, and that is (official|certain)][, because your family comes (first|before all)].",
        "[Our promise to you:] it is (always|fully) {safety}[ in your (home|daily life)].",
        "[No risk, no doubt:] every piece is {safety}[ and comes with a safety (mark|badge)].",
    ),
    ScriptLabel.CERTIFICATE: grammar(
        "en",
        "(Winner|Holder) of {award}[ this (year|season)][, chosen by people who know their job].",
        "It (won|earned) {award}[ with full (marks|points)][ in front of a strict jury].",
        "[The experts agree:] it deserves {award}[ (above|more than) all others].",
        "[And here is the proof:] we hold {award}[ with (pride|honour)].",
    ),
    ScriptLabel.PRODUCTION: grammar(
        "en",
        "(Each|Every) {kind} is {craft}[ with (great|endless) care][ before it leaves our factory for you].",
        "[From the first sketch on:] your {kind} gets {craft}[ by our (team|experts)].",
        "A {kind} {craft}[, step by step][, because good things (need|take) time and a plan].",
        "[This is how we work:] one {kind} after another, {craft}[ and (packed|sent) with love].",
    ),
    ScriptLabel.SOCIAL_PROOF: grammar(
        "en",
        "(Loved|Praised) by {audience}[ all over the (country|world)][ and shared with all their friends].",
        "All {audience} (love|praise) it[ more and more][ and tell us so every (week|day) of the year].",
        "[Just ask around:] it is a (favourite|hit) with {audience}[ everywhere you go].",
        "[Thousands of reviews say:] the best choice for {audience}[ this year (by|so) far].",
        "(Loved|Praised) by {audience} for its {pattern} look[ all over the (country|world)]"
        "[ and shared with friends].",
        "The {pattern} one (wins|charms) {audience}[ more and more][ and they tell us every (week|day)].",
        "All {audience} (love|praise) the {pattern} one[ more and more][ and tell us so every (week|day)].",
        "[Just ask around:] the {pattern} design is a (favourite|hit) with {audience}[ everywhere you go].",
    ),
    ScriptLabel.CALL_TO_ACTION: grammar(
        "en",
        "(Order|Buy) now and get {offer}[ before the (day|week) is over][, while we have it in stock].",
        "(Today|Now) with {offer}[, so do not (wait|miss it)[ and tap the button below right away]].",
        "[What are you waiting for?] Grab yours with {offer}[ only (today|this week)].",
        "(Order|Buy) the {colour} one with {offer}[ before the (day|week) is over][ and do not wait].",
        "Get {offer} (today|now) in {colour}[ and be one of the (first|lucky few)].",
        "(Today|Now) in {colour} with {offer}[, so do not (wait|miss it)[ and tap the button below]].",
        "[What are you waiting for?] Grab the {colour} one with {offer}[ only (today|this week)].",
    ),
    ScriptLabel.OTHERS: grammar(
        "en",
        "(Started|Founded) by {origin}[ many years ago][, and still (true|faithful) to the same old dream].",
        "It all began with {origin}[ and a (good|bold) idea][ in a tiny room near the sea].",
        "[There is a story behind it:] thank {origin} for that[ and (smile|enjoy)].",
        "[Our little secret?] An idea of {origin}[ became a (brand|name) people trust].",
    ),
}

ENGLISH = Vocabulary(
    language="en",
    words=WordRangeRule("duration", rate=2.5, margin=2),
    attributes={name: {v: v for v in values} for name, values in
                (("kind", KINDS), ("colour", COLOURS), ("pattern", PATTERNS))},
    title="{brand} home {series}",
    brands=("Aurora", "Nordica", "Velora", "Lumina", "Tavolo", "Mirano", "Solana", "Kivala", "Bellino", "Arvena",
            "Donato", "Elvira"),
    series=("classic", "basic", "premium", "select", "studio", "original", "comfort", "edition"),
    aspects=ASPECTS,
    narrations=NARRATIONS,
)  # fmt: skip
