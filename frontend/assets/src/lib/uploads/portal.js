// Requests to the portal's own REST, as the person who is signed in.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Portal {
  constructor(form, url) {
    this.form = form;
    this.url = url;
  }

  get token() {
    return this.form.querySelector("input[name=csrfmiddlewaretoken]").value;
  }

  async call(method, path, { body, headers } = {}) {
    const answer = await fetch(this.url + path, {
      method,
      body,
      headers: { "X-CSRFToken": this.token, Accept: "application/json", ...headers },
    });
    if (!answer.ok) throw new Refused(answer.status, said(await answer.text(), answer.status));
    return answer.status === 204 ? null : answer.json();
  }

  // After signing in again the form's token is an old one; the page has the new one.
  async renew() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(".uploader")?.closest("form")?.querySelector("input[name=csrfmiddlewaretoken]");
    if (!fresh) return false;
    for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = fresh.value;
    return true;
  }
}

// The sentence of an answer in the portal's error shape.
export function said(text, status) {
  try {
    return JSON.parse(text).message || String(status);
  } catch {
    return String(status);
  }
}

export const encode = (path) => path.split("/").map(encodeURIComponent).join("/");
