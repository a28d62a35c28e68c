import json

from pyspark.ml import Pipeline
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).getOrCreate()
rows = [(800.0 + 13 * (number % 90), 60.0 + 3 * (number % 70)) for number in range(300)]
cars = spark.createDataFrame([(weight, power, 2 + weight / 300 + power / 50) for weight, power in rows], ["weight", "power", "litres"])
stages = [VectorAssembler(inputCols=["weight", "power"], outputCol="features"), LinearRegression(labelCol="litres")]
model = Pipeline(stages=stages).fit(cars)
model.write().overwrite().save("fuel.model")

asked = [{"weight": 900.0, "power": 75.0}, {"weight": 1500.0, "power": 150.0}]
found = model.transform(spark.createDataFrame([(row["weight"], row["power"]) for row in asked], ["weight", "power"])).collect()
with open("request.json", "w") as file:
    json.dump({"input_df": asked}, file)
with open("answer.json", "w") as file:
    json.dump([row["prediction"] for row in found], file)
spark.stop()
