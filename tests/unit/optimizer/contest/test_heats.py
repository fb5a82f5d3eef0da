"""Who is in memory together."""

import pytest

from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.heats import heats
from slipway_optimizer.contest.trial import Trial

PLAIN = Trial(Entry(), size_bytes=600)
HALF = Trial(Entry("FP16"), size_bytes=300)
SMALL = Trial(Entry("INT4"), size_bytes=100)
BROKEN = Trial(Entry("StaticINT8"), problem="no kernel")


@pytest.mark.parametrize(
    ("field", "groups"),
    [
        ([PLAIN], [[PLAIN]]),
        ([PLAIN, BROKEN], [[PLAIN]]),
        ([PLAIN, SMALL, BROKEN], [[PLAIN, SMALL]]),
        ([PLAIN, HALF, SMALL], [[PLAIN, HALF, SMALL]]),
        ([PLAIN, HALF, SMALL, Trial(Entry("DynamicINT8"), size_bytes=1)], None),
    ],
)
def test_all_together_where_they_fit_else_one_by_one_beside_the_plain_export(field, groups):
    assert heats(field, together_bytes=1000) == (groups or [[PLAIN, other] for other in field[1:]])
