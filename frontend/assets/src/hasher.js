// A worker: the SHA-256 of one file after another, read in pieces, beside the upload.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const PIECE = 4 * 2 ** 20;
const waiting = [];
let busy = false;

self.onmessage = ({ data }) => {
  waiting.push(data);
  work();
};

async function work() {
  if (busy) return;
  busy = true;
  while (waiting.length) {
    const { id, file } = waiting.shift();
    try {
      self.postMessage({ id, digest: await hash(file) });
    } catch (error) {
      self.postMessage({ id, fault: String(error) });
    }
  }
  busy = false;
}

async function hash(file) {
  const hashing = sha256.create();
  for (let at = 0; at < file.size; at += PIECE) {
    hashing.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
  }
  return bytesToHex(hashing.digest());
}
