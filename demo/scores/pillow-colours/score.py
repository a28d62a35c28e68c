import io
import json

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse
from PIL import Image, UnidentifiedImageError


def init():
    Image.init()


@rawhttp
def run(request):
    """The size of a picture and its most frequent colours."""
    try:
        picture = Image.open(io.BytesIO(request.get_data(False))).convert("RGB")
    except UnidentifiedImageError:
        return AMLResponse("this is not a picture", 415)
    colours = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    share = picture.width * picture.height
    found = [{"colour": "#{:02x}{:02x}{:02x}".format(*colour), "share": round(count / share, 3)} for count, colour in colours[:3]]
    return AMLResponse(json.dumps({"width": picture.width, "height": picture.height, "colours": found}), 200)
