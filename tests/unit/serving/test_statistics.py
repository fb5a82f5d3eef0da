import threading

from slipway_serving.admission import Admission
from slipway_serving.distribution import Distribution
from slipway_serving.metrics import Metrics
from slipway_serving.statistics import Statistics
from slipway_serving.ticket import Ticket


def finished(code: int | str, *, rows: int = 3) -> Ticket:
    ticket = Ticket(Admission(max_waiting=1, max_bytes=1), 0, lambda _: None)
    ticket.accepted, ticket.arrived = 10.0, 10.5
    ticket.was_run(rows, (11.0, 13.0, 17.0))
    ticket.code = code
    return ticket


def test_a_request_counts_with_the_time_of_each_stage() -> None:
    statistics = Statistics()
    statistics.count_run(3, 4.0)
    statistics.count_request(finished(200), 25.0)
    statistics.count_request(finished("OK", rows=1), 25.0)
    described = statistics.describe()
    assert described["inference_count"] == 4
    assert described["execution_count"] == 1
    assert described["last_inference"] > 0
    second = 1_000_000_000
    assert described["inference_stats"] == {
        "success": {"count": 2, "ns": 30 * second},
        "fail": {"count": 0, "ns": 0},
        "queue": {"count": 2, "ns": 4 * second},
        "compute_input": {"count": 2, "ns": second},
        "compute_infer": {"count": 2, "ns": 8 * second},
        "compute_output": {"count": 2, "ns": 16 * second},
    }
    assert described["batch_stats"] == [{"batch_size": 3, "compute_infer": {"count": 1, "ns": 4 * second}}]


def test_a_request_without_an_answer_is_a_failure_and_nothing_else() -> None:
    statistics = Statistics()
    statistics.count_request(finished(504), 20.0)
    described = statistics.describe()
    assert described["inference_stats"]["fail"] == {"count": 1, "ns": 10_000_000_000}
    assert described["inference_stats"]["success"]["count"] == 0
    assert described["inference_count"] == 0


def test_no_count_is_lost_between_threads() -> None:
    statistics, metrics = Statistics(), Metrics()

    def count() -> None:
        for _ in range(2000):
            statistics.count_request(finished(200, rows=1), 20.0)
            metrics.count_request(200)
            metrics.observe_batch(2)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statistics.inference_count == 8000
    text = metrics.render().decode()
    assert 'slipway_requests_total{code="200",protocol="http",route="infer"} 8000.0' in text
    assert "slipway_batch_size_sum 16000.0" in text


def test_a_distribution_counts_up_to_and_with_each_bound() -> None:
    distribution = Distribution((1, 2.5))
    for value in (0.5, 1, 2, 2.5, 99):
        distribution.observe(value)
    assert distribution.buckets() == [("1.0", 2.0), ("2.5", 4.0), ("+Inf", 5.0)]
    assert distribution.sum == 105


def test_stages_of_a_request_are_observed_in_seconds() -> None:
    metrics = Metrics()
    metrics.observe_request(finished(200), 25.0)
    text = metrics.render().decode()
    for name, seconds in (("duration", 15.0), ("queue", 2.0), ("compute", 4.0), ("encode", 8.0)):
        assert f"slipway_request_{name}_seconds_sum {seconds}" in text
        assert f"slipway_request_{name}_seconds_count 1.0" in text
    assert "process_resident_memory_bytes" in text
