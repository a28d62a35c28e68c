"""The smallest real scoring file: doubles a number."""

import json

FACTOR = 1


def init():
    global FACTOR
    FACTOR = 2


def run(data):
    return {"result": FACTOR * json.loads(data)["x"]}
