import lightgbm
import numpy

random = numpy.random.RandomState(8)
days = numpy.column_stack([random.randint(0, 7, 800), random.uniform(-5, 35, 800)])
demand = 100 + 30 * (days[:, 0] >= 5) + 2 * numpy.abs(days[:, 1] - 18)
settings = {"objective": "regression", "num_leaves": 15, "seed": 8, "num_threads": 1, "deterministic": True, "verbose": -1}
lightgbm.train(settings, lightgbm.Dataset(days, demand), 60).save_model("demand.txt")
