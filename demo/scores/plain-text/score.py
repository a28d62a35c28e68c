import json
import logging
import os


def init():
    """AZUREML_MODEL_DIR is the folder that holds the model."""
    global words
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "words.json")) as file:
        words = json.load(file)
    logging.info("%d words", len(words))


def run(raw_data):
    logging.info("request received")
    scores = [sum(words.get(word.strip(".,!").lower(), 0) for word in text.split()) for text in json.loads(raw_data)["data"]]
    return ["good" if score > 0 else "bad" if score < 0 else "neither" for score in scores]
