import joblib
import numpy
import pandas
from sklearn.ensemble import IsolationForest

random = numpy.random.RandomState(9)
payments = pandas.DataFrame({"amount": random.lognormal(3, 0.5, 500), "hour": random.normal(14, 3, 500).clip(0, 23)})
joblib.dump(IsolationForest(n_estimators=50, random_state=9).fit(payments), "forest.pkl")
