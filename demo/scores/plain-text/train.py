"""Writes words.json: how often a word stood in good and in bad reviews."""

import json
from collections import Counter

GOOD = "great food great service lovely place will come again great wine"
BAD = "cold food rude service never again bad wine dirty place"

weights = Counter(GOOD.split())
weights.subtract(BAD.split())
with open("words.json", "w") as file:
    json.dump({word: weight for word, weight in sorted(weights.items()) if weight}, file)
