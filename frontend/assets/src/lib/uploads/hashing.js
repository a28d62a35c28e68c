// The page's side of the hashing worker.
export class Hasher {
  constructor(address) {
    this.asked = new Map();
    this.last = 0;
    this.worker = new Worker(address);
    this.worker.onmessage = ({ data }) => {
      const [good, bad] = this.asked.get(data.id) ?? [];
      this.asked.delete(data.id);
      if (data.digest) good?.(data.digest);
      else bad?.(new Error(data.fault));
    };
  }

  hash(file) {
    const id = (this.last += 1);
    return new Promise((good, bad) => {
      this.asked.set(id, [good, bad]);
      this.worker.postMessage({ id, file });
    });
  }
}
