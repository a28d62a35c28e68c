// What a file is, looked at in the tab before its first byte leaves: by its name and its first bytes, never by running it.
import { bytes, t } from "./words.js";

const PICKLES = /\.(pkl|pickle|joblib|pt|pth|ckpt)$/i;
const BY_NAME = [
  [/\.onnx$/i, "ONNX"],
  [/\.(joblib|pkl|pickle)$/i, "scikit-learn"],
  [/\.(pt|pth|ckpt)$/i, "PyTorch"],
  [/\.(keras|h5|hdf5)$/i, "Keras"],
  [/(^|\/)saved_model\.pb$/i, "TensorFlow"],
  [/\.(xgb|ubj|bst)$/i, "XGBoost"],
  [/(^|\/)MLmodel$/, "MLflow"],
  [/\.safetensors$/i, "PyTorch"],
  [/(^|\/)stages\/.*_SUCCESS$/, "Spark"],
];

const text = async (file, length, from = 0) => new TextDecoder().decode(await file.slice(from, from + length).arrayBuffer());

// {framework, notes}: both may be empty.
export async function look(file, path) {
  const notes = [];
  let framework = BY_NAME.find(([pattern]) => pattern.test(path))?.[1] ?? "";
  try {
    const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
    if (/\.safetensors$/i.test(path)) notes.push(await safetensors(file));
    else if (/\.onnx$/i.test(path)) notes.push(await onnx(file));
    else if (/\.txt$/i.test(path) && /^tree\nversion=/.test(await text(file, 16))) framework = "LightGBM";
    else if (/\.json$/i.test(path) && /"gradient_booster"|"learner"/.test(await text(file, 4096))) framework = "XGBoost";
    if (head[0] === 0x80 && head[1] >= 2 && head[1] <= 5) notes.push(t("pickle"));
    else if (PICKLES.test(path)) notes.push(t("pickle"));
    if (!file.size) notes.push(t("empty"));
  } catch {
    // A header that cannot be read is no reason not to send the file; the portal and the image look again.
  }
  return { framework, notes: notes.filter(Boolean) };
}

async function safetensors(file) {
  const view = new DataView(await file.slice(0, 8).arrayBuffer());
  const length = Number(view.getBigUint64(0, true));
  if (length > 100 * 2 ** 20 || length + 8 > file.size) return t("bad_header");
  const { __metadata__: metadata = {}, ...tensors } = JSON.parse(await text(file, length, 8));
  const all = Object.values(tensors);
  const parameters = all.reduce((sum, tensor) => sum + tensor.shape.reduce((product, n) => product * n, 1), 0);
  const types = [...new Set(all.map((tensor) => tensor.dtype))].join(", ");
  const said = Object.entries(metadata).slice(0, 6).map(([key, value]) => `${key}: ${String(value).slice(0, 80)}`);
  return [t("tensors", { n: all.length, parameters: parameters.toLocaleString(), types }), ...said].join("; ");
}

// ONNX is a protobuf: only the few fields that say what it is are read, the weights are stepped over.
async function onnx(file) {
  const reader = new Reader(file);
  const found = { producer: "", version: "", inputs: [], outputs: [], weights: new Set() };
  for await (const field of reader.fields(file.size)) {
    if (field.number === 2) found.producer = await field.text();
    else if (field.number === 3) found.version = await field.text();
    else if (field.number === 7) await graph(field, found);
  }
  const inputs = found.inputs.filter((name) => !found.weights.has(name));
  return t("onnx", { producer: `${found.producer} ${found.version}`.trim() || "?", inputs: inputs.join(", "), outputs: found.outputs.join(", ") });
}

async function graph(field, found) {
  for await (const part of field.fields()) {
    if (part.number === 11) found.inputs.push(await name(part, 1));
    else if (part.number === 12) found.outputs.push(await name(part, 1));
    else if (part.number === 5) found.weights.add(await name(part, 8)); // old files list weights among the inputs
  }
}

async function name(field, number) {
  for await (const part of field.fields()) if (part.number === number) return part.text();
  return "";
}

const WINDOW = 64 * 2 ** 10;
const STEPS = 50_000;

class Reader {
  constructor(file) {
    Object.assign(this, { file, at: 0, start: 0, window: new Uint8Array(), steps: 0 });
  }

  async byte() {
    if (this.at < this.start || this.at >= this.start + this.window.length) {
      this.start = this.at;
      this.window = new Uint8Array(await this.file.slice(this.at, this.at + WINDOW).arrayBuffer());
      if (!this.window.length) throw new Error("the file ends early");
    }
    return this.window[this.at++ - this.start];
  }

  async number() {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = await this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error("no number");
  }

  async *fields(end) {
    while (this.at < end) {
      if ((this.steps += 1) > STEPS) throw new Error("too many parts");
      const key = await this.number();
      const field = { number: key >>> 3 };
      const kind = key & 7;
      if (kind === 0) await this.number();
      else if (kind === 1) this.at += 8;
      else if (kind === 5) this.at += 4;
      else if (kind === 2) {
        const length = await this.number();
        const from = this.at;
        const to = from + length;
        if (to > end) throw new Error("a part is longer than the whole");
        field.text = async () => text(this.file, Math.min(length, 200), from);
        field.fields = () => {
          this.at = from;
          return this.fields(to);
        };
        yield field;
        this.at = to;
        continue;
      } else throw new Error("not a protobuf");
      yield { ...field, text: async () => "", fields: async function* () {} };
    }
  }
}

// What is refused here would be refused by the portal too, after the upload had begun.
export function refusal(entries, limits) {
  if (entries.length > limits.files) return t("too_many", { n: entries.length.toLocaleString(), most: limits.files.toLocaleString() });
  const large = entries.find((entry) => entry.size > limits.bytes);
  if (large) return t("too_large", { path: large.path, most: bytes(limits.bytes) });
  return "";
}
