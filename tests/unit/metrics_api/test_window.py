from slipway_operator.metrics_api.window import LoadWindow


def test_one_round_is_known_at_once():
    window = LoadWindow(10)
    window.record(100, {"a": 3, "b": 4}, {"a", "b"})
    load = window.load(101)
    assert load is not None
    assert (load.average, load.age, load.seconds) == (7, 1, 0)


def test_a_spike_is_averaged_over_the_window():
    window = LoadWindow(10)
    for at, count in [(0, 0), (2, 0), (4, 20), (6, 0), (8, 0)]:
        window.record(at, {"a": count}, {"a"})
    load = window.load(8)
    assert load is not None
    assert load.average == 4
    assert load.seconds == 8


def test_rounds_older_than_the_window_are_forgotten():
    window = LoadWindow(10)
    window.record(0, {"a": 100}, {"a"})
    window.record(12, {"a": 2}, {"a"})
    load = window.load(12)
    assert load is not None
    assert load.average == 2


def test_a_pod_that_misses_a_round_counts_with_its_last_answer():
    window = LoadWindow(10)
    window.record(0, {"a": 5, "b": 5}, {"a", "b"})
    window.record(2, {"a": 5}, {"a", "b"})
    load = window.load(2)
    assert load is not None
    assert load.average == 10


def test_a_pod_that_stays_silent_is_left_out():
    window = LoadWindow(10)
    for at in range(0, 30, 2):
        window.record(at, {"a": 5} | ({"b": 5} if at == 0 else {}), {"a", "b"})
    load = window.load(28)
    assert load is not None
    assert load.average == 5


def test_a_pod_that_is_no_longer_ready_counts_no_more():
    window = LoadWindow(10)
    window.record(0, {"a": 5, "b": 5}, {"a", "b"})
    window.record(2, {"a": 5}, {"a"})
    load = window.load(2)
    assert load is not None
    assert load.average == 7.5  # (10 + 5) / 2


def test_nothing_is_known_without_answers():
    window = LoadWindow(10)
    window.record(0, {}, {"a"})
    assert window.load(0) is None


def test_nothing_is_known_when_the_answers_are_old():
    window = LoadWindow(10)
    window.record(0, {"a": 5}, {"a"})
    assert window.load(10) is not None
    assert window.load(10.1) is None


def test_nothing_is_known_once_no_pod_is_ready():
    window = LoadWindow(10)
    window.record(0, {"a": 5}, {"a"})
    window.record(2, {}, set())
    assert window.load(2) is None
