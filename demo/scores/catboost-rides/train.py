import numpy
import pandas
from catboost import CatBoostRegressor

random = numpy.random.RandomState(2)
rides = pandas.DataFrame({"district": random.choice(["north", "south", "centre"], 300), "km": random.uniform(1, 20, 300)})
fare = 3 + 1.9 * rides["km"] + rides["district"].map({"north": 0, "south": 1.5, "centre": 4})
model = CatBoostRegressor(iterations=80, depth=4, random_seed=2, thread_count=1, verbose=False, allow_writing_files=False)
model.fit(rides, fare, cat_features=["district"])
model.save_model("rides.cbm")
