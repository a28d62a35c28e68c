import json

import tensorflow as tf


def init():
    global infer, loaded
    loaded = tf.saved_model.load("saved_model")
    infer = loaded.signatures["serving_default"]


def run(inputString):
    celsius = tf.constant(json.loads(inputString)["celsius"], tf.float32)
    return {name: value.numpy() for name, value in infer(celsius).items()}
