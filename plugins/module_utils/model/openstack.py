# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The keys of ``openstack.yml``: where the service runs and how big it is."""

from __future__ import annotations

from . import keys
from .keys import File, Key

SITE = "what the site chooses"

CONTROL_PLANE = (
    Key(
        "flavor",
        "string",
        "Flavor of the control plane's nodes. Kubernetes wants at least 2 VCPUs and 2 GiB there.",
        default="c3.small",
    ),
    Key(
        "count",
        "integer",
        "How many nodes the control plane has. Odd: etcd gains nothing from one more, and Magnum refuses even numbers.",
        default=3,
        minimum=1,
        maximum=9,
    ),
)

BOOT_VOLUME = (
    Key("size", "integer", "Size in GiB.", minimum=1, example=50),
    Key("type", "string", "Cinder volume type.", default=None, null="the site's default type", example="ceph-ssd"),
)

NODE_GROUP = (
    Key(
        "name",
        "string",
        "Name of the node group in Magnum. `default-worker` is the group that Magnum makes first; there must be one.",
        check=keys.dns_label,
        example="default-worker",
    ),
    Key(
        "enabled",
        "boolean",
        "`false`: the group is described here but not made; one that exists is removed.",
        default=True,
    ),
    Key("flavor", "string", "Flavor of the group's nodes.", example="c3.medium"),
    Key(
        "min",
        "integer",
        "Fewest nodes. With `max` the group is autoscaled between the two.",
        default=None,
        null="1 where `max` is given",
        minimum=0,
        maximum=10000,
        example=1,
    ),
    Key(
        "max",
        "integer",
        "Most nodes.",
        default=None,
        null="not autoscaled",
        minimum=1,
        maximum=10000,
        example=20,
    ),
    Key(
        "count",
        "integer",
        "A fixed number of nodes, in place of `min` and `max`.",
        default=None,
        null="autoscaled between `min` and `max`",
        minimum=0,
        maximum=10000,
        example=3,
    ),
    Key("gpus", "integer", "GPUs of one node.", default=0, minimum=0, maximum=64, example=1),
    Key(
        "gpu_resource",
        "string",
        "Name under which Kubernetes offers the GPUs.",
        default="nvidia.com/gpu",
        pattern=r"[a-z0-9.-]+/[A-Za-z0-9._-]+",
    ),
    Key(
        "labels",
        "mapping",
        "Further Magnum labels of this group, passed as they are written.",
        default={},
        member=keys.text_values("label", "One label."),
        example={"availability_zone": "nova"},
    ),
    Key(
        "image",
        "string",
        "Image of the group's nodes.",
        default=None,
        null="the cluster's image",
        example="ubuntu-jammy-kube-v1.34.4-nvidia",
    ),
    Key("availability_zone", "string", "Nova availability zone of the nodes.", default=None, null=SITE, example="nova"),
    Key(
        "boot_volume",
        "object",
        "Boot the nodes from Cinder volumes.",
        default=None,
        null="from the flavor's own disk",
        options=BOOT_VOLUME,
        object_name="a boot volume",
        example={"size": 50},
    ),
)

FLAVOR = (
    Key("vcpus", "integer", "VCPUs.", minimum=1, maximum=10000, example=8),
    Key("memory", "size", "Memory.", minimum=256 * 1024**2, example="16G"),
    Key(
        "disk",
        "size",
        "Root disk.",
        default=None,
        null="none of its own, or not known",
        minimum=1024**3,
        example="40G",
    ),
    Key("gpus", "integer", "GPUs.", default=0, minimum=0, maximum=64, example=1),
)

