"""A pipeline of three stages, saved as Spark does: as a folder. Its last stage is a logistic regression."""

from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).getOrCreate()
rows = [(carrier, 100.0 + 7 * (number % 60), number % 24) for number in range(300) for carrier in ("north", "south")]
flights = spark.createDataFrame(
    [(carrier, distance, hour, float(hour > 15 or (carrier == "south" and distance > 400))) for carrier, distance, hour in rows],
    ["carrier", "distance", "hour", "late"],
)
stages = [
    StringIndexer(inputCol="carrier", outputCol="carrier_index", stringOrderType="alphabetAsc"),
    VectorAssembler(inputCols=["carrier_index", "distance", "hour"], outputCol="features"),
    LogisticRegression(labelCol="late", maxIter=20),
]
Pipeline(stages=stages).fit(flights).write().overwrite().save("flights.model")
spark.stop()
