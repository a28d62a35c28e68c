import base64
import json
import logging

import torch

logger = logging.getLogger("edges")


def init():
    global model
    model = torch.jit.load("edges.torchscript", map_location="cuda" if torch.cuda.is_available() else "cpu").eval()
    logger.info("model loaded")


def run(raw_data):
    request = json.loads(raw_data)
    grey = torch.frombuffer(bytearray(base64.b64decode(request["grey"])), dtype=torch.uint8)
    with torch.no_grad():
        edges = model(grey.reshape(1, 1, -1, request["width"]).float())[0, 0]
    return {"edges": int((edges > 0).sum()), "strongest": edges.max().item(), "rows": edges.clamp(min=0).sum(dim=1).tolist()}
