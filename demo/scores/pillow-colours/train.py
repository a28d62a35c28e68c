"""There is no model; this draws the picture that the example sends: a red disc on white."""

from PIL import Image, ImageDraw

picture = Image.new("RGB", (120, 80), "white")
ImageDraw.Draw(picture).ellipse((40, 20, 80, 60), fill=(200, 30, 30))
picture.save("request.png")
