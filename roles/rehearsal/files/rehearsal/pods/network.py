"""A pod's network: one address, one network namespace, one routed veth.

There is no bridge: every packet passes the cluster's namespace, where kube-proxy and the network policies see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import os
import signal
import socket
import subprocess

from rehearsal.cluster import layout
from rehearsal.pods import processes

RESERVED = 256
"""The first addresses of the network are the control plane's."""

GATEWAY = "169.254.1.1"
GATEWAY_MAC = "ee:ee:ee:ee:ee:ee"
"""The pod's router: an address that nobody has, answered by a fixed neighbour entry."""

_HOLDER = 'hostname "$1" && ip link set lo up && echo ready && exec sleep infinity'


class Addresses:
    """Gives each pod an address of its own and takes it back; one just given back is used again last."""

    def __init__(self, network: str = layout.POD_CIDR) -> None:
        self._network = ipaddress.ip_network(network)
        self._used: dict[str, str] = {}
        self._next = RESERVED

    def reserve(self, address: str, owner: str) -> bool:
        """Keep a known address (a pod's from before a restart); False when it is taken or not of this network."""
        try:
            inside = ipaddress.ip_address(address) in self._network
        except ValueError:
            return False
        if not inside or self._used.get(address, owner) != owner:
            return False
        self._used[address] = owner
        return True

    def take(self, owner: str) -> str:
        """The address that is reserved for ``owner``, or a free one. OSError when none is left."""
        for address, user in self._used.items():
            if user == owner:
                return address
        usable = self._network.num_addresses - RESERVED - 1
        for _turn in range(usable):
            address = str(self._network[self._next])
            self._next = RESERVED + (self._next - RESERVED + 1) % usable
            if address not in self._used:
                self._used[address] = owner
                return address
        raise OSError(f"no free pod address in {self._network}")

    def give_back(self, owner: str) -> None:
        for address in [address for address, user in self._used.items() if user == owner]:
            del self._used[address]


class PodNetwork:
    """The namespaces that a pod's containers share (user, network, IPC, UTS), held by a process that sleeps.

    The user namespace is the pod's own, so that a container with CAP_NET_ADMIN rules its pod's network and no other.
    """

    def __init__(self, holder: subprocess.Popen[bytes], address: str) -> None:
        self._holder = holder
        self.address = address

    @classmethod
    async def create(cls, address: str, hostname: str) -> PodNetwork:
        """Make the namespaces and wire them up. Raises processes.CommandError or OSError."""
        read, write = os.pipe()
        try:
            # fmt: off
            holder = processes.start(
                ["setpriv", "--pdeathsig", "KILL",
                 "unshare", "--user", "--map-root-user", "--net", "--ipc", "--uts",
                 "sh", "-c", _HOLDER, "sh", hostname[:63]],
                stdout=write,
            )
            # fmt: on
        finally:
            os.close(write)
        reader, transport = await processes.pipe_reader(read)
        network = cls(holder, address)
        try:
            await network._wire(await asyncio.wait_for(reader.readline(), 10))
        except BaseException:
            network.close()
            raise
        finally:
            transport.close()
        return network

    async def _wire(self, greeting: bytes) -> None:
        if not greeting:
            raise processes.CommandError("unshare: no namespaces for a pod; are user namespaces allowed here?")
        pid, device = self._holder.pid, "p" + hashlib.sha256(self.address.encode()).hexdigest()[:12]
        # A reused address keeps its MAC, so that no neighbour entry is stale.
        mac = "0a:58:" + ":".join(f"{int(part):02x}" for part in self.address.split("."))
        with contextlib.suppress(OSError):
            # Left by a pod whose last process is not gone yet.
            socket.if_nametoindex(device)
            await processes.run(["ip", "link", "del", device])
        await processes.run(
            ["ip", "-batch", "-"],
            text=f"link add {device} type veth peer name eth0 address {mac} netns {pid}\n"
            f"link set {device} address {GATEWAY_MAC} up\n"
            f"route replace {self.address}/32 dev {device} src {layout.API_ADDRESS}\n",
        )
        await processes.run(
            ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-batch", "-"],
            text=f"addr add {self.address}/32 dev eth0\n"
            "link set eth0 up\n"
            f"route add {GATEWAY} dev eth0 scope link\n"
            f"neigh add {GATEWAY} lladdr {GATEWAY_MAC} dev eth0 nud permanent\n"
            f"route add default via {GATEWAY}\n",
        )

    def enter(self) -> list[str]:
        """What to put before a command so that it runs in these namespaces."""
        pid = str(self._holder.pid)
        return ["nsenter", "--preserve-credentials", "-t", pid, "--user", "--net", "--ipc", "--uts", "--"]

    def close(self) -> None:
        """End the namespaces; the kernel takes the veth with them."""
        processes.kill(self._holder.pid, signal.SIGKILL)
        self._holder.wait()
