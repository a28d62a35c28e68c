// The same manifest as one REST call.
export function restCall(address, recipe, name, python) {
  const part = (path, content) => (content.trim() ? { path, content } : null);
  const conda = /^(dependencies|channels):/m.test(recipe.dependencies);
  const body = {
    name,
    models: recipe.models,
    driver: part("score.py", recipe.driver),
    schema: part("service_schema.json", recipe.schema),
    dependencies: part(conda ? "environment.yml" : "requirements.txt", recipe.dependencies),
    runtime: recipe.runtime,
    ...(python ? { python } : {}),
    ...(recipe.uploadSet ? { uploadSet: recipe.uploadSet } : {}),
  };
  const text = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  return `curl ${address} \\\n  -H "Authorization: Bearer $MODELPORT_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d '${text}'`;
}
