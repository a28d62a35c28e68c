import joblib
import pandas
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

posts = pandas.read_csv("posts/known.csv")
model = make_pipeline(TfidfVectorizer(stop_words="english"), MultinomialNB(alpha=0.1)).fit(posts["text"], posts["group"])
joblib.dump(model, "newsgroups.pkl")
