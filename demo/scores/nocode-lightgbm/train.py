import json

import lightgbm
import numpy
import pandas

random = numpy.random.RandomState(33)
readings = pandas.DataFrame({"celsius": random.uniform(-10, 35, 600), "wind": random.gamma(2, 3, 600), "hour": random.randint(0, 24, 600)})
power = 50 + 2 * (readings["celsius"] - 18).abs() + 10 * readings["hour"].between(17, 21)
settings = {"num_leaves": 15, "seed": 33, "num_threads": 1, "deterministic": True, "verbose": -1}
booster = lightgbm.train(settings, lightgbm.Dataset(readings, power), 50)
booster.save_model("readings.txt")

asked = readings.iloc[:3]
with open("request.json", "w") as file:
    json.dump({"input_df": asked.to_dict("records")}, file)
with open("answer.json", "w") as file:
    json.dump(booster.predict(asked).tolist(), file)
