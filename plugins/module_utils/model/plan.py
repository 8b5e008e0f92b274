# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The variables of the role ``plan``: who comes when, how long things take, what is asked."""

from __future__ import annotations

from ..quantity import QuantityError
from .keys import File, Key


def time_of_day(value: str) -> None:
    """``09:00`` or ``09:00:30``."""
    parts = value.split(":")
    numbers = [int(part) if part.isdecimal() and len(part) <= 2 else 99 for part in parts]
    if len(parts) not in (2, 3) or numbers[0] > 23 or max(numbers[1:]) > 59:
        raise QuantityError(f"{value!r} is not a time of day", "write it in quotes, such as '09:00'")


ARRIVAL = (
    Key(
        "shape",
        "string",
        "`lecture`: all come at its beginning and work to its end. `workshop`: the same, longer, perhaps with a break. "
        "`working_day`: six of ten come in the first half of it, four in the second, each works for a while.",
        choices=("lecture", "workshop", "working_day"),
        example="lecture",
    ),
    Key("users", "integer", "How many come.", minimum=1, maximum=100000, example=60),
    Key("at", "string", "When it begins.", check=time_of_day, example="09:00"),
    Key(
        "within",
        "duration",
        "How long after that the last one comes; of a working day, how long it is.",
        default=None,
        null="5m for a lecture, 15m for a workshop, 9h for a working day",
        minimum=1,
        maximum=86400,
        example="5m",
    ),
    Key(
        "for",
        "duration",
        "How long it lasts; of a working day, how long one works on average.",
        default=None,
        null="1h for a lecture, 6h for a workshop, 3h for a working day",
        minimum=60,
        maximum=86400,
        example="1h",
    ),
    Key("break_at", "string", "Of a workshop: when a break begins.", default=None, null="none", check=time_of_day),
    Key("break_for", "duration", "Of a workshop: how long the break is.", default="1h", minimum=60, maximum=86400),
    Key("profile", "string", "Profile that they choose.", default=None, null="the default one", example="large"),
    Key(
        "stop_share",
        "number",
        "Share of users who stop their server at the end.",
        default=None,
        null="`plan_stop_share`",
        minimum=0,
        maximum=1,
        example=0.5,
    ),
)

NEW_GROUP = (
    Key("name", "string", "Name of the group.", example="physics-2"),
    Key("users", "integer", "How many of them work at the same time.", minimum=1, maximum=100000, example=40),
    Key("memory", "size", "Memory of each.", minimum=64 * 1024**2, example="4G"),
    Key("cpu", "number", "Most CPUs of each.", default=2, minimum=0.05, maximum=1024, milli=True, example=2),
    Key("gpus", "integer", "GPUs of each.", default=0, minimum=0, maximum=64),
)

TARGET = (
    Key("share", "number", "Share of all starts.", default=0.95, minimum=0, maximum=1, example=0.95),
    Key("seconds", "duration", "Longest wait of these, from the click to the server.", default="60s", minimum=1),
)

DAEMONS = (
    Key("cpu", "number", "CPUs that they ask for.", default=0.25, minimum=0, maximum=1024, milli=True),
    Key("memory", "size", "Memory that they ask for.", default="128M", minimum=0, example="128M"),
)

PLAN = File(
    name="Role plan",
    title="What is asked of a plan",
    description="Variables of the role, given with `-e` or by an inventory. They are in neither of the two files.",
    keys=(
        Key(
            "plan_arrivals",
            "list",
            "Who comes on the day that is simulated.",
            default=[{"shape": "lecture", "users": 60, "at": "09:00", "within": "5m"}],
            options=ARRIVAL,
            object_name="an arrival",
            example=[{"shape": "lecture", "users": 60, "at": "09:00", "within": "5m"}],
        ),
        Key(
            "plan_logins",
            "string",
            "A file of logins in place of `plan_arrivals`: CSV with a header. `time` (09:00, or a date with a time), "
            "and perhaps `user`, `profile`, and `minutes` that the user works.",
            default=None,
            null="`plan_arrivals` says who comes",
            example="logins.csv",
        ),
        Key(
            "plan_session_time",
            "duration",
            "How long a user of a file of logins works on average where the file does not say.",
            default="2h",
            minimum=60,
            maximum=86400,
        ),
        Key(
            "plan_stop_share",
            "number",
            "Share of users who stop their server when they have done their work. The others' servers end when they "
            "have been idle for `hub_culling.idle_timeout`.",
            default=0.1,
            minimum=0,
            maximum=1,
        ),
        Key(
            "plan_target",
            "object",
            "What is wanted: this share of all starts waits no longer than so many seconds.",
            default={"share": 0.95, "seconds": "60s"},
            options=TARGET,
            object_name="a target",
            example={"share": 0.95, "seconds": 60},
        ),
        Key(
            "plan_recommend",
            "boolean",
            "Search for the cheapest placeholders and minimum that keep the target.",
            default=True,
        ),
        Key(
            "plan_new_group",
            "object",
            "A group owner's request: whether so many more users fit, what to change, what it costs.",
            default=None,
            null="none",
            options=NEW_GROUP,
            object_name="a new group",
            example={"name": "physics-2", "users": 40, "memory": "4G"},
        ),
        Key(
            "plan_boot_time",
            "duration",
            "How long a new node takes from the autoscaler's request until pods can be placed on it. Measure it on "
            "your cloud; with `plan_image_pull_time`, 10 to 15 minutes are usual with Magnum.",
            default="10m",
            minimum=0,
            maximum=86400,
            example="6m",
        ),
        Key(
            "plan_image_pull_time",
            "duration",
            "How long a new node takes to pull the notebooks' image.",
            default="2m",
            minimum=0,
            maximum=86400,
        ),
        Key(
            "plan_server_start",
            "duration",
            "How long a server takes to start on a node that has its image: attach the volume, start, answer.",
            default="15s",
            minimum=0,
            maximum=3600,
        ),
        Key(
            "plan_scan_interval",
            "duration",
            "How often the autoscaler looks for pods without a place (its `--scan-interval`).",
            default="10s",
            minimum=1,
            maximum=3600,
        ),
        Key(
            "plan_scale_down_delay",
            "duration",
            "How long the autoscaler leaves a node that nobody needs, and all nodes after it added one (its "
            "`--scale-down-unneeded-time` and `--scale-down-delay-after-add`).",
            default="10m",
            minimum=0,
            maximum=86400,
        ),
        Key(
            "plan_volumes_per_node",
            "integer",
            "Volumes that can be attached to one server besides its root disk. libvirt names about 26 disks.",
            default=25,
            minimum=1,
            maximum=256,
        ),
        Key(
            "plan_daemons",
            "object",
            "What the daemons of each node ask for, where neither a live node nor the driver's known ones tell.",
            default=None,
            null="measured on a live node, else what the driver's daemons usually ask for",
            options=DAEMONS,
            object_name="the daemons",
        ),
        Key("plan_seed", "integer", "Seed of the simulation: the same seed, the same result.", default=1, minimum=0),
        Key(
            "plan_replications",
            "integer",
            "How often the day is simulated, each time with other chances.",
            default=None,
            null="as often as gives 20,000 starts, at least 3 and at most 20 times",
            minimum=1,
            maximum=1000,
        ),
        Key(
            "plan_report",
            "string",
            "File that the report is written to: one page of HTML that needs no network.",
            default="build/plan.html",
            null="none is written",
        ),
        Key("plan_json", "string", "File that the plan is written to as JSON.", default=None, null="none is written"),
    ),
)
"""Variables of the role ``plan``."""
