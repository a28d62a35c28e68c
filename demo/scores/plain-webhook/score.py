"""A webhook that is sent forms: the raw request in, an answer with a status and headers of its own out."""

from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    global teams
    teams = {"billing": ("invoice", "refund", "charge"), "technical": ("error", "crash", "login")}


@rawhttp
def run(request: AMLRequest):
    if request.method == "GET":
        return AMLResponse(sorted(teams), 200, json_str=True)
    if request.method != "POST":
        return AMLResponse("bad request", 400)
    text = request.form.get("text", "").lower()
    if not text:
        return AMLResponse({"error": "the form has no field text"}, 422, json_str=True)
    team = next((name for name, words in teams.items() if any(word in text for word in words)), "general")
    return AMLResponse({"team": team, "from": request.form["sender"]}, 200, {"X-Team": team}, json_str=True)
