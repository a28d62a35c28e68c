import pandas


def init():
    global season
    season = pandas.read_csv("season.csv", index_col="month")["factor"]


def run(plan):
    """Without a plan for a day, the last one known is taken."""
    usual = plan["usual"].ffill()
    return plan.assign(expected=(usual * plan["day"].dt.month.map(season)).round(2))


def main():
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    sample = pandas.DataFrame({"day": pandas.to_datetime(["2024-03-01", "2024-08-15"]), "usual": [80.0, None], "shop": ["A1", "B2"]})
    generate_schema(run_func=run, inputs={"plan": SampleDefinition(DataTypes.PANDAS, sample)}, filepath="service_schema.json")


if __name__ == "__main__":
    main()
