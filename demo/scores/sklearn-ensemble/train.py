"""A folder with three models and a file that says what each vote is worth."""

import json
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

wines = load_wine()
folder = Path("voters")
folder.mkdir(exist_ok=True)
voters = {
    "bayes": GaussianNB(),
    "linear": make_pipeline(StandardScaler(), LogisticRegression()),
    "tree": DecisionTreeClassifier(max_depth=4, random_state=1),
}
for name, voter in voters.items():
    joblib.dump(voter.fit(wines.data, wines.target_names[wines.target]), folder / f"{name}.joblib")
(folder / "votes.json").write_text(json.dumps({"bayes": 1, "linear": 2, "tree": 1}))
(Path("request.json")).write_text(json.dumps({"wines": wines.data[[0, 70, 150]].tolist()}))
