import pandas
import statsmodels.api as sm
from azureml.assets import get_local_path
from azureml.datacollector import ModelDataCollector
from azureml.logging import get_azureml_logger

run_logger = get_azureml_logger()
run_logger.log("amlrealworld.sales", "true")


def init():
    global result, collector
    result = sm.load(get_local_path("sales.pickle.link"))
    collector = ModelDataCollector("sales.pickle", identifier="plans", feature_names=["price", "advert", "sold"])


def run(plan):
    """A week's plan -> what will be sold, with the bounds for one week in twenty."""
    expected = result.get_prediction(pandas.DataFrame([plan])).summary_frame(alpha=0.05).iloc[0]
    collector.collect([[plan["price"], plan["advert"], expected["mean"]]])
    return {"sold": expected["mean"], "from": expected["obs_ci_lower"], "to": expected["obs_ci_upper"]}


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    generate_schema(run, {"plan": SampleDefinition(DataTypes.STANDARD, {"price": 2.99, "advert": "radio"})}, filepath="service_schema.json")
