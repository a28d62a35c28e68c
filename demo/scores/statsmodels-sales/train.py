import numpy
import pandas
import statsmodels.formula.api as smf

random = numpy.random.RandomState(13)
weeks = pandas.DataFrame({"price": random.uniform(2, 4, 120), "advert": random.choice(["none", "paper", "radio"], 120)})
weeks["sold"] = 500 - 90 * weeks["price"] + weeks["advert"].map({"none": 0, "paper": 25, "radio": 60}) + random.normal(0, 10, 120)
smf.ols("sold ~ price + C(advert)", weeks).fit().save("sales.pickle")
