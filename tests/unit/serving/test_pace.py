from slipway_serving.pace import Pace


def test_what_was_never_seen_is_expected_to_take_for_ever() -> None:
    assert Pace().expect(100) == float("inf")


def test_a_slow_run_is_believed_at_once_and_a_fast_one_by_and_by() -> None:
    pace = Pace()
    pace.record(100, 1.0)
    pace.record(100, 8.0)
    assert pace.expect(100) == 8.0
    pace.record(100, 0.0)
    assert pace.expect(100) == 6.0
    for _ in range(30):
        pace.record(100, 0.0)
    assert pace.expect(100) < 0.01


def test_a_larger_run_is_expected_to_cost_as_much_more_until_it_is_known() -> None:
    pace = Pace()
    pace.record(128, 1.0)
    assert pace.expect(128 * 8) == 8.0
    assert pace.expect(64) == 1.0
    pace.record(128 * 8, 1.5)
    assert pace.expect(128 * 8) == 1.5
    assert pace.expect(128) == 1.0


def test_the_service_time_of_a_request_follows_the_last_batches() -> None:
    pace = Pace()
    pace.record_service(4, 2.0)
    assert pace.seconds_per_request == 0.5
    for _ in range(60):
        pace.record_service(2, 2.0)
    assert 0.99 < pace.seconds_per_request <= 1.0
