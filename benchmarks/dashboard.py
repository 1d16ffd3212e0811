"""How long `vn compare` takes, and how soon its page can be used, for a large sweep: 20 runs of 600 videos.

python benchmarks/dashboard.py                  needs chromium and chromedriver
python benchmarks/dashboard.py --runs 6 --videos 100
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compare"))
from finished_runs import make_stories, write_run

from vn.cli import main as vn

SEEDS = 4
VARIANTS = ("full", "no_position", "no_memory", "no_compression", "no_lora", "memory_none", "text_only", "no_storyline")


def opened(page: Path) -> tuple[float, float, float]:
    """Seconds until the page shows its first story, from there until a chart can be drawn, and until all are."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get("about:blank")
        marks = [time.perf_counter()]
        driver.get(page.as_uri())
        for condition in ("document.body.dataset.ready", "window.Plotly"):
            while not driver.execute_script(f"return Boolean({condition})"):
                time.sleep(0.01)
            marks.append(time.perf_counter())
            driver.execute_script("readPlotly()")
        driver.execute_script("redrawAll(true)")
        marks.append(time.perf_counter())
        ready, plotly, charts = (b - a for a, b in pairwise(marks))
        return ready, plotly, charts
    finally:
        driver.quit()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--videos", type=int, default=600)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stories = make_stories(args.videos, clips=12)
        for n in range(args.runs):
            ablation, seed = VARIANTS[n // SEEDS % len(VARIANTS)], n % SEEDS
            write_run(Path(folder) / f"{ablation}-seed{seed}", stories, ablation, seed, 0.1 + 0.05 * (n // SEEDS))
        compared = []
        for _ in range(2):
            began = time.perf_counter()
            if code := vn(["compare", folder, "--no-pictures"]):
                return code
            compared.append(f"{time.perf_counter() - began:.0f} s")
        page = Path(folder) / "compare.html"
        clips = sum(len(s.clips) for s in stories)
        print(f"{args.runs} runs x {args.videos} videos, {clips} clips each: vn compare {', again '.join(compared)}")
        for _ in range(3):
            ready, plotly, charts = opened(page)
            size = f"{page.stat().st_size / 1e6:.1f} MB"
            print(f"{size}, usable after {ready:.2f} s, charts {plotly:.2f} s later, all drawn in {charts:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
