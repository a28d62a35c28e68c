import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

data, target = load_diabetes(return_X_y=True)
joblib.dump(Ridge(alpha=0.03).fit(data, target), "sklearn_regression_model.pkl")
