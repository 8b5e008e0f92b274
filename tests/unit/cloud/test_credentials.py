from __future__ import annotations

from pathlib import Path

from openstack.config import OpenStackConfig

from rehearsal.cloud import credentials


def test_openstacksdk_reads_every_cloud(tmp_path: Path) -> None:
    known = {one.name: {"id": f"id-{one.name}", "secret": "s: #'\""} for one in credentials.APPLICATION_CREDENTIALS}
    path = tmp_path / "clouds.yaml"
    path.write_text(credentials.clouds_yaml("http://127.0.0.1:20000/v3", known, "pass: word"))
    config = OpenStackConfig(config_files=[str(path)], load_envvars=False)
    assert set(config.get_cloud_names()) == {
        "rehearsal",
        "rehearsal-restricted",
        "rehearsal-member",
        "rehearsal-colleague",
    }

    by_credential = config.get_one("rehearsal").config
    assert by_credential["auth_type"] == "v3applicationcredential"
    assert by_credential["auth"]["application_credential_secret"] == "s: #'\""
    by_password = config.get_one("rehearsal-member").config
    assert by_password["auth"]["username"] == credentials.OPERATOR
    assert by_password["auth"]["password"] == "pass: word"
    assert {by_credential["region_name"], by_password["region_name"]} == {"RegionOne"}
