"""``python -m rehearsal.cluster``: the programs of one cluster. See docs/architecture.md, "Processes"."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from rehearsal.cluster.layout import ClusterDir
from rehearsal.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one program; 0 when it ended well, 1 with a message when it could not run."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    cluster = ClusterDir(Settings.load(options.state), options.cluster)
    try:
        return _run(options, cluster)
    except (OSError, ValueError) as error:
        print(f"{options.program} of cluster {cluster.uuid}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(options: argparse.Namespace, cluster: ClusterDir) -> int:
    # imports are here because the relay, which runs for each cluster, should stay small
    if options.program == "enter":
        from rehearsal.cluster.inside import enter

        enter(cluster)
    elif options.program == "boot":
        from rehearsal.cluster.inside import boot

        boot(cluster)
    elif options.program == "launch":
        from rehearsal.cluster.launch import launch

        launch(cluster, options.name)
    elif options.program in ("relay", "relay-inner"):
        from rehearsal.cluster import relay

        asyncio.run(relay.inner(cluster) if options.program == "relay-inner" else relay.outer(cluster))
    elif options.program == "controller":
        from rehearsal.cluster.controller import run

        run(cluster)
    elif options.program == "standalone":
        from rehearsal.cluster.standalone import run_standalone

        run_standalone(cluster, options.nodes, options.flavor)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.cluster", description=__doc__)
    programs = parser.add_subparsers(dest="program", required=True)
    texts = {
        "enter": "the cluster's namespaces, as a program of the host's supervisord",
        "boot": "process 1 of the namespaces (started by enter)",
        "launch": "a program of the namespaces that needs a step before it starts",
        "relay": "the host's half of the relay",
        "relay-inner": "the namespaces' half of the relay",
        "controller": "what a cloud provider does: servers, nodes, load balancers, volumes",
        "standalone": "a control plane and nodes without a cloud, for experiments; ends with ctrl-C",
    }
    for name, text in texts.items():
        program = programs.add_parser(name, help=text, description=text)
        program.add_argument("--state", type=Path, required=True, help="folder of the rehearsal")
        program.add_argument("--cluster", required=name != "standalone", default="standalone", help="its UUID")
        if name == "launch":
            program.add_argument("name", choices=("kwok", "kube-controller-manager", "kube-proxy"))
        if name == "standalone":
            program.add_argument("--nodes", type=int, default=1, help="worker nodes (default: %(default)s)")
            program.add_argument("--flavor", default="vcpus=8,ram=16384", help="of a node (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
