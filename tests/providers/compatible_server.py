"""A server on loopback as vLLM-Omni is one (openai-images.md, 2.8): what it takes and says differs from OpenAI."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

from graphrun.providers.multipart import Part, read_form

_FIELDS = {"model", "prompt", "n", "size", "seed", "num_inference_steps", "guidance_scale", "response_format"}
_MODEL = "Qwen/Qwen-Image-Edit"


class Refused(Exception):
    """What the server doesn't take; answered 422 as ``{"detail": ...}``."""


@dataclass(frozen=True)
class Heard:
    """One accepted request."""

    path: str
    headers: Mapping[str, str]
    fields: Mapping[str, object]
    files: tuple[Part, ...] = ()


@dataclass
class CompatibleServer:
    """Remembers what it accepted. ``as_url``: answers name pictures on the server instead of holding them."""

    url: str = ""
    as_url: bool = False
    heard: list[Heard] = field(default_factory=list)

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, object]:
        """Return the answer to a POST. Raises Refused."""
        heard = _read(path, headers, body)
        self.heard.append(heard)
        count, seed = int(str(heard.fields.get("n", 1))), int(str(heard.fields.get("seed", 0)))
        pictures = [picture(seed + index) for index in range(count)]
        if self.as_url:
            return {"data": [{"url": f"{self.url}/files/{seed + index}.png"} for index in range(count)]}
        return {"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()} for data in pictures]}


def picture(seed: int) -> bytes:
    """Draw the picture of a seed."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (seed % 256, 20, 90)).save(file, "PNG")
    return file.getvalue()


def _read(path: str, headers: Mapping[str, str], body: bytes) -> Heard:
    if path == "/v1/images/generations":
        fields, files = json.loads(body), ()
        for name in ("n", "seed", "num_inference_steps"):
            if not isinstance(fields.get(name, 1), int):
                raise Refused(f"{name}: Input should be a valid integer")
    elif path == "/v1/images/edits":
        parts = read_form(headers["content-type"], body)
        fields = {part.name: part.data.decode() for part in parts if part.file_name is None}
        files = tuple(part for part in parts if part.file_name is not None)
        _check_files(files)
    else:
        raise Refused(f"Not Found: {path}")
    if unknown := fields.keys() - _FIELDS:
        raise Refused(f"Extra inputs are not permitted: {', '.join(sorted(unknown))}")
    if fields["model"] != _MODEL:
        raise Refused(f"The model `{fields['model']}` is not served here")
    return Heard(path, headers, fields, files)


def _check_files(files: tuple[Part, ...]) -> None:
    if any(part.name not in ("image", "mask_image") for part in files):
        raise Refused(f"Unexpected files: {', '.join(part.name for part in files)}")
    for mask in (part for part in files if part.name == "mask_image"):
        if Image.open(io.BytesIO(mask.data)).mode not in ("L", "RGB"):
            raise Refused("mask_image: white marks what is edited, so it has no alpha")


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        try:
            self._reply(200, json.dumps(_service(self).answer(self.path, headers, body)).encode(), "application/json")
        except Refused as refusal:
            self._reply(422, json.dumps({"detail": str(refusal)}).encode(), "application/json")

    def do_GET(self) -> None:
        self._reply(200, picture(int(self.path.rpartition("/")[2].removesuffix(".png"))), "image/png")

    def _reply(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    service: CompatibleServer


def _service(handler: BaseHTTPRequestHandler) -> CompatibleServer:
    assert isinstance(handler.server, _Server)
    return handler.server.service


@contextmanager
def compatible_server(*, as_url: bool = False) -> Iterator[CompatibleServer]:
    """Serve on a free port of loopback."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.service = CompatibleServer(f"http://127.0.0.1:{server.server_address[1]}", as_url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.service
        finally:
            server.shutdown()
            thread.join()
