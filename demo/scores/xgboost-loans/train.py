import numpy
import pandas
import xgboost

random = numpy.random.RandomState(21)
loans = pandas.DataFrame({"amount": random.uniform(1, 50, 600), "years": random.randint(1, 30, 600), "late": random.poisson(0.5, 600)})
failed = (loans["amount"] / loans["years"] + 2 * loans["late"] + random.normal(0, 0.5, 600)) > 4
booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "seed": 21, "nthread": 1}, xgboost.DMatrix(loans, failed), 30)
booster.save_model("loans.json")
