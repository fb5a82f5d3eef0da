import pytest

from slipway_operator.metrics_api.scrape import ScrapeError, parse_in_flight

PAGE = """\
# HELP slipway_requests_in_flight Accepted and not yet answered.
# TYPE slipway_requests_in_flight gauge
slipway_requests_in_flight 3.0
# TYPE slipway_requests_total counter
slipway_requests_total{code="200"} 12.0
"""


def test_the_gauge_is_read_among_others():
    assert parse_in_flight(PAGE) == 3


def test_label_sets_are_summed():
    assert parse_in_flight('slipway_requests_in_flight{m="a"} 1\nslipway_requests_in_flight{m="b"} 2\n') == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no slipway_requests_in_flight"),
        ("slipway_queue_depth 4\n", "has no slipway_requests_in_flight"),
        ('slipway_requests_in_flight{a="b", ="d"} 3\n', "not in the Prometheus text format"),
        ("<html>not found</html>", "not in the Prometheus text format|has no"),
        ("slipway_requests_in_flight NaN\n", "is nan"),
        ("slipway_requests_in_flight +Inf\n", "is inf"),
        ("slipway_requests_in_flight -1\n", "is -1"),
    ],
)
def test_what_is_no_count_is_no_answer(text, why):
    with pytest.raises(ScrapeError, match=why):
        parse_in_flight(text)
