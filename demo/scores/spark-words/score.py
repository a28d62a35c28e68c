import json

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def init():
    global spark
    spark = SparkSession.builder.appName("words").getOrCreate()


def run(raw_data):
    """The most frequent words of some texts."""
    texts = spark.createDataFrame([(text,) for text in json.loads(raw_data)["texts"]], ["text"])
    words = texts.select(f.explode(f.split(f.lower("text"), r"\W+")).alias("word")).where("word != ''")
    return words.groupBy("word").count().orderBy(f.desc("count"), "word").limit(2).collect()
