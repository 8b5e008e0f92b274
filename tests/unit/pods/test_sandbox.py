"""bubblewrap's options, and who a container's processes are."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.pods import sandbox
from rehearsal.pods.environment import ConfigError
from rehearsal.pods.images import Image
from rehearsal.pods.sandbox import Identity, Mount, Sandbox

NOTEBOOK = Image("notebook", paths=("/opt/notebook",), user=1000, group=100, workdir="/home/jovyan")
TOOLS = Image("tools", user=0, group=0, capabilities=("CAP_NET_ADMIN", "CAP_NET_RAW"))


def pod(**context: object) -> dict[str, object]:
    return {"spec": {"securityContext": context, "containers": []}}


def test_identity_is_the_images_unless_it_is_given() -> None:
    assert sandbox.identity(pod(), {}, NOTEBOOK) == Identity(1000, 100)
    assert sandbox.identity(pod(runAsUser=5, fsGroup=7), {}, NOTEBOOK) == Identity(5, 100)
    own = {"securityContext": {"runAsUser": 6, "runAsGroup": 8}}
    assert sandbox.identity(pod(runAsUser=5), own, NOTEBOOK) == Identity(6, 8)


def test_root_is_refused_where_it_must_not_be() -> None:
    with pytest.raises(ConfigError, match="runAsNonRoot"):
        sandbox.identity(pod(runAsNonRoot=True), {}, TOOLS)


@pytest.mark.parametrize(
    ("context", "image", "given"),
    [
        ({"capabilities": {"add": ["NET_ADMIN"]}}, TOOLS, ("CAP_NET_ADMIN",)),
        ({"privileged": True}, TOOLS, ("CAP_NET_ADMIN", "CAP_NET_RAW")),
        ({"capabilities": {"add": ["ALL"]}}, TOOLS, ("CAP_NET_ADMIN", "CAP_NET_RAW")),
        ({"capabilities": {"add": ["SYS_ADMIN"]}}, TOOLS, ()),
        ({"privileged": True}, NOTEBOOK, ()),
        ({}, TOOLS, ()),
    ],
)
def test_capabilities_need_the_pods_and_the_tables_word(
    context: dict[str, object], image: Image, given: tuple[str, ...]
) -> None:
    assert sandbox.identity(pod(), {"securityContext": context}, image).capabilities == given


def options(**changes: object) -> list[str]:
    values: dict[str, object] = {
        "root": Path("/state/root"),
        "identity": Identity(1000, 100),
        "image": NOTEBOOK,
        "workdir": "/home/jovyan",
        "etc": {"hosts": Path("/state/hosts")},
    }
    return sandbox.arguments(Sandbox(**{**values, **changes}))  # type: ignore[arg-type]


def position(words: list[str], *wanted: str) -> int:
    for start in range(len(words)):
        if tuple(words[start : start + len(wanted)]) == wanted:
            return start
    raise AssertionError(f"{wanted} is not in {words}")


def test_a_container_has_namespaces_of_its_own_and_no_capability() -> None:
    words = options()
    position(words, "--die-with-parent")
    position(words, "--unshare-pid")
    position(words, "--cap-drop", "ALL")
    position(words, "--unshare-user", "--uid", "1000", "--gid", "100")
    assert "--cap-add" not in words


def test_nothing_of_the_machine_but_usr_is_shown() -> None:
    words = options()
    sources = [words[at + 1] for at, word in enumerate(words) if word in ("--bind", "--ro-bind", "--dev-bind")]
    allowed = ("/usr/", "/bin", "/sbin", "/lib", "/state/", "/opt/notebook")
    assert all(source.startswith(allowed) for source in sources)
    assert "/usr/local" not in sources
    writable = [words[at + 1] for at, word in enumerate(words) if word == "--bind"]
    assert writable == ["/state/root"]


def test_capabilities_are_held_in_the_pods_own_user_namespace() -> None:
    words = options(identity=Identity(0, 0, ("CAP_NET_ADMIN",)))
    assert "--unshare-user" not in words
    assert position(words, "--cap-drop", "ALL") < position(words, "--cap-add", "CAP_NET_ADMIN")


def test_mounts_lie_on_what_is_above_them() -> None:
    words = options(
        mounts=(
            Mount(Path("/v/b"), "/home/jovyan/shared/deep", True),
            Mount(Path("/v/a"), "/home/jovyan/"),
        )
    )
    root = position(words, "--bind", "/state/root", "/")
    home = position(words, "--bind", "/v/a", "/home/jovyan")
    assert root < home < position(words, "--ro-bind", "/v/b", "/home/jovyan/shared/deep")


def test_a_read_only_root_is_closed_last() -> None:
    words = options(read_only_root=True, mounts=(Mount(Path("/v/a"), "/data"),))
    assert position(words, "--bind", "/v/a", "/data") < position(words, "--remount-ro", "/")
    assert words[-2:] == ["--chdir", "/home/jovyan"]
