"""A module with one function, saved as TensorFlow does: as a folder. It turns temperatures into another scale and says which are high."""

import tensorflow as tf


class Thermometer(tf.Module):
    def __init__(self):
        self.limit = tf.Variable(100.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def __call__(self, celsius):
        fahrenheit = celsius * 9 / 5 + 32
        return {"fahrenheit": fahrenheit, "high": fahrenheit > self.limit}


tf.saved_model.save(Thermometer(), "saved_model")
