"""Writes the reference values of tests.rs: series by formula, judged by pymannkendall.

    python3 -m venv v && v/bin/pip install pymannkendall==1.4.3 numpy==2.4.6
    v/bin/python reference.py >reference.csv
"""

import math

import pymannkendall


def series(kind, n):
    values = []
    for i in range(n):
        wave = math.floor(50 * math.sin(0.7 * i) + 30 * math.sin(0.13 * i * i))
        values.append(
            {
                "waves": wave,
                "rising": wave + i,
                "falling": wave - 0.8 * i,
                "ties": (i * i) % 7,
                "slow_cycle": math.floor(40 * math.sin(i / 9)) + 0.2 * i,
            }[kind]
        )
    return values


print("series,length,plain,hamed_rao")
for kind in ["waves", "rising", "falling", "ties", "slow_cycle"]:
    for n in [11, 40, 121]:
        plain = pymannkendall.original_test(series(kind, n), alpha=0.01)
        corrected = pymannkendall.hamed_rao_modification_test(series(kind, n), alpha=0.01)
        print(kind, n, float(plain.z), float(corrected.z), sep=",")
