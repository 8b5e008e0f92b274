"""Designate's only name server is its own."""

from __future__ import annotations

from rehearsal.cloud.services import designate


def test_serials_are_asked_of_the_server_that_has_the_zones() -> None:
    (pool,) = designate.pool(20012)
    mdns = {"host": "127.0.0.1", "port": 20012}
    assert pool["nameservers"] == [mdns] == pool["targets"][0]["masters"]
    assert pool["ns_records"][0]["hostname"].endswith(".")


def test_the_zone_is_one_that_designate_takes() -> None:
    assert designate.ZONE.endswith(".localhost.")
    assert len(designate.ZONE.strip(".").split(".")) > 1
