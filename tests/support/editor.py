"""The language server that editors run for YAML, as an editor talks to it."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from rehearsal.setup import toolchains

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "tests" / "editor"
UNREACHABLE = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b")
NOWHERE = "http://127.0.0.1:9"
PATIENCE = 30

T = TypeVar("T")


class NoRegistryError(Exception):
    """The language server is not installed, and the npm registry cannot be reached."""


def install() -> list[str]:
    """The command that starts the language server, installed from its lock if it is not yet."""
    node = toolchains.node(print)
    digest = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = ROOT / "build" / f"editor-{digest}"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / ".editor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(PROJECT / name, folder / name)
            command = [
                str(node.npm),
                "ci",
                "--prefer-offline",
                "--fetch-retries=1",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode and UNREACHABLE.search(done.stderr):
                raise NoRegistryError("the npm registry cannot be reached, so there is no yaml-language-server to ask")
            assert done.returncode == 0, done.stderr
            (folder / "complete").touch()
    server = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    return [str(node.node), str(server), "--stdio"]


class Editor:
    """An editor on a machine that reaches no network. ``marks``: what the server marks in each text, by its name."""

    def __init__(self, command: list[str]) -> None:
        self.loop = asyncio.new_event_loop()
        self.client = LanguageClient("editor", "1")
        self.marks: dict[str, asyncio.Queue[list[lsp.Diagnostic]]] = {}
        self._answer()
        self._run(self._start(command))

    def close(self) -> None:
        """Stop the server."""
        self._run(self.client.shutdown_async(None))
        self.client.exit(None)
        self._run(self.client.stop())
        self.loop.close()

    def marks_of(self, file: Path, text: str) -> list[lsp.Diagnostic]:
        """What is marked in ``text`` as the content of ``file``; the file itself is not written."""
        return self._run(self._marks_of(file, text))

    def completion(self, file: Path, text: str) -> dict[str, lsp.CompletionItem]:
        """What is offered where ``text`` has a ``|``, by label."""
        text, at = _cursor(text)
        uri = self._open(file, text)
        params = lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), at)
        answer = self._run(self.client.text_document_completion_async(params))
        items = answer.items if isinstance(answer, lsp.CompletionList) else answer or []
        return {item.label: item for item in items}

    def hover(self, file: Path, text: str) -> str:
        """What is shown where ``text`` has a ``|``."""
        text, at = _cursor(text)
        uri = self._open(file, text)
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), at)
        answer = self._run(self.client.text_document_hover_async(params))
        assert answer and isinstance(answer.contents, lsp.MarkupContent)
        return answer.contents.value

    async def _start(self, command: list[str]) -> None:
        await self.client.start_io(*command)
        workspace = lsp.WorkspaceClientCapabilities(configuration=True)
        root = lsp.WorkspaceFolder(ROOT.as_uri(), "service")
        params = lsp.InitializeParams(lsp.ClientCapabilities(workspace=workspace), workspace_folders=[root])
        await self.client.initialize_async(params)
        self.client.initialized(lsp.InitializedParams())

    async def _marks_of(self, file: Path, text: str) -> list[lsp.Diagnostic]:
        uri = self._open(file, text)
        return await self.marks[uri].get()

    def _open(self, file: Path, text: str) -> str:
        """Open ``text`` under a name of its own beside ``file``, so that no answer is about another text."""
        uri = file.with_stem(f"{file.stem}-{len(self.marks)}").as_uri()
        self.marks[uri] = asyncio.Queue()
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "yaml", 1, text)))
        return uri

    def _answer(self) -> None:
        """Answer what the server asks and tells."""

        @self.client.feature(lsp.WORKSPACE_CONFIGURATION)
        def configuration(params: lsp.ConfigurationParams) -> list[Any]:
            # The server's own defaults (its store of schemas on the network among them), and no way out.
            known: dict[str | None, Any] = {"yaml": {}, "http": {"proxy": NOWHERE, "proxyStrictSSL": False}}
            return [known.get(item.section) for item in params.items]

        @self.client.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def register(_params: lsp.RegistrationParams) -> None:
            """Nothing to do."""

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def marked(params: lsp.PublishDiagnosticsParams) -> None:
            if params.uri in self.marks:
                self.marks[params.uri].put_nowait(list(params.diagnostics))

    def _run(self, answer: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(answer, PATIENCE))


def _cursor(text: str) -> tuple[str, lsp.Position]:
    before, after = text.split("|")
    return before + after, lsp.Position(before.count("\n"), len(before.rpartition("\n")[2]))
