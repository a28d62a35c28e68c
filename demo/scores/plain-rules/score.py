"""A decision table without any package: an application for a loan is granted, refused, or looked at by a person."""

LIMITS = {"low": 0.45, "medium": 0.35, "high": 0.2}


def init():
    global limits
    limits = dict(LIMITS)


def run(application):
    share = application["instalment"] / application["income"]
    limit = limits[application["risk"]]
    verdict = "granted" if share <= limit else "refused" if share > 1.5 * limit else "review"
    return {"verdict": verdict, "share": share, "limit": limit}


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    sample = {"income": 3200.0, "instalment": 800.0, "risk": "medium"}
    inputs = {"application": SampleDefinition(DataTypes.STANDARD, sample)}
    generate_schema(run_func=run, inputs=inputs, filepath="service_schema.json")
