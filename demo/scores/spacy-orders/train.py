"""A blank English pipeline with rules for amounts and goods, saved as spaCy does: as a folder."""

import spacy

nlp = spacy.blank("en")
goods = [{"label": "GOODS", "pattern": [{"LOWER": {"IN": [word, word + "s"]}}]} for word in ("chair", "table", "lamp", "shelf")]
ruler = nlp.add_pipe("entity_ruler")
ruler.add_patterns([*goods, {"label": "AMOUNT", "pattern": [{"LIKE_NUM": True}]}])
nlp.to_disk("orders")
