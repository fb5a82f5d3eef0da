from slipway_operator.metrics_api.pods import PodAddress
from slipway_operator.metrics_api.sampler import FORGET_AFTER, Sampler
from slipway_operator.metrics_api.scrape import ScrapeError

KEY = ("team", "lite0")


class Fleet:
    """Pods with a load each; None does not answer."""

    def __init__(self, **loads):
        self.now = 0.0
        self.loads = loads
        self.reads = 0
        self.sampler = Sampler(self.ready, self.read, lambda: self.now)

    def ready(self, key):
        return tuple(PodAddress(uid, uid) for uid in self.loads) if key == KEY else ()

    async def read(self, pod):
        self.reads += 1
        if self.loads[pod.uid] is None:
            raise ScrapeError("silent")
        return self.loads[pod.uid]

    async def round(self, seconds):
        self.now += seconds
        await self.sampler.sample_all()


async def test_the_first_question_is_answered_at_once():
    fleet = Fleet(a=3, b=4)
    load = await fleet.sampler.load(KEY)
    assert load is not None
    assert load.average == 7


async def test_later_questions_are_answered_from_the_window():
    fleet = Fleet(a=0)
    await fleet.sampler.load(KEY)
    fleet.loads["a"] = 10
    await fleet.round(2)
    reads = fleet.reads
    load = await fleet.sampler.load(KEY)
    assert load is not None
    assert load.average == 5
    assert fleet.reads == reads


async def test_nobody_asked_nobody_is_read():
    fleet = Fleet(a=1)
    await fleet.round(2)
    assert fleet.reads == 0


async def test_sampling_ends_when_nobody_asks_any_more():
    fleet = Fleet(a=1)
    await fleet.sampler.load(KEY)
    await fleet.round(FORGET_AFTER)
    reads = fleet.reads
    await fleet.round(1)
    assert fleet.reads == reads


async def test_no_ready_pod_is_no_load():
    fleet = Fleet()
    assert await fleet.sampler.load(KEY) is None
    assert await fleet.sampler.load(("team", "unknown")) is None


async def test_no_answer_is_no_load():
    fleet = Fleet(a=None)
    assert await fleet.sampler.load(KEY) is None


async def test_a_silent_pod_does_not_silence_the_others():
    fleet = Fleet(a=2, b=None)
    load = await fleet.sampler.load(KEY)
    assert load is not None
    assert load.average == 2


async def test_old_load_is_not_told_after_all_pods_went_unready():
    fleet = Fleet(a=50)
    await fleet.sampler.load(KEY)
    fleet.loads = {}
    assert await fleet.sampler.load(KEY) is None
