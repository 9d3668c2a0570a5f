// What a page tries against a server on the same machine. Answers what each try could read, or null.
async ({ place, documentId, runId }) => {
  const base = `http://${place}`;
  const documents = `${base}/api/knowledge/documents`;
  const planted = JSON.stringify({ title: "planted", text: "planted by a page" });
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 3000, null))]);
  const fetched = async (url, options) => {
    try {
      const answer = await fetch(url, options);
      return answer.type === "opaque" ? null : answer.ok ? await answer.text() : null;
    } catch {
      return null;
    }
  };
  const loaded = (tag, attributes) =>
    within(
      new Promise((done) => {
        const element = Object.assign(document.createElement(tag), attributes);
        element.onload = () => done(element.sheet?.cssRules.length || tag);
        element.onerror = () => done(null);
        document.body.append(element);
      }),
    );
  const submitted = (method, action, enctype, fields) =>
    within(
      new Promise((done) => {
        const frame = Object.assign(document.createElement("iframe"), { name: `f${Math.random()}` });
        document.body.append(frame);
        const form = Object.assign(document.createElement("form"), { method, action, enctype, target: frame.name });
        for (const [name, value] of Object.entries(fields)) {
          form.append(Object.assign(document.createElement("input"), { name, value }));
        }
        document.body.append(form);
        frame.onload = () => {
          try {
            done(frame.contentDocument?.body.innerText || null);
          } catch {
            done(null);
          }
        };
        form.submit();
      }),
    );
  const opened = (socket, news) =>
    within(
      new Promise((done) => {
        socket.onopen = () => done("opened");
        socket[news] = ({ data }) => done(data);
        socket.onerror = () => done(null);
      }),
    );
  const simple = { "Content-Type": "text/plain" };
  const json = { "Content-Type": "application/json" };
  const sneaky = { name: planted.slice(0, -1) + ', "x": "', value: '"}' };
  const tries = {
    get: fetched(documents),
    get_with_cookies: fetched(documents, { credentials: "include" }),
    get_no_cors: fetched(documents, { mode: "no-cors" }),
    get_health: fetched(`${base}/health`),
    head: fetched(documents, { method: "HEAD" }),
    stream: fetched(`${base}/api/runs/${runId}/stream`),
    post_json: fetched(documents, { method: "POST", headers: json, body: planted }),
    post_text: fetched(documents, { method: "POST", headers: simple, body: planted }),
    post_text_no_cors: fetched(documents, { method: "POST", mode: "no-cors", headers: simple, body: planted }),
    post_blob_no_cors: fetched(documents, { method: "POST", mode: "no-cors", body: new Blob([planted]) }),
    post_nothing_no_cors: fetched(`${base}/api/agents/1/activate`, { method: "POST", mode: "no-cors" }),
    cancel_no_cors: fetched(`${base}/api/runs/${runId}/cancel`, { method: "POST", mode: "no-cors" }),
    delete: fetched(`${documents}/${documentId}`, { method: "DELETE" }),
    patch: fetched(`${base}/api/workspaces/default`, { method: "PATCH", headers: json, body: '{"name": "planted"}' }),
    beacon: (async () => (navigator.sendBeacon(documents, new Blob([planted], { type: "text/plain" })), null))(),
    form: submitted("post", documents, "application/x-www-form-urlencoded", { title: "planted", text: "planted" }),
    form_multipart: submitted("post", documents, "multipart/form-data", { title: "planted", text: "planted" }),
    form_text: submitted("post", documents, "text/plain", { [sneaky.name]: sneaky.value }),
    form_get: submitted("get", documents, "text/plain", { limit: 1 }),
    image: loaded("img", { src: documents }),
    image_icon: loaded("img", { src: `${base}/docs/assets/swagger-ui.css` }),
    script: loaded("script", { src: `${base}/docs/assets/docs.js` }),
    script_json: loaded("script", { src: documents }),
    style: loaded("link", { rel: "stylesheet", href: `${base}/docs/assets/swagger-ui.css` }),
    object: loaded("object", { data: `${base}/docs` }),
    socket: opened(new WebSocket(`ws://${place}/ws/runs/${runId}?after=0`), "onmessage"),
    events: opened(new EventSource(`${base}/api/runs/${runId}/stream`), "onmessage"),
  };
  const names = Object.keys(tries);
  const read = await Promise.all(Object.values(tries));
  return Object.fromEntries(names.map((name, index) => [name, read[index] ?? null]));
};
