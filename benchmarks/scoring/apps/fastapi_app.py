"""What people write by hand: typed rows and a plain function."""

import os

import joblib
import pandas
from fastapi import FastAPI
from pydantic import BaseModel, Field

model = joblib.load(os.path.join(os.environ["MODEL_DIR"], "model.joblib"))
app = FastAPI()


class Row(BaseModel):
    sepal_length: float = Field(alias="sepal length")
    sepal_width: float = Field(alias="sepal width")
    petal_length: float = Field(alias="petal length")
    petal_width: float = Field(alias="petal width")


@app.post("/predict")
def predict(rows: list[Row]) -> list[int]:
    return model.predict(pandas.DataFrame([row.model_dump(by_alias=True) for row in rows])).tolist()


@app.post("/predict_async")
async def predict_async(rows: list[Row]) -> list[int]:
    return model.predict(pandas.DataFrame([row.model_dump(by_alias=True) for row in rows])).tolist()
