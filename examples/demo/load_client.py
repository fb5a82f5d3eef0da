"""Closed-loop HTTP load, run in a pod by `traffic.py`: WORKERS requests in flight for SECONDS, then a summary line.

    python load_client.py URL BODY_JSON WORKERS SECONDS

BODY_JSON describes the request: `{"name": …, "datatype": …, "shape": [...]}`; its data are zeros.
"""

import asyncio
import json
import statistics
import sys
import time

import aiohttp

BUSY_PAUSE_SECONDS = 0.2


def request_body(tensor: dict) -> bytes:
    count = 1
    for size in tensor["shape"]:
        count *= size
    return json.dumps({"inputs": [{**tensor, "data": [0.0] * count}]}).encode()


async def worker(session: aiohttp.ClientSession, url: str, body: bytes, until: float, took: list, codes: dict) -> None:
    while (begin := time.monotonic()) < until:
        try:
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                await response.read()
                code = str(response.status)
        except aiohttp.ClientError as error:
            code = type(error).__name__
        codes[code] = codes.get(code, 0) + 1
        if code == "200":
            took.append(time.monotonic() - begin)
        else:
            await asyncio.sleep(BUSY_PAUSE_SECONDS)


async def main(url: str, tensor: dict, workers: int, seconds: float) -> None:
    body, took, codes = request_body(tensor), [], {}
    until = time.monotonic() + seconds
    # Without keep-alive each request is routed anew, so that new replicas get their share at once.
    connector = aiohttp.TCPConnector(limit=workers, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        await asyncio.gather(*(worker(session, url, body, until, took, codes) for _ in range(workers)))
    quantiles = statistics.quantiles(took, n=100) if len(took) > 1 else [0.0] * 99
    summary = {
        "codes": codes,
        "requestsPerSecond": round(len(took) / seconds, 1),
        "p50Ms": round(quantiles[49] * 1000, 1),
        "p99Ms": round(quantiles[98] * 1000, 1),
    }
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
