"""`python -m slipway_operator`: the operator's process."""

import asyncio
import sys

from slipway_operator.json_logs import set_up_logs
from slipway_operator.lifecycle import Process
from slipway_operator.options import parse_options


async def main() -> int:
    options = parse_options(sys.argv[1:])
    set_up_logs(options.log_level)
    return await Process(options).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
