import json

import keras
import numpy

keras.utils.set_random_seed(35)
random = numpy.random.RandomState(35)
windows = random.normal(size=(400, 12)).astype("float32")
model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(windows, windows.mean(axis=1), epochs=3, verbose=0)
model.save("waves.keras")

asked = windows[:3]
with open("request.json", "w") as file:
    json.dump({"data": asked.tolist()}, file)
with open("answer.json", "w") as file:
    json.dump(model.predict(asked, verbose=0).tolist(), file)
