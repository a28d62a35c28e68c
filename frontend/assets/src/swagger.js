// Swagger UI in our frame. What it shows is in #swagger-config; a session key, when there is one to have, is put in.
const config = JSON.parse(document.getElementById("swagger-config").textContent);
const token = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";

async function sessionKey() {
  const answer = await fetch(config.keyUrl, { method: "POST", headers: { "X-CSRFToken": token(), Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  return body.value;
}

const ui = SwaggerUIBundle({
  url: config.url,
  dom_id: "#swagger",
  deepLinking: true,
  filter: Boolean(config.filter),
  docExpansion: config.filter ? "none" : "list",
  operationsSorter: config.filter ? undefined : (a, b) => (b.get("method") === "post") - (a.get("method") === "post"),
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: !config.filter,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [SwaggerUIBundle.plugins.DownloadUrl],
  layout: "BaseLayout",
  requestInterceptor: (request) => {
    // The portal's own REST takes the browser's session, which needs this token for changes.
    if (new URL(request.url, location.href).origin === location.origin) request.headers["X-CSRFToken"] = token();
    return request;
  },
  onComplete: () => {
    if (config.keyUrl) authorize();
    // The scoring call is what one came for.
    if (!config.filter) document.querySelector(".opblock-post:not(.is-open) .opblock-summary-control")?.click();
  },
});

async function authorize() {
  const note = document.getElementById("swagger-key");
  try {
    ui.preauthorizeApiKey(config.scheme, await sessionKey());
    note.textContent = note.dataset.ready;
    setTimeout(authorize, 13 * 60 * 1000);
  } catch (error) {
    note.textContent = `${error.message} ${note.dataset.else}`;
  }
}
