"""The demo world in English.

Clips last 2 to 5 seconds, so a narration has 3 to 14 words (`ENGLISH.words`); each group of templates has
sentences for every length.
"""

from vn.demo.english_prose import ENGLISH_PROSE
from vn.demo.grammar import grammar
from vn.demo.product import COLOURS, KINDS, PARTS, PATTERNS
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
        "(Tired|Sick) of {trouble}[ every single (day|morning)][, with no (help|way out) in sight]?",
        "(Everybody|Everyone) (hates|knows) {trouble}[ at home][ and (wishes|hopes) for something better at last].",
        "[Be honest, it happens:] who (needs|wants) {trouble}[ at home][ after a long (day|week)]?",
        "(Enough|No more) of {trouble}[, say the people we (ask|meet)][ in every town and every street].",
    ),
    ScriptLabel.APPEARANCE: grammar(
        "en",
        "(Meet|See) it in {colour}[, simple and (elegant|modern)][ from every (side|angle) you can think of].",
        "A {colour} one[ that (turns heads|stands out)][ at home, in the office and on the road].",
        "[Just take a closer look:] this {colour}[ really] (looks great|is a joy)[ in any (room|light)].",
        "(In|All in) {colour}, it (shines|is special)[ day after day][ wherever you (put|take) it].",
        "[Now come (nearer|closer):] a (lovely|fine) {pattern} (finish|look)[ down to the last little detail].",
        "(See|Admire) the {pattern} (design|surface)[, drawn with a steady hand][ and made to last for years].",
        "[Every inch of it:] it is {pattern} (all over|all around)[, and it (never|hardly) fades][ in the sun].",
        "A {pattern} (style|touch)[ that (friends|guests) will notice][ the moment they come through the door].",
    ),
    ScriptLabel.MATERIAL: grammar(
        "en",
        "(Made|Built) (of|from) {material}[, (smooth|pleasant) to the touch][ and strong enough for daily use].",
        "[Run your fingers over it:] you can feel the {material}[ in every (single|little) detail].",
        "It is all {material}[, nothing (else|more)][, so it keeps its (shape|form) for many years].",
        "[Here is the secret:] we (use|chose) {material}[ because only the best (stays|feels) good].",
        "All {material} down to the {part}[, (smooth|pleasant) to the touch][ and strong enough for daily use].",
        "[Run your fingers over it:] the {part} (is|has) {material}[ in every (single|little) detail].",
        "Even the {part} is {material}[, nothing (else|more)][, so it keeps its (shape|form) for many years].",
        "[Here is the secret:] we took {material} for the {part}[ because only the best (stays|feels) good].",
    ),
    ScriptLabel.TRIAL: grammar(
        "en",
        "(Take|Hold) the {part}: {usage}[, it is that (easy|simple)][, even for the very first time].",
        "[Watch how it works:] with its {part}, {usage} (will do|is enough)[ in no time at all].",
        "You need its {part} and {usage}[, nothing else][ to (use|handle) it like a real expert].",
        "[Go on and try it:] just {usage} and the {part}[, and (everything works|you are done)][ right away].",
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
        "(Tested|Proven) and {safety}[, so you can (relax|trust it)][ from the morning to the night].",
        "It is {safety}[, and that is (official|certain)][, because your family comes (first|before all)].",
        "[Our promise to you:] it is (always|fully) {safety}[ in your (home|daily life)].",
        "[No risk, no doubt:] every piece is {safety}[ and comes with a safety (mark|badge)].",
        "Even the {part} is {safety}[, so you can (relax|trust it)][ from the morning to the night].",
        "The {part} too is {safety}[, and that is (official|certain)][, because your family comes first].",
        "[Our promise to you:] its {part} is {safety}[ as (well|ever)][ in your (home|daily life)].",
        "[No risk, no doubt:] a {part} that is {safety}[ and comes with a safety (mark|badge)].",
    ),
    ScriptLabel.CERTIFICATE: grammar(
        "en",
        "(Winner|Holder) of {award}[ this (year|season)][, chosen by people who know their job].",
        "It (won|earned) {award}[ with full (marks|points)][ in front of a strict jury].",
        "[The experts agree:] it deserves {award}[ (above|more than) all others].",
        "[And here is the proof:] we hold {award}[ with (pride|honour)].",
        "A {kind} with {award}[ this (year|season)][, chosen by people who know their job].",
        "This {kind} (won|earned) {award}[ with full (marks|points)][ in front of a strict jury].",
        "[The experts agree:] the {kind} (deserves|has) {award}[ (above|more than) all others].",
        "[And here is the proof:] see {award} for our {kind}[ and all its (fans|friends)].",
    ),
    ScriptLabel.PRODUCTION: grammar(
        "en",
        "(Each|Every) piece is {craft}[ with (great|endless) care][ before it leaves our factory for you].",
        "[From the first sketch on:] yours gets {craft}[ by our (team|experts)][ and nobody else].",
        "All of them {craft}[, step by step][, because good things (need|take) time and a plan].",
        "[This is how we work:] one after another, {craft}[ and (packed|sent) with love].",
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
                (("kind", KINDS), ("colour", COLOURS), ("pattern", PATTERNS), ("part", PARTS))},
    title="{brand} home {series}",
    brands=("Aurora", "Nordica", "Velora", "Lumina", "Tavolo", "Mirano", "Solana", "Kivala", "Bellino", "Arvena",
            "Donato", "Elvira"),
    series=("classic", "basic", "premium", "select", "studio", "original", "comfort", "edition"),
    aspects=ASPECTS,
    narrations=NARRATIONS,
    prose=ENGLISH_PROSE,
)  # fmt: skip
