"""A pipeline of columns that are numbers and columns that are words; some ages are missing."""

import joblib
import numpy
import pandas
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

random = numpy.random.RandomState(3)
count = 400
customers = pandas.DataFrame(
    {
        "age": numpy.where(random.rand(count) < 0.1, numpy.nan, random.randint(18, 80, count)),
        "months": random.randint(1, 60, count),
        "plan": random.choice(["basic", "family", "business"], count),
        "calls": random.poisson(3, count),
    }
)
chance = 0.15 + 0.1 * (customers["calls"] > 4) + 0.7 * (customers["months"] < 20) - 0.1 * (customers["plan"] == "business")
columns = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "months", "calls"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"])
)
model = make_pipeline(columns, LogisticRegression())
model.fit(customers, numpy.where(random.rand(count) < chance, "leaves", "stays"))
joblib.dump(model, "model.pkl")
