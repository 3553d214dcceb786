// <upload-zone>: drop or choose many files, one result line for each; the plain form inside still works alone.
import { postForm } from "./api.js";
import { t } from "./messages.js";

const AT_ONCE = 2;
const MANIFEST = /\.(csv|jsonl)$/i;

class UploadZone extends HTMLElement {
  #chosen = [];

  connectedCallback() {
    this.form = this.querySelector("form");
    this.input = this.querySelector("input[type=file]");
    this.drop = this.querySelector(".drop");
    this.results = this.querySelector(".upload-results");
    this.input.addEventListener("change", () => {
      this.#choose(this.input.files);
      this.input.value = "";
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(event.submitter?.name === "dry_run");
    });
    for (const name of ["dragenter", "dragover"]) this.addEventListener(name, (event) => this.#hover(event, true));
    this.addEventListener("dragleave", (event) => {
      if (!this.contains(event.relatedTarget)) this.#hover(event, false);
    });
    this.addEventListener("drop", (event) => {
      this.#hover(event, false);
      this.#choose(event.dataTransfer.files);
    });
    // A file dropped beside the zone would replace the page.
    for (const name of ["dragover", "drop"]) {
      document.addEventListener(name, (event) => {
        if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
      });
    }
  }

  #hover(event, over) {
    event.preventDefault();
    this.drop.classList.toggle("over", over);
  }

  #choose(files) {
    const known = new Set(this.#chosen.map(({ file }) => `${file.name}/${file.size}`));
    for (const file of files) {
      if (!known.has(`${file.name}/${file.size}`)) this.#chosen.push({ file, line: fileLine(file) });
    }
    this.#showChosen();
  }

  #showChosen() {
    this.form.classList.toggle("open", this.#chosen.length > 0);
    if (!this.#chosen.length) return this.results.replaceChildren();
    const list = element("ul");
    for (const entry of this.#chosen) {
      const remove = element("button", { className: "link-button small", type: "button", textContent: t("js.upload.remove") });
      remove.addEventListener("click", () => {
        this.#chosen = this.#chosen.filter((other) => other !== entry);
        this.#showChosen();
      });
      entry.line = fileLine(entry.file);
      entry.line.append(remove);
      list.append(entry.line);
    }
    this.results.replaceChildren(this.#resultsCard(t("js.upload.chosen", { n: this.#chosen.length }), list));
  }

  #resultsCard(title, list) {
    const clear = element("button", { className: "link-button small", type: "button", textContent: t("js.upload.clear") });
    clear.addEventListener("click", () => {
      this.#chosen = [];
      this.#showChosen();
    });
    const header = element("header");
    header.append(element("p", { className: "results-summary", textContent: title }), clear);
    const card = element("div", { className: "card results" });
    card.append(header, list);
    return card;
  }

  async #send(dryRun) {
    if (!this.#chosen.length) return this.input.click();
    const buttons = this.form.querySelectorAll("button");
    buttons.forEach((button) => (button.disabled = true));
    const counts = { accepted: 0, duplicates: 0, rejected: 0 };
    const batches = this.#batches();
    const running = Array.from({ length: AT_ONCE }, async () => {
      while (batches.length) await this.#sendBatch(batches.shift(), dryRun, counts);
    });
    await Promise.all(running);
    buttons.forEach((button) => (button.disabled = false));
    this.results.querySelector(".results-summary").textContent = t("js.upload.summary", counts);
    if (dryRun) return;
    this.#chosen = [];
    this.form.classList.remove("open");
    document.querySelector("live-calls")?.refresh();
  }

  /** One request for each file; a manifest and the files it names must travel together. */
  #batches() {
    const manifest = this.#chosen.some(({ file }) => MANIFEST.test(file.name));
    return manifest ? [[...this.#chosen]] : this.#chosen.map((entry) => [entry]);
  }

  async #sendBatch(batch, dryRun, counts) {
    const lines = batch.map(({ line }) => line);
    const bars = lines.map((line) => showProgress(line));
    try {
      const answer = await postForm(`/api/v1/calls${dryRun ? "?dry_run=true" : ""}`, this.#body(batch), (share) => {
        bars.forEach((bar) => (bar.value = share));
      });
      for (const key of Object.keys(counts)) counts[key] += answer[key] ?? 0;
      showResults(batch, answer.results);
    } catch (error) {
      counts.rejected += batch.length;
      for (const line of lines) {
        showStatus(line, "rejected", { error: { message: t("js.upload.failed", { reason: error.message }) } });
      }
    }
  }

  #body(batch) {
    const body = new FormData();
    const fields = new FormData(this.form);
    const metadata = {};
    for (const name of ["agent", "team", "campaign", "domain", "channels"]) {
      const value = fields.get(name)?.trim();
      if (value) metadata[name] = value;
    }
    if (Object.keys(metadata).length) body.append("metadata", JSON.stringify(metadata));
    for (const { file } of batch) body.append(MANIFEST.test(file.name) ? "manifest" : "files", file, file.name);
    return body;
  }
}

function showResults(batch, results) {
  const byName = new Map(batch.map(({ file, line }) => [file.name, line]));
  const list = batch[0].line.parentElement;
  for (const { file, line } of batch) if (MANIFEST.test(file.name)) showStatus(line, null, {});
  for (const result of results) {
    let line = byName.get(result.file);
    byName.delete(result.file);
    if (!line) {
      line = fileLine({ name: result.file || t("js.upload.manifest") });
      list.append(line);
    }
    showStatus(line, result.status, result);
  }
}

function showProgress(line) {
  const bar = element("progress", { max: 1, value: 0 });
  bar.setAttribute("aria-label", t("js.upload.sending"));
  line.replaceChildren(line.querySelector(".result-file"), bar);
  return bar;
}

function showStatus(line, status, result) {
  const parts = [line.querySelector(".result-file")];
  if (result.row) parts.push(element("span", { className: "quiet small", textContent: t("js.upload.row", { row: result.row }) }));
  if (status) {
    const tone = { accepted: "good", valid: "good", duplicate: "warn", rejected: "bad" }[status];
    parts.push(element("span", { className: `chip ${tone}`, textContent: t(`js.upload.status.${status}`) }));
  }
  if (result.call_id) parts.push(element("a", { href: `/calls/${result.call_id}`, textContent: t("js.upload.open_call") }));
  if (result.error) parts.push(element("span", { className: "result-error", textContent: result.error.message }));
  line.className = `result ${status ?? ""}`;
  line.replaceChildren(...parts);
}

function fileLine(file) {
  const line = element("li", { className: "result" });
  line.append(element("span", { className: "result-file", textContent: file.name }));
  if (file.size !== undefined) {
    line.append(element("span", { className: "result-size", textContent: `${(file.size / 1048576).toFixed(1)} MB` }));
  }
  return line;
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

customElements.define("upload-zone", UploadZone);
