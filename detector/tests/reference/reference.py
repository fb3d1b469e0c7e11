"""Writes what `detector/src/reference.rs` holds the detector's statistics against: made-up series, and what
scipy, statsmodels, ruptures and numpy make of them.

    python3 -m venv v && v/bin/pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 ruptures==1.1.10
    v/bin/python reference.py >reference.json
"""

import json
import sys

import numpy
import ruptures
import scipy.optimize
import scipy.stats
import statsmodels.api
from statsmodels.tsa.stattools import acf

CHANCE = numpy.random.default_rng(5)
BLOCKS = 48
DAY = 86_400.0


def noise(size, count=BLOCKS):
    return size * CHANCE.standard_normal(count)


def least_error(y, columns):
    """The sum of squared errors of ordinary least squares, and the coefficients after the constant."""
    fit = statsmodels.api.OLS(y, numpy.column_stack([numpy.ones(len(y)), *columns])).fit()
    return fit.ssr, fit.params[1:]


def best(y, candidates, always=()):
    """Of candidates (onset, column), the one that errs least among those that rise."""
    errors = []
    for onset, column in candidates:
        error, coefficients = least_error(y, [*always, column])
        if coefficients[-1] > 0:
            errors.append((float(error), onset))
    error, onset = min(errors)
    return {"error": error, "onset": onset}


def free(y, curve, start, low, high):
    """The least error of a curve whose parameters are free within bounds."""
    x = numpy.linspace(0.0, 1.0, len(y))
    fit = scipy.optimize.least_squares(lambda p: curve(x, *p) - y, start, bounds=(low, high))
    return float(2.0 * fit.cost)


def steps(name, levels, changes):
    segments = numpy.split(numpy.arange(BLOCKS), changes)
    y = numpy.concatenate([numpy.full(len(s), level) for s, level in zip(segments, levels)]) + noise(0.6)
    search = ruptures.Dynp(model="l2", min_size=2, jump=1).fit(y)
    ends = search.predict(n_bkps=len(changes))
    error = float(search.cost.sum_of_costs(ends))
    return {"name": name, "family": "Steps", "y": y, "error": error, "onset": ends[0]}


def saturating():
    x = numpy.linspace(0.0, 1.0, BLOCKS)

    def rise(x, onset, tau):
        return 1.0 - numpy.exp(-numpy.maximum(x - onset, 0.0) / tau)

    y = 100.0 + 40.0 * rise(x, x[5], 0.22) + noise(0.8)
    taus = [1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0]
    onsets = range(BLOCKS - 4)
    tried = [(i, rise(x, x[i], t)) for t in taus for i in onsets if t <= 1.0 - x[i] + 1e-9]

    def curve(x, base, height, onset, tau):
        return base + height * rise(x, onset, tau)

    least = free(y, curve, [100, 40, 0.1, 0.2], [0, 0, 0, 0.02], [200, 200, 0.9, 1.0])
    return {"name": "warm-up", "family": "Saturating", "y": y, "free": least, **best(y, tried)}


