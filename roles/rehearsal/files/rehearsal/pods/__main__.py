"""``python -m rehearsal.pods runner|policies --cluster DIR``, inside the cluster's namespaces."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path

from rehearsal.cluster.waiting import ApiServer, wait_until_made


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.pods", description=__doc__)
    parser.add_argument("part", choices=("runner", "policies"))
    parser.add_argument("--cluster", type=Path, required=True, metavar="DIR", help="<state>/clusters/<uuid>")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        ApiServer(given.cluster / "runner.kubeconfig").wait_for_node()  # without one there are no pods
        wait_until_made(given.cluster)
        from rehearsal.pods import policies, runner  # loaded when the wait is over

        part = runner.main if given.part == "runner" else policies.main
        asyncio.run(_until_told(part(given.cluster)))
    except FileNotFoundError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


async def _until_told(work: Awaitable[None]) -> None:
    """Do the work; SIGTERM and SIGINT cancel it."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


if __name__ == "__main__":
    sys.exit(main())
