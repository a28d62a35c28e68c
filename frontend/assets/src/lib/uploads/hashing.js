// The page's side of the hashing workers: one for small files, so that they do not wait for a large one.
export class Hasher {
  constructor(address, small) {
    this.asked = new Map();
    this.last = 0;
    this.small = small;
    this.workers = [0, 1].map(() => {
      const worker = new Worker(address);
      worker.onmessage = ({ data }) => this.answered(data);
      return worker;
    });
  }

  answered({ id, digest, fault }) {
    const [good, bad] = this.asked.get(id);
    this.asked.delete(id);
    if (digest) good(digest);
    else bad(new Error(fault));
  }

  hash(file) {
    const id = (this.last += 1);
    return new Promise((good, bad) => {
      this.asked.set(id, [good, bad]);
      this.workers[file.size <= this.small ? 0 : 1].postMessage({ id, file });
    });
  }
}
