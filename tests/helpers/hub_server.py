"""A Hugging Face hub on loopback: as much of its API as huggingface_hub needs to write and read.

Repositories are in memory; tokens that begin with `hf_write` may write. Small files travel within
the commit, weights by git LFS, as on the hub (without Xet).
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


class Hub:
    """What the server holds.

    Attributes:
        files: Repository -> path -> content.
        large: sha256 -> content of what came by LFS.
        asked: Method and path of each request.
        tokens: Those that came with requests.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        self.url = ""


@contextmanager
def serving() -> Iterator[Hub]:
    """The hub, at `url` while the block lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _parts(self) -> list[str]:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        if "Authorization" in self.headers:
            self.hub.tokens.add(self.headers["Authorization"].removeprefix("Bearer "))
        return path.strip("/").split("/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, code: int, content: bytes | dict = b"", **headers: str) -> None:
        kind = (
            "application/json" if isinstance(content, dict | list) else "application/octet-stream"
        )
        body = json.dumps(content).encode() if isinstance(content, dict | list) else content
        self.send_response(code)
        headers.setdefault("Content-Length", str(len(body)))
        for key, value in {"Content-Type": kind, **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _may_write(self) -> bool:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token.startswith("hf_write"):
            self._body()
            self._answer(401, {"error": "Invalid username or password."})
            return False
        return True

    def do_POST(self) -> None:
        parts = self._parts()
        if parts == ["api", "validate-yaml"]:
            self._body()
            return self._answer(200, {"errors": [], "warnings": []})
        if not self._may_write():
            return None
        body = self._body()
        if parts == ["api", "repos", "create"]:
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            if name in self.hub.files:
                known = {"error": "You already created this model repo"}
                return self._answer(409, {**known, "url": f"{self.hub.url}/{name}"})
            self.hub.files[name] = {}
            return self._answer(200, {"url": f"{self.hub.url}/{name}", "name": name})
        if parts[-3:] == ["lfs", "objects", "batch"]:
            objects = [
                {**it, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{it['oid']}"}}}
                for it in json.loads(body)["objects"]
            ]
            return self._answer(200, {"transfer": "basic", "objects": objects})
        name = "/".join(parts[2:4])
        if name not in self.hub.files:
            return self._answer(404, {"error": "no"}, X_Error_Code="RepoNotFound")
        if parts[4] == "preupload":
            modes = [
                {
                    "path": it["path"],
                    "uploadMode": "lfs" if it["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for it in json.loads(body)["files"]
            ]
            return self._answer(200, {"files": modes})
        assert parts[4] == "commit", parts
        self._commit(self.hub.files[name], body)
        told = {"success": True, "commitOid": COMMIT}
        return self._answer(200, {**told, "commitUrl": f"{self.hub.url}/{name}/commit/{COMMIT}"})

    def _commit(self, files: dict[str, bytes], body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            elif entry["key"] == "deletedFile":
                files.pop(value["path"])

    def do_PUT(self) -> None:
        oid, body = self._parts()[-1], self._body()
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.large[oid] = body
        self._answer(200)

    def do_GET(self) -> None:
        parts = self._parts()
        if parts[:2] == ["api", "models"]:
            name = "/".join(parts[2:4])
            if name not in self.hub.files:
                return self._answer(404, {"error": "no"}, X_Error_Code="RepoNotFound")
            if "tree" in parts:
                tree = [
                    {"type": "file", "path": path, "size": len(it), "oid": git_hash(it)}
                    for path, it in self.hub.files[name].items()
                ]
                return self._answer(200, tree)
            siblings = [{"rfilename": path} for path in self.hub.files[name]]
            return self._answer(200, {"id": name, "sha": COMMIT, "siblings": siblings})
        if len(parts) < 5 or parts[2] != "resolve":
            return self._answer(404, {"error": "no"})
        name, revision, path = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        if name not in self.hub.files:
            return self._answer(401, {"error": "no"}, X_Error_Code="RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._answer(404, {"error": "no"}, X_Error_Code="RevisionNotFound")
        content = self.hub.files[name].get(path)
        if content is None:
            return self._answer(404, {"error": "no"}, X_Error_Code="EntryNotFound")
        sha = hashlib.sha256(content).hexdigest()
        etag = sha if sha in self.hub.large else git_hash(content)
        told = {"X_Repo_Commit": COMMIT, "ETag": f'"{etag}"'}
        if sha in self.hub.large:
            told |= {"X_Linked_ETag": f'"{sha}"', "X_Linked_Size": str(len(content))}
        return self._answer(200, content, **told)

    do_HEAD = do_GET


def git_hash(content: bytes) -> str:
    """As git names a small file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