def settling():
    x = numpy.linspace(0.0, 1.0, BLOCKS)

    def rise(x, onset, tau):
        return numpy.log1p(numpy.maximum(x - onset, 0.0) / tau)

    y = 100.0 + 12.0 * rise(x, 0.0, 0.02) + noise(0.5)
    tried = []
    for i in [k * BLOCKS // 8 for k in range(4)]:
        tried += [(i, rise(x, x[i], share * (1.0 - x[i]))) for share in [0.01, 0.03, 0.1, 0.3]]

    def curve(x, base, height, onset, tau):
        return base + height * rise(x, onset, tau)

    least = free(y, curve, [100, 10, 0.01, 0.03], [0, 0, 0, 0.005], [200, 200, 0.5, 0.5])
    return {"name": "fragmentation", "family": "Settling", "y": y, "free": least, **best(y, tried)}


def filled():
    x = numpy.linspace(0.0, 1.0, BLOCKS)
    y = 50.0 + 60.0 * numpy.clip((x - 0.15) / 0.4, 0.0, 1.0) + noise(1.0)
    tried = []
    for end in range(1, BLOCKS - 2):
        longest = int((BLOCKS - 1 - end) / 0.125)
        for onset in range(max(end - longest, 0), end):
            tried.append((onset, numpy.clip(x, x[onset], x[end]) - x[onset]))
    return {"name": "cache", "family": "Filled", "y": y, **best(y, tried)}


def hinges(x, least_rising=3):
    """Lines and parabolas from each onset on."""
    for onset in range(len(x) - least_rising):
        for power in [1, 2]:
            yield onset, numpy.maximum(x - x[onset], 0.0) ** power


def growth():
    x = numpy.linspace(0.0, 1.0, BLOCKS)
    y = 80.0 + 30.0 * numpy.maximum(x - 0.3, 0.0) + noise(0.9)
    return {"name": "leak", "family": "Growth", "y": y, **best(y, list(hinges(x)))}


def growth_by_day():
    count, width = 60, DAY / 20.0
    t = numpy.arange(count) * width
    x = t / t[-1]
    wave = [numpy.cos(2 * numpy.pi * t / DAY), numpy.sin(2 * numpy.pi * t / DAY)]
    y = 200.0 + 25.0 * wave[0] - 14.0 * wave[1] + 40.0 * numpy.maximum(x - 0.25, 0.0) + noise(2.0, count)
    found = best(y, list(hinges(x)), always=wave)
    return {"name": "leak by day and night", "family": "Growth", "y": y, "width": width, **found}


def growth_by_load():
    x = numpy.linspace(0.0, 1.0, BLOCKS)
    rate = 50.0 + 20.0 * numpy.sin(9.0 * x) + noise(1.0)
    y = 300.0 + 0.8 * rate + 35.0 * numpy.maximum(x - 0.4, 0.0) + noise(0.8)
    found = best(y, list(hinges(x)), always=[rate])
    # The same per request: the hinge over the requests served, the rate summed by trapezoids.
    served = numpy.concatenate([[0.0], numpy.cumsum(numpy.diff(x) * (rate[1:] + rate[:-1]) / 2.0)])
    served /= served[-1]
    work = best(y, [hinge for i, hinge in enumerate(hinges(served)) if i % 2 == 0], always=[rate])
    found = min(found, work, key=lambda fit: fit["error"])
    return {"name": "leak under load", "family": "Growth", "y": y, "rate": rate, **found}


def theil_sen(name, x, y):
    mid, _, low, high = scipy.stats.theilslopes(y, x, 0.95)
    return {"name": name, "x": x, "y": y, "low": low, "mid": mid, "high": high}


def effective_size(name, values):
    r = float(numpy.clip(acf(values, nlags=1, fft=False)[1], 0.0, 0.9))
    return {"name": name, "values": values, "worth": len(values) * (1.0 - r) / (1.0 + r)}


def slopes():
    even = numpy.arange(30.0)
    yield theil_sen("noise alone", even, noise(1.0, 30))
    yield theil_sen("a line in noise", even, 0.7 * even + noise(2.0, 30))
    yield theil_sen("a fall with ties", even, numpy.round(-0.2 * even))
    gaps = numpy.cumsum(CHANCE.integers(1, 9, 41)).astype(float)
    yield theil_sen("gaps, and an outlier", gaps, numpy.where(gaps == gaps[20], 900.0, 0.3 * gaps + noise(3.0, 41)))


def sizes():
    yield effective_size("white", noise(1.0, 64))
    for memory in [0.3, 0.6, 0.85, 0.99]:
        values = [0.0]
        for step in noise(1.0, 95):
            values.append(memory * values[-1] + step)
        yield effective_size(f"memory of {memory}", numpy.array(values) + 7.0)


def plain(value):
    return [round(float(v), 9) for v in value]


def rounded(case):
    """The same with the series as they are written, so that both sides fit the same numbers."""
    return {key: plain(value) if isinstance(value, numpy.ndarray) else value for key, value in case.items()}


json.dump(
    {
        "fits": [
            rounded(case)
            for case in [
                steps("one step", [60.0, 70.0], [20]),
                steps("two steps", [60.0, 75.0, 67.0], [14, 33]),
                saturating(),
                settling(),
                filled(),
                growth(),
                growth_by_day(),
                growth_by_load(),
            ]
        ],
        "slopes": [rounded(case) for case in slopes()],
        "sizes": [rounded(case) for case in sizes()],
    },
    sys.stdout,
    indent=1,
)
