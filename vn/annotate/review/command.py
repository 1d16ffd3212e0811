"""``vn review page|export|import|agreement STORIES``: people look at what ``vn annotate`` made."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from vn.errors import Findings, InputError

EPILOG = """\
A page is one file that opens in a browser without a network; it plays the videos from their folder, or from
--media-url. What a reviewer saves (batch-001.NAME.json) is put beside the page, into STORIES/review; the next
vn annotate reads it. With Label Studio, export, annotate there, and import its export of the format JSON.

examples:
  vn review page stories
  vn review page stories --marked-first --batch 30
  vn review export stories --media-url http://localhost:8081/videos
  vn review import stories project-1.json
  vn review agreement stories --reviewers Ann Bob
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn review``."""
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", required=True, metavar="page|export|import|agreement")
    page = _action(actions, "page", "write a page per batch of videos")
    page.add_argument("--batch", type=int, default=20, metavar="N", help="videos per page")
    page.add_argument(
        "--marked-first", action="store_true", help="put the videos with the most marks into the first batches"
    )
    page.add_argument("--interface", choices=("en", "zh"), help="language of the pages (default: the videos' own)")
    page.add_argument("--media-url", metavar="URL", help="URL of the videos' folder (default: their files)")
    export = _action(actions, "export", "write tasks for Label Studio")
    export.add_argument("--media-url", metavar="URL", required=True, help="URL at which Label Studio finds the videos")
    back = _action(actions, "import", "read an annotated export of Label Studio")
    back.add_argument("export", type=Path, metavar="EXPORT", help="the export, in the format JSON")
    back.add_argument("--max-bad", type=int, default=0, metavar="N", help="annotations that may be bad and left out")
    agreement = _action(actions, "agreement", "how well two reviewers agree")
    agreement.add_argument(
        "--reviewers", nargs=2, metavar="NAME", help="whom to compare (default: those who reviewed the same videos)"
    )
    agreement.add_argument("--out", type=Path, metavar="FILE", help="also write the numbers as JSON")
    agreement.add_argument("--seed", type=int, default=0, help="random seed of the bootstrap over videos")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=what, description=what)
    parser.add_argument("stories", type=Path, metavar="STORIES", help="the --out folder of vn annotate")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one of the four."""
    return {"page": _page, "export": _export, "import": _import, "agreement": _agreement}[args.action](args)


def _page(args: argparse.Namespace) -> int:
    from vn.annotate.review.drafts import PAGES, machine_drafts, unfinished
    from vn.annotate.review.page import PageSettings, write_pages

    if not 1 <= args.batch <= 999:
        raise InputError(f"expected 1 to 999, got {args.batch}", field="--batch")
    drafts, findings = machine_drafts(args.stories), Findings()
    settings = PageSettings(args.batch, args.interface, args.media_url, args.marked_first)
    if stopped := unfinished(args.stories):
        findings.add(stopped, file=args.stories)
    pages = write_pages(args.stories / PAGES, drafts, settings, findings)
    clips, marked = sum(len(draft.clips) for draft in drafts), sum(len(draft.marked) for draft in drafts)
    print(f"wrote {len(pages)} pages to {args.stories / PAGES}: {len(drafts)} videos, {clips} clips, {marked} marked")
    _warn(findings)
    return 0


def _export(args: argparse.Namespace) -> int:
    from vn.annotate.review.drafts import PAGES, machine_drafts, unfinished
    from vn.annotate.review.label_studio.export import CONFIG, FOLDER, write_export
    from vn.annotate.review.media import Media

    drafts = machine_drafts(args.stories)
    folder = args.stories / PAGES / FOLDER
    media = Media(folder, [draft.video.file for draft in drafts], args.media_url)
    print(f"wrote {write_export(folder, drafts, media)}: {len(drafts)} tasks, and {CONFIG} beside it")
    if stopped := unfinished(args.stories):
        findings = Findings()
        findings.add(stopped, file=args.stories)
        _warn(findings)
    return 0


def _import(args: argparse.Namespace) -> int:
    from vn.annotate.review.drafts import PAGES, machine_drafts
    from vn.annotate.review.label_studio.annotations import import_export, write_reviews

    drafts = machine_drafts(args.stories)
    found = import_export(args.export, drafts, args.max_bad)
    for file in write_reviews(found, args.stories / PAGES, drafts):
        print(f"wrote {file}")
    done = {video for own in found.reviews.values() for video in own}
    print(f"{len(done)} videos annotated by {len(found.reviews)}; {found.missing} tasks without, {found.empty} empty")
    _warn(found.bad)
    return 0


def _agreement(args: argparse.Namespace) -> int:
    from vn.annotate.review.agreement import agree
    from vn.annotate.review.both import pairs_of
    from vn.annotate.review.drafts import PAGES, machine_drafts
    from vn.annotate.review.report import print_agreement
    from vn.annotate.review.stage import read_reviews, without_review
    from vn.io.atomic import write_text

    if args.seed < 0:
        raise InputError(f"expected 0 or more, got {args.seed}", field="--seed")
    reviews, findings = read_reviews(args.stories / PAGES), Findings()
    names = sorted({each.reviewer for each in reviews})
    for name in args.reviewers or ():
        if name not in names:
            raise InputError(without_review(name, names), field="--reviewers")
    found = []
    languages = {draft.video.id: draft.video.language for draft in machine_drafts(args.stories)}
    for pair, videos in pairs_of(reviews, languages, args.reviewers, findings).items():
        found.append(agree(pair, videos, args.seed))
        print_agreement(found[-1], videos[0][2])
    _warn(findings)
    if not found:
        who = " and ".join(args.reviewers) if args.reviewers else "two reviewers"
        raise InputError(f"there is no video of which {who} both reviewed every clip", file=args.stories / PAGES)
    if args.out:
        text = json.dumps([each.to_dict() for each in found], ensure_ascii=False, indent=1, allow_nan=False)
        write_text(args.out, text + "\n")
        print(f"wrote {args.out}")
    return 0


def _warn(findings: Findings) -> None:
    if findings:
        print(findings.summary(), file=sys.stderr)
