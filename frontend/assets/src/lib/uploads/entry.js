// One file on its way: what is known about it, and how it is sent. Small files go whole, large ones by tus, in pieces that survive.
import { Upload } from "tus-js-client";
import { encode, Refused, said } from "./portal.js";
import { t } from "./words.js";

export const SMALL = 8 * 2 ** 20;
const RETRIES = [0, 1000, 2000, 5000, 10_000, ...Array(60).fill(20_000)];

// Files up to this size share a request: a folder of thousands is some hundred requests.
export const TINY = 256 * 2 ** 10;

export async function sendTogether(entries, portal, setId, hasher) {
  const body = new FormData();
  const digests = entries.map((entry) => hasher.hash(entry.file));
  for (const entry of entries) {
    entry.become("sending");
    body.append("files", entry.file, "file");
    body.append("paths", entry.path);
  }
  let answers;
  const hashed = await Promise.allSettled(digests);
  try {
    answers = await portal.call("POST", `${setId}/files/`, { body });
  } catch (error) {
    for (const entry of entries) entry.become("failed", (await entry.hasChanged()) ? t("changed") : error.status ? error.message : t("broke"));
    throw error;
  }
  for (const [index, entry] of entries.entries()) {
    const { sha256, alreadyStored } = answers[index];
    if (sha256 !== hashed[index].value) {
      entry.become("failed", t("mismatch"));
      continue;
    }
    Object.assign(entry, { digest: sha256, known: alreadyStored, sent: entry.size });
    entry.become("stored");
  }
}

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

export class Entry {
  // state: waiting, sending, checking, paused, missing (begun elsewhere, its file not chosen here yet), stored, failed
  constructor(path, { file = null, size = file.size, sent = 0, state = "waiting" } = {}) {
    Object.assign(this, { path, file, size, sent, state, note: "", message: "", digest: "", known: false, changed: () => {} });
  }

  get finished() {
    return this.state === "stored";
  }

  become(state, message = "") {
    this.state = state;
    this.message = message;
    this.changed(this);
  }

  // Resolves when the file is stored, and rejects with what is to be said. `pause` settles it as well.
  async send(portal, setId, hasher) {
    this.digest = "";
    this.become("sending");
    this.hashing = hasher.hash(this.file);
    this.hashing.catch(() => {}); // looked at when the bytes are there
    try {
      const told = this.size <= SMALL ? await this.whole(portal, setId) : await this.inPieces(portal, setId);
      if (!told) return; // paused
      this.become("checking");
      const digest = await this.hashing;
      if (digest !== told.digest) {
        await portal.call("DELETE", `${setId}/files/${encode(this.path)}`);
        throw new Refused(400, t("mismatch"));
      }
      Object.assign(this, { digest, known: told.known, sent: this.size });
      this.become("stored");
    } catch (error) {
      this.become("failed", (await this.hasChanged()) ? t("changed") : error.message);
      throw error;
    }
  }

  async whole(portal, setId) {
    const digest = await this.hashing;
    this.aborter = new AbortController();
    try {
      const answer = await fetch(`${portal.url}${setId}/files/${encode(this.path)}`, {
        method: "PUT",
        body: this.file,
        headers: { "X-CSRFToken": portal.token, "X-Content-SHA256": digest, "Content-Type": "application/octet-stream" },
        signal: this.aborter.signal,
      });
      if (!answer.ok) throw new Refused(answer.status, said(await answer.text(), answer.status));
      const { sha256, alreadyStored } = await answer.json();
      this.sent = this.size;
      return { digest: sha256, known: alreadyStored };
    } catch (error) {
      if (this.state === "paused") return null;
      throw error instanceof Refused ? error : new Refused(0, t("broke"));
    }
  }

  async inPieces(portal, setId) {
    // A second beginning of the same file finds the first, whichever browser made it; the HEAD that follows says where it stands.
    const metadata = Object.entries({ path: this.path, modified: String(this.file.lastModified) });
    const begun = await portal.call("POST", `${setId}/resumable/`, {
      headers: {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": String(this.size),
        "Upload-Metadata": metadata.map(([key, value]) => `${key} ${base64(value)}`).join(","),
      },
    });
    this.resumedAt = this.sent = begun.offset;
    if (this.state === "paused") return null;
    return new Promise((good, bad) => {
      let told = null;
      this.stop = () => good(null);
      this.break = bad;
      this.tus = new Upload(this.file, {
        uploadUrl: new URL(`${portal.url}${setId}/resumable/${begun.id}`, location.href).href,
        retryDelays: RETRIES,
        storeFingerprintForResuming: false,
        onBeforeRequest: (request) => request.setHeader("X-CSRFToken", portal.token),
        onAfterResponse: (_, answer) => {
          const digest = answer.getHeader("X-Content-SHA256");
          if (digest) told = { digest, known: answer.getHeader("X-Already-Stored") === "true" };
          if (this.state === "sending" && this.message) this.become("sending");
        },
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          const passing = status === 0 || status === 408 || status === 409 || status === 423 || (status >= 500 && status !== 507);
          if (passing && status === 0) this.become("sending", t("lost"));
          return passing && !this.unreadable;
        },
        onProgress: (sent) => (this.sent = sent),
        onSuccess: () => (told ? good(told) : bad(new Refused(500, t("broke")))),
        onError: (error) => {
          const answer = error.originalResponse;
          bad(answer ? new Refused(answer.getStatus(), said(answer.getBody(), answer.getStatus())) : new Refused(0, t("broke")));
        },
      });
      this.tus.start();
      this.watch();
    });
  }

  // A file that changes on the disk cannot be read any more; the network code would only see a broken connection.
  async watch() {
    while (this.state === "sending") {
      if (await this.hasChanged()) {
        this.unreadable = true;
        this.tus.abort();
        return this.break?.(new Refused(0, t("changed")));
      }
      await new Promise((later) => setTimeout(later, 2000));
    }
  }

  async hasChanged() {
    if (!this.file?.size) return false;
    try {
      await this.file.slice(0, 1).arrayBuffer();
      return false;
    } catch {
      return true;
    }
  }

  pause() {
    this.become("paused");
    this.tus?.abort();
    this.aborter?.abort();
    this.stop?.();
  }
}
