"""The review app without a browser: its routes over a workspace, and what it packs into one block."""

import json
import struct
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from winnow.review.server import create_app, open_session

OWN = {"X-Winnow": "1"}


def client_of(folder: Path, token: str | None = None) -> TestClient:
    app = create_app(open_session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=token)
    return TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False)


def arrays(content: bytes) -> dict[str, np.ndarray]:
    """What `pack_points` packed."""
    (length,) = struct.unpack("<I", content[:4])
    header = json.loads(content[4 : 4 + length])
    return {
        it["name"]: np.frombuffer(content, it["type"], it["length"], 4 + length + it["offset"])
        for it in header["arrays"]
    }


def judge(client: TestClient, image_id: str, action: str | None, label: int | None = None, expected=None):
    """Ask for a verdict on an image; its answer."""
    verdict = action and {"action": action, "label": label, "reviewer": "ada", "reason": ""}
    change = {"image_id": image_id, "expected": expected, "verdict": verdict}
    return client.post("/api/decisions", json={"changes": [change]}, headers=OWN)
