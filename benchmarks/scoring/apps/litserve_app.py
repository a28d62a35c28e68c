"""LitServe: `litserve_app.py PORT WORKERS [batching]`."""

import os
import sys

import joblib
import litserve
import pandas


class Iris(litserve.LitAPI):
    def setup(self, device):
        self.model = joblib.load(os.path.join(os.environ["MODEL_DIR"], "model.joblib"))

    def decode_request(self, request):
        return request["data"]

    def predict(self, rows):
        return self.model.predict(pandas.DataFrame(rows)).tolist()

    def encode_response(self, output):
        return {"predictions": output}


class Together(Iris):
    def batch(self, inputs):
        self.counts = [len(each) for each in inputs]
        return [row for each in inputs for row in each]

    def unbatch(self, output):
        results = iter(output)
        return [[next(results) for _ in range(count)] for count in self.counts]


if __name__ == "__main__":
    api = Together(max_batch_size=32, batch_timeout=0.002) if "batching" in sys.argv else Iris()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1)
