// Words for scripts, in the language of the page. The server puts them into #messages.
const words = JSON.parse(document.getElementById("messages").textContent);

/** The message under `key`, its `{places}` filled from `values`. */
export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
