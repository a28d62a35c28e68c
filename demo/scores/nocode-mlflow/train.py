import json

import mlflow.sklearn
import numpy
import pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

random = numpy.random.RandomState(38)
days = pandas.DataFrame({"visitors": random.uniform(10, 900, 200), "discount": random.uniform(0, 0.5, 200)})
model = LinearRegression().fit(days, 3 * days["visitors"] * 0.1 + 40 * days["discount"])
mlflow.sklearn.save_model(model, "shop", signature=infer_signature(days, model.predict(days)))

asked = days.iloc[:3]
with open("request.json", "w") as file:
    json.dump({"input_df": asked.to_dict("records")}, file)
with open("answer.json", "w") as file:
    json.dump(model.predict(asked).tolist(), file)
