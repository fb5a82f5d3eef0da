import pytest

from slipway_serving.admission import Admission
from slipway_serving.errors import OverloadedError
from slipway_serving.ticket import Ticket


def admission(*, waiting: int = 2, size: int = 100, running: int = 0, seconds: float = 0.0) -> Admission:
    return Admission(max_waiting=waiting, max_bytes=size, running=lambda: running, seconds_per_request=lambda: seconds)


def arrived(counted: Admission, size: int = 0) -> Ticket:
    ticket = Ticket(counted, size, lambda _: None)
    ticket.__enter__()
    ticket.hold(size)
    ticket.arrive()
    return ticket


def test_one_may_run_and_so_many_may_wait() -> None:
    counted = admission(waiting=2)
    for _ in range(3):
        arrived(counted)
    with pytest.raises(OverloadedError, match="2 requests are waiting already"):
        arrived(counted)
    assert counted.in_flight == 3
    assert counted.refused == {"queue_full": 1, "memory_full": 0}


def test_a_batch_that_runs_does_not_wait() -> None:
    counted = admission(waiting=2, running=4)
    for _ in range(6):
        arrived(counted)
    with pytest.raises(OverloadedError):
        arrived(counted)


def test_bodies_that_do_not_come_take_no_place() -> None:
    counted = admission(waiting=1)
    slow = [Ticket(counted, 0, lambda _: None) for _ in range(50)]
    for ticket in slow:
        ticket.__enter__()
    assert counted.in_flight == 50
    arrived(counted)
    arrived(counted)
    with pytest.raises(OverloadedError):
        slow[0].arrive()


def test_leaving_makes_room_however_far_a_request_came() -> None:
    counted = admission(waiting=1)
    ticket = arrived(counted, 40)
    other = Ticket(counted, 0, lambda _: None)
    other.__enter__()
    ticket.__exit__(None, None, None)
    other.__exit__(None, None, None)
    assert counted.in_flight == counted.bytes_held == 0
    arrived(counted)
    arrived(counted)


def test_bytes_are_bounded_as_they_are_announced_and_as_they_arrive() -> None:
    counted = admission(waiting=10, size=100)
    arrived(counted, 60)
    with pytest.raises(OverloadedError, match="60 bytes are being served"), Ticket(counted, 41, lambda _: None):
        pass
    with Ticket(counted, 0, lambda _: None) as unannounced:
        unannounced.hold(30)
        with pytest.raises(OverloadedError):
            unannounced.hold(11)
        assert counted.bytes_held == 90
    assert counted.bytes_held == 60
    assert counted.refused == {"queue_full": 0, "memory_full": 2}


@pytest.mark.parametrize(("seconds", "retry_after"), [(0.0, 1), (0.001, 1), (2.4, 5), (1000.0, 60)])
def test_who_is_refused_hears_when_those_before_will_be_done(seconds: float, retry_after: int) -> None:
    counted = admission(waiting=1, seconds=seconds)
    arrived(counted)
    arrived(counted)
    with pytest.raises(OverloadedError) as caught:
        arrived(counted)
    assert caught.value.retry_after == retry_after


def test_a_deadline_is_only_ever_brought_forward() -> None:
    ticket = Ticket(admission(), 0, lambda _: None)
    assert ticket.deadline is None
    ticket.limit_to(5)
    ticket.limit_to(9)
    assert ticket.deadline == ticket.accepted + 5
    ticket.limit_to(1)
    assert ticket.deadline == ticket.accepted + 1


def test_a_ticket_reports_when_it_is_done_and_only_if_it_was_let_in() -> None:
    done: list[Ticket] = []
    with Ticket(admission(), 0, done.append) as ticket:
        assert done == []
    assert done == [ticket]
    with pytest.raises(OverloadedError), Ticket(admission(size=0), 1, done.append):
        pass
    assert done == [ticket]
