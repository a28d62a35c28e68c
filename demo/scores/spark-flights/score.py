def init():
    global pipeline
    from pyspark.ml import PipelineModel

    pipeline = PipelineModel.load("flights.model")


def run(flights):
    predictions = pipeline.transform(flights).select("carrier", "hour", "prediction")
    return [row.asDict() for row in predictions.collect()]


def main():
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).getOrCreate()
    sample = spark.createDataFrame([("north", 350.0, 9)], "carrier string, distance double, hour int")
    generate_schema(run_func=run, inputs={"flights": SampleDefinition(DataTypes.SPARK, sample)}, filepath="service_schema.json")
    spark.stop()


if __name__ == "__main__":
    main()