OPENSTACK = File(
    name="openstack.yml",
    title="Where it runs and how big it is",
    description="Describes the Magnum cluster. Given with `-e openstack_vars=FILE` or by an inventory.",
    keys=(
        Key("openstack_cloud", "string", "Entry of `clouds.yaml` to use.", default="openstack"),
        Key(
            "cluster_name",
            "string",
            "Name of the cluster in Magnum.",
            default="jupyterhub",
            # Magnum's own rule (magnum/api/controllers/v1/cluster.py, Cluster.name), but 64 characters instead of 242:
            # it is the common name of the cluster's CA, and a longer one ends in CREATE_FAILED.
            pattern=r"[a-zA-Z][a-zA-Z0-9_.-]{0,63}",
        ),
        Key(
            "cluster_driver",
            "string",
            "The Magnum driver of the site. `auto` finds out.",
            default="auto",
            choices=("auto", "heat", "capi-helm", "cluster-api"),
        ),
        Key(
            "cluster_template",
            "string",
            "Name or ID of a cluster template that the site provides, used as it is.",
            default=None,
            null="one of our own is kept",
            example="kubernetes-v1.34",
        ),
        Key(
            "cluster_kubernetes_version",
            "string",
            "Version of Kubernetes.",
            default="v1.34.4",
            check=keys.kubernetes_version,
        ),
        Key("cluster_image", "string", "Image of the nodes, by name or ID.", default="ubuntu-jammy-kube-v1.34.4"),
        Key(
            "cluster_keypair",
            "string",
            "Nova keypair that may log in to the nodes.",
            default=None,
            null="no keypair",
            example="operators",
        ),
        Key(
            "cluster_external_network",
            "string",
            "Network that floating IPs come from, by name or ID.",
            default="External",
        ),
        Key(
            "cluster_fixed_network",
            "string",
            "Network of the nodes, by name or ID.",
            default=None,
            null="the cluster gets one of its own",
            example="workers",
        ),
        Key(
            "cluster_fixed_subnet",
            "string",
            "Subnet of the nodes, by name or ID.",
            default=None,
            null="the cluster gets one of its own",
            example="workers-v4",
        ),
        Key(
            "cluster_dns_nameserver",
            "string",
            "Name server of the cluster's own subnet.",
            default=None,
            null="8.8.8.8 with magnum-cluster-api, as the openstack command has it; otherwise what the site chooses",
            check=keys.ipv4,
            example="192.0.2.53",
        ),
        Key(
            "cluster_network_driver",
            "string",
            "Network plugin of the cluster. Flannel does not enforce network policies: users would reach each other.",
            default="calico",
            choices=("calico", "cilium", "flannel"),
        ),
        Key(
            "cluster_api_floating_ip",
            "boolean",
            "Give the API server a floating IP.",
            default=True,
        ),
        Key(
            "cluster_api_allowed_cidrs",
            "list",
            "Ranges of addresses that may reach the API server. Empty: all.",
            default=[],
            check=keys.cidr,
            example=["192.0.2.0/24"],
        ),
        Key(
            "cluster_registry_mirror",
            "string",
            "Registry that the nodes pull the cluster's own images from, with its path. With or without a slash at its "
            "end: each driver gets it as it wants it.",
            default=None,
            null="the images' own registries",
            example="registry.example.org/kubernetes",
        ),
        Key("cluster_auto_healing", "boolean", "Let Magnum replace broken nodes.", default=True),
        Key(
            "cluster_octavia_provider",
            "string",
            "Octavia provider of the load balancers. `ovn` has no ranges that may reach them.",
            default=None,
            null=SITE,
            example="amphora",
        ),
        Key(
            "cluster_availability_zone",
            "string",
            "Nova availability zone of nodes whose group does not say.",
            default=None,
            null=SITE,
            example="nova",
        ),
        Key(
            "cluster_control_plane",
            "object",
            "The nodes that run Kubernetes itself.",
            default={},
            options=CONTROL_PLANE,
            object_name="a control plane",
        ),
        Key(
            "cluster_node_groups",
            "list",
            "The groups of nodes that run the hub and its users. Their order means nothing.",
            default=[{"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 20}],
            options=NODE_GROUP,
            unique="name",
            object_name="a node group",
        ),
        Key(
            "cluster_flavors_known",
            "mapping",
            "Sizes of flavors by name, for what is checked and planned while no cloud can be asked. What the cloud "
            "says goes first.",
            default={},
            member=Key("flavor", "object", "One flavor.", options=FLAVOR, object_name="a flavor"),
            example={"c3.medium": {"vcpus": 8, "memory": "16G", "disk": "40G"}},
        ),
        Key(
            "cluster_flavor_prices",
            "mapping",
            "Price of one server of a flavor for an hour, by the flavor's name, in one currency for all.",
            default={},
            member=Key("price", "number", "Price for an hour.", minimum=0, maximum=1000000, example=0.25),
            example={"c3.medium": 0.25},
        ),
        Key(
            "cluster_labels",
            "mapping",
            "Further Magnum labels of the cluster, passed as they are written.",
            default={},
            member=keys.text_values("label", "One label."),
            example={"cloud_provider_tag": "v1.34.1"},
        ),
        Key(
            "cluster_kubeconfig",
            "string",
            "File that the cluster's kubeconfig is written to, for its owner alone.",
            default=None,
            null="`~/.kube/stfc.jupyterhub/<cloud>/<cluster>.yaml`",
            example="/home/team/.kube/hub.yaml",
        ),
        Key(
            "cluster_lock_timeout",
            "duration",
            "How long to wait for another run of a playbook that changes this cluster.",
            default="1m",
            minimum=0,
        ),
        Key(
            "cluster_create_timeout",
            "duration",
            "How long to wait for the cluster to be made.",
            default="60m",
            minimum=5,
            example="1h30m",
        ),
        Key(
            "cluster_update_timeout",
            "duration",
            "How long to wait for one change of the cluster or of a node group.",
            default="60m",
            minimum=5,
        ),
        Key(
            "cluster_delete_timeout",
            "duration",
            "How long to wait for the cluster to be gone.",
            default="30m",
            minimum=5,
        ),
    ),
)
"""``openstack.yml``."""
