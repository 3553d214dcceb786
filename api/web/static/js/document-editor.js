// <document-editor>: line numbers, jumps to the line of an issue, trials without leaving the page.
import { getFragment, postJson } from "./api.js";
import { t } from "./messages.js";

const POLL_MS = 400;

class DocumentEditor extends HTMLElement {
  connectedCallback() {
    this.text = this.querySelector("#document");
    this.gutter = this.querySelector(".gutter");
    this.caret = this.querySelector("[data-show=caret]");
    this.saved = this.text.value;
    this.text.addEventListener("input", () => this.#changed());
    this.text.addEventListener("scroll", () => (this.gutter.scrollTop = this.text.scrollTop));
    for (const name of ["keyup", "click", "focus"]) this.text.addEventListener(name, () => this.#place());
    this.text.addEventListener("keydown", (event) => this.#indent(event));
    // Outside this element too: the notice above it names a line.
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-line]");
      if (button) this.#goTo(Number(button.dataset.line), Number(button.dataset.column ?? 1));
    });
    const form = this.querySelector("#editor-form");
    let leaving = false;
    form.addEventListener("submit", () => (leaving = true));
    window.addEventListener("beforeunload", (event) => {
      if (!leaving && this.text.value !== this.saved) event.preventDefault();
    });
    this.querySelector("[data-do=try]")?.addEventListener("submit", (event) => this.#try(event));
  }

  // Browsers tell of a pasted text line by line: the page is brought up to date once a frame.
  #changed() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#number();
      this.#place();
    });
  }

  #number() {
    const lines = this.text.value.split("\n").length;
    if (lines !== this.lines) {
      this.lines = lines;
      this.gutter.textContent = Array.from({ length: lines }, (_, at) => at + 1).join("\n") + "\n";
    }
    this.gutter.scrollTop = this.text.scrollTop;
  }

  #place() {
    const before = this.text.value.slice(0, this.text.selectionStart).split("\n");
    this.caret.textContent = t("js.editor.caret", { line: before.length, column: before.at(-1).length + 1 });
  }

  #indent(event) {
    // Tab indents as YAML wants it; Escape first lets the keyboard leave the field.
    if (event.key === "Escape") this.released = true;
    if (event.key !== "Tab" || event.shiftKey || this.released || this.text.readOnly) {
      if (event.key !== "Escape") this.released = false;
      return;
    }
    event.preventDefault();
    this.text.setRangeText("  ", this.text.selectionStart, this.text.selectionEnd, "end");
    this.#changed();
  }

  #goTo(line, column) {
    const lines = this.text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + Math.max(0, column - 1);
    const end = start + Math.max(0, (lines[line - 1] ?? "").length - Math.max(0, column - 1));
    this.text.focus();
    this.text.setSelectionRange(start, end);
    const height = this.text.scrollHeight / lines.length;
    this.text.scrollTop = Math.max(0, (line - 4) * height);
    this.#place();
  }

  async #try(event) {
    event.preventDefault();
    const form = event.target;
    const place = this.querySelector(".try-result");
    const button = form.querySelector("button");
    button.disabled = true;
    place.textContent = t("js.try.working");
    try {
      const run = await postJson(form.dataset.api, { lines: spoken(form.elements.said.value) });
      place.innerHTML = await finished(run.id);
    } catch (error) {
      place.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }
}

/** The state of a run as HTML, once it has ended. */
async function finished(id) {
  for (;;) {
    const html = await getFragment(`/runs/${id}/state`);
    const state = new DOMParser().parseFromString(html, "text/html").querySelector("[data-state]").dataset.state;
    if (!["queued", "running"].includes(state)) return html;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Lines of a text as sentences; `客户：` or `C:` at the start makes one the customer's. */
function spoken(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const found = /^(客户|C|c|customer|坐席|客服|A|a|agent)\s*[:：]\s*(.+)$/.exec(line);
      if (!found) return { role: "agent", text: line };
      return { role: ["客户", "C", "c", "customer"].includes(found[1]) ? "customer" : "agent", text: found[2] };
    });
}

customElements.define("document-editor", DocumentEditor);
