"""A fixed convolution that finds edges, saved as a program that needs no class."""

import base64
import json

import torch
from torch import nn

edges = nn.Conv2d(1, 1, 3, padding=1, bias=False)
with torch.no_grad():
    edges.weight[:] = torch.tensor([[0.0, -1.0, 0.0], [-1.0, 4.0, -1.0], [0.0, -1.0, 0.0]])
torch.jit.trace(edges.eval(), torch.zeros(1, 1, 8, 8)).save("edges.torchscript")

picture = torch.zeros(8, 8, dtype=torch.uint8)
picture[2:6, 2:6] = 100
with open("request.json", "w") as file:
    json.dump({"width": 8, "grey": base64.b64encode(bytes(picture.flatten().tolist())).decode()}, file)
