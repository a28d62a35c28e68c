import joblib
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

points, _ = make_blobs(n_samples=300, centers=[[0, 0], [5, 5], [0, 6]], random_state=11)
model = KMeans(n_clusters=3, init=[[0, 0], [5, 5], [0, 6]], n_init=1).fit(points)
joblib.dump(model, "kmeans.joblib")
