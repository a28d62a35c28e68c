import glob
import json
import os
from collections import Counter

import joblib


def init():
    global voters, votes
    folder = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "voters")
    voters = {os.path.basename(path)[:-7]: joblib.load(path) for path in sorted(glob.glob(folder + "/*.joblib"))}
    with open(os.path.join(folder, "votes.json")) as file:
        votes = json.load(file)


def run(raw_data):
    elections = [Counter() for _ in json.loads(raw_data)["wines"]]
    for name, voter in voters.items():
        for election, winner in zip(elections, voter.predict(json.loads(raw_data)["wines"]), strict=True):
            election[str(winner)] += votes[name]
    return [election.most_common(1)[0] for election in elections]
