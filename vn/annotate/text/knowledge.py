"""Knowledge about the product: its file as it is, and what a chat model finds in its page (paper section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vn.annotate.results import Known
from vn.annotate.stage import Before, Made, Mark, RawVideo
from vn.annotate.text.asking import Answer, Fault, Question, Questions, ask
from vn.annotate.text.page import page_text
from vn.annotate.text.private import private
from vn.annotate.text.prompt import load_prompts
from vn.annotate.text.sourced import Source
from vn.annotate.text.spelling import plain
from vn.endpoints.cached import CachedChat
from vn.errors import Findings
from vn.story import Knowledge, Language

LONGEST = 12_000  # characters of a page that are sent
TOKENS = 1500  # tokens that a reply may have
MOST_ASPECTS = 40
ON_SCREEN: Mapping[Language, str] = {"en": "On screen", "zh": "画面文字"}


@dataclass(frozen=True, slots=True)
class Page:
    """What a model found in a page.

    Attributes:
        title: the product's title.
        knowledge: aspects and points.
    """

    title: str
    knowledge: tuple[Knowledge, ...]


class KnowledgeStage:
    """See `vn.annotate.stage.Stage`: the product file's knowledge, then the page's, then the texts on the screen.

    A page is asked about once, however many videos share it. Points that are not literally in the page are marked.

    Args:
        chat: finds knowledge in pages; None leaves pages unread.
        keep_unsourced: whether points that are not in the page are kept.
        again: whether questions whose kept replies are bad are asked again.
    """

    name = "knowledge"
    needs: tuple[str, ...] = ("on_screen",)

    def __init__(self, chat: CachedChat | None = None, keep_unsourced: bool = False, again: bool = False) -> None:
        self._chat, self._keep, self._again = chat, keep_unsourced, again
        self._prompts, sha256 = load_prompts("knowledge")
        self.reads: tuple[str, ...] = ("language", "product", "page")  # without a model, a warning is about the page
        self.key = f"{chat.key} {sha256} keep {keep_unsourced}" if chat else "product"
        self._questions = Questions(chat.workers if chat else 1, self._ask)

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `Stage.make_all`."""
        if self._chat is not None:
            self._questions.ask_all([(video, before) for video, before in videos if video.page is not None])

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `Stage.make`."""
        marks: list[Mark] = []
        counts: dict[str, float] = {}
        title, knowledge, category = _of_product(video)
        if self._chat is not None and video.page is not None:
            answer = self._questions.of(video, before)
            if answer.value is None:
                marks.append(Mark(f"no knowledge from {video.page.name}: {answer.fault}", "reply"))
                counts["bad_replies"] = 1.0
            else:
                page, unsourced = self._sourced(video, answer.value)
                marks += [Mark(f"{point!r} is not in {video.page.name}", "unsourced") for point in unsourced]
                counts["unsourced"] = float(len(unsourced))
                title = title or page.title
                knowledge = joined(knowledge, page.knowledge)
        elif video.page is not None:
            findings.add("product pages are read only with --knowledge")
        if not title:
            title = video.id
            findings.add("nothing is known about the product: the title is the video's id", sample=video.id)
            counts["without_product"] = 1.0
        elif not knowledge:
            findings.add("only the product's title is known", sample=video.id)
        seen = tuple((before.get("on_screen") or {}).get("texts", ()))
        if seen:
            knowledge = joined(knowledge, (Knowledge(ON_SCREEN[video.language], seen),))
        marks += _private(knowledge)
        return Made(Known(title, knowledge, category).to_json(), marks, counts)

    def report(self) -> dict[str, float]:
        """See `Stage.report`."""
        return {**self._chat.report(), "knowledge_seconds": self._questions.seconds} if self._chat else {}

    def _ask(self, video: RawVideo, before: Before) -> Answer[Page]:
        assert self._chat is not None
        assert video.page is not None
        prompt = self._prompts[video.language]
        messages = prompt.messages(page=page_text(video.page)[:LONGEST])
        return ask(self._chat, Question(prompt, messages, TOKENS, _page), self._again)

    def _sourced(self, video: RawVideo, page: Page) -> tuple[Page, list[str]]:
        """What of a page's knowledge is in it, and what is not; a title that is not is left out."""
        assert video.page is not None
        source = Source(page_text(video.page), video.language)
        points = [point for each in page.knowledge for point in each.points]
        unsourced = [text for text in dict.fromkeys((*points, page.title)) if text and not source.has(text)]
        if self._keep:
            return page, unsourced
        kept = tuple(
            Knowledge(each.aspect, tuple(x for x in each.points if x not in unsourced)) for each in page.knowledge
        )
        title = "" if page.title in unsourced else page.title
        return Page(title, tuple(each for each in kept if each.points)), unsourced


def joined(first: Sequence[Knowledge], more: Sequence[Knowledge]) -> tuple[Knowledge, ...]:
    """Knowledge of two sources: a point once, however it is written, and an aspect once."""
    known = {plain(point) for each in first for point in each.points}
    aspects = {plain(each.aspect): each for each in first}
    for each in more:
        points = {plain(x): x for x in reversed(each.points)}  # the first one, if two are alike
        new = tuple(x for x in each.points if plain(x) not in known and points[plain(x)] == x)
        if new:
            known |= {plain(point) for point in new}
            name = plain(each.aspect)
            before = aspects.get(name)
            aspects[name] = Knowledge(before.aspect, (*before.points, *new)) if before else Knowledge(each.aspect, new)
    return tuple(aspects.values())


def _of_product(video: RawVideo) -> tuple[str, tuple[Knowledge, ...], str | None]:
    product = video.product
    return (product.title, product.knowledge, product.category) if product else ("", (), None)


def _private(knowledge: Sequence[Knowledge]) -> list[Mark]:
    points = [point for each in knowledge for point in each.points if private(point)]
    return [Mark(f"a point of {len(point)} characters holds personal data", "private") for point in points]


def _page(value: Mapping[str, Any]) -> Page:
    """The reply about a page, checked."""
    title, aspects = value.get("title", ""), value.get("aspects")
    if more := [name for name in value if name not in ("title", "aspects")]:
        raise Fault(f"{more[0]!r} is neither title nor aspects")
    if not isinstance(title, str):
        raise Fault("the title is not a text")
    if not isinstance(aspects, dict) or len(aspects) > MOST_ASPECTS:
        raise Fault(f"aspects is not an object with {MOST_ASPECTS} aspects at most")
    found = []
    for name, points in aspects.items():
        if not isinstance(points, list) or not all(isinstance(point, str) for point in points):
            raise Fault(f"{name[:40]!r} is not a list of texts")
        texts = tuple(dict.fromkeys(filter(None, (" ".join(point.split()) for point in points))))
        if name.strip() and texts:
            found.append(Knowledge(" ".join(name.split()), texts))
    return Page(" ".join(title.split()), tuple(found))
