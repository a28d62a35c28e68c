"""What every figure is compared with: the least that answers the request, as an ASGI application for uvicorn. Nothing is checked."""

import os

import joblib
import orjson
import pandas

model = joblib.load(os.path.join(os.environ["MODEL_DIR"], "model.joblib"))


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    answer = orjson.dumps(model.predict(pandas.DataFrame(orjson.loads(body))).tolist())
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": answer})
