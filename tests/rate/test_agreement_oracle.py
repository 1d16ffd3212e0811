"""Alpha and ICC beside `krippendorff` and `pingouin`, in an environment of its own: both are under the GPL."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from vn.rate import agreement
from vn.rate.agreement import ICC

PINNED = ("krippendorff==0.9.0", "pingouin==0.7.0")
PROGRAM = """
import json, sys
import krippendorff, numpy, pandas, pingouin
out = []
for rows in json.load(sys.stdin):
    data = numpy.array([[numpy.nan if point is None else point for point in row] for row in rows], dtype=float)
    found = {}
    for level in ("ordinal", "interval"):
        found[level] = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
    complete = data[:, ~numpy.isnan(data).any(axis=0)]
    long = pandas.DataFrame(
        [(u, r, complete[r, u]) for r in range(complete.shape[0]) for u in range(complete.shape[1])],
        columns=["unit", "rater", "point"],
    )
    table = pingouin.intraclass_corr(data=long, targets="unit", raters="rater", ratings="point")
    found |= dict(zip(table["Type"], table["ICC"].astype(float)))
    out.append(found)
json.dump(out, sys.stdout)
"""
pytestmark = [pytest.mark.oracle, pytest.mark.slow]  # installing takes minutes, the first time


@pytest.fixture(scope="module")
def python(request):
    """Python with the two packages, kept in pytest's cache; the test is skipped if nothing can be installed."""
    folder = Path(request.config.cache.mkdir("agreement-oracle")) / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    binary, done = folder / "bin" / "python", folder / "installed"
    if not done.exists() or done.read_text() != " ".join(PINNED):
        venv.create(folder, with_pip=True, clear=True)
        words = [binary, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PINNED]
        pip = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=400)
        if pip.returncode and any(word in pip.stderr for word in ("Connection", "resolve", "retries", "from versions")):
            pytest.skip("krippendorff and pingouin cannot be installed without a network")
        assert pip.returncode == 0, pip.stderr[-2000:]
        done.write_text(" ".join(PINNED))
    return binary


def matrices():
    """Ratings of several shapes; in half of them some are missing."""
    random = np.random.default_rng(5)
    for raters, units, missing in ((2, 12, 0), (3, 40, 0.2), (5, 30, 0), (13, 60, 0.02), (13, 270, 0), (4, 25, 0.1)):
        quality = random.normal(1.5, 1, units)
        ratings = np.clip(np.round(quality + random.normal(0, 0.7, (raters, units))), 0, 3)
        ratings[random.random(ratings.shape) < missing] = np.nan
        yield ratings


def test_alpha_and_icc_are_those_of_the_libraries(python):
    cases = list(matrices())
    sent = [[[None if np.isnan(point) else point for point in row] for row in ratings] for ratings in cases]
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", PROGRAM],
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        timeout=300,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HOME": str(python.parent)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert len(found) == len(cases)
    for ratings, theirs in zip(cases, found, strict=True):
        met = agreement.coincidences(ratings, 4).sum(axis=0)
        assert agreement.alpha(met, True) == pytest.approx(theirs["ordinal"], abs=1e-12)
        assert agreement.alpha(met, False) == pytest.approx(theirs["interval"], abs=1e-12)
        ours = dict(zip(ICC, agreement.icc(agreement.layout(ratings).sum(axis=0)).tolist(), strict=True))
        assert ours == pytest.approx({name: theirs[name] for name in ICC}, abs=1e-9)
