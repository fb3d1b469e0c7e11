"""Values of the formats that our document names: schemathesis knows only the standard ones.

Each is within the range of every setting of its format. Pauses are cut short, because a stream of a
thousand pieces with a second between any two is right, and takes a quarter of an hour.
"""

import schemathesis
from hypothesis import strategies as st

LONG = ["1s", "1s 500ms", "2sec", "1m", "1m 30s", "5min"]

sizes = st.sampled_from(["1MiB", "1024KiB", "1.5MiB", "2 MiB", "3000KB", "16777216"])
spans = st.sampled_from(LONG)
schemathesis.openapi.format("byte-size", sizes)
schemathesis.openapi.format("time-span", spans)


@schemathesis.hook
def map_query(context, query):
    if query and query.get("pause") in LONG:
        query["pause"] = "1ms"
    return query
