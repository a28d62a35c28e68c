import json
import os

import spacy


def init():
    global nlp
    nlp = spacy.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "orders"))


def run(raw_data):
    texts = json.loads(raw_data)["texts"]
    return [[(each.label_, each.text) for each in text.ents] for text in nlp.pipe(texts)]
