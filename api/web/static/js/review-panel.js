// <review-panel>: judging without leaving the recording. Forms are sent in the background, keys walk
// from finding to finding; without scripts the forms work as they are.
import { ApiError, errorOf, getFragment } from "./api.js";
import { t } from "./messages.js";

class ReviewPanel extends HTMLElement {
  #selection = null;

  connectedCallback() {
    this.addEventListener("submit", (event) => this.#onSubmit(event));
    document.addEventListener("keydown", (event) => this.#onKey(event));
    document.addEventListener("selectionchange", () => this.#remember());
    this.addEventListener("toggle", (event) => this.#onToggle(event), true);
  }

  async #onSubmit(event) {
    const form = event.target;
    if (form.dataset.native !== undefined) return;
    event.preventDefault();
    const at = form.closest(".finding")?.dataset.rule;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    if (event.submitter) event.submitter.disabled = true;
    try {
      const response = await fetch(form.action, { method: "POST", body, redirect: "manual", headers: { "X-Fragment": "findings" } });
      if (response.type === "opaqueredirect") throw new ApiError(401, "unauthenticated", t("js.error.signed_out"));
      if (!response.ok) throw await errorOf(response);
      this.#show(await response.text(), at);
    } catch (error) {
      if (error.code === "review-conflict" || error.code === "review-locked") await this.#reload(at);
      this.#complain(error.message ?? t("js.error.network"));
      if (event.submitter) event.submitter.disabled = false;
    }
  }

  async #reload(at) {
    const query = new URLSearchParams({ from: this.dataset.from });
    this.#show(await getFragment(`/calls/${this.dataset.call}/findings?${query}`), at);
  }

  #show(html, at) {
    const scrolled = this.closest(".panel")?.scrollTop ?? 0;
    this.innerHTML = html;
    const panel = this.closest(".panel");
    if (panel) panel.scrollTop = scrolled;
    if (!at) return;
    // On to the next finding that waits; the judged one stays in view when there is none.
    const findings = [...this.querySelectorAll(".finding")];
    const place = findings.findIndex((finding) => finding.dataset.rule === at);
    const next = findings.slice(place + 1).find((finding) => finding.classList.contains("waiting"));
    (next ?? this.querySelector(".finding.waiting") ?? findings[place])?.focus({ preventScroll: false });
  }

  #complain(message) {
    const place = this.querySelector(".review-error");
    if (!place) return;
    place.textContent = message;
    place.hidden = false;
    place.scrollIntoView({ block: "nearest" });
  }

  #onKey(event) {
    if (event.defaultPrevented || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.ctrlKey) return this.#press(event, this.querySelector(".submit-form button"));
    if (event.ctrlKey || event.target.closest?.("input, select, textarea, dialog, [role=tablist]")) return;
    const current = document.activeElement?.closest?.(".finding");
    const actions = {
      j: () => this.#move(1),
      k: () => this.#move(-1),
      y: () => this.#press(event, current?.querySelector("[data-do=confirm]")),
      x: () => this.#overturn(current),
      a: () => this.#openAdding(),
      t: () => this.#press(event, this.querySelector("[data-key=t]")),
      "]": () => this.#press(event, this.querySelector("[data-key=']']")),
    };
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #press(event, button) {
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  #move(step) {
    const all = [...this.querySelectorAll(".finding")].filter((finding) => finding.offsetParent);
    const at = all.indexOf(document.activeElement?.closest?.(".finding"));
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }

  #overturn(finding) {
    const details = finding?.querySelector(".overturn");
    if (!details) return;
    details.open = true;
    details.querySelector("select").focus();
  }

  #openAdding() {
    const details = this.querySelector(".add-finding");
    if (!details) return;
    details.open = true;
    this.#fill(details);
    details.scrollIntoView({ block: "nearest" });
    details.querySelector("select").focus();
  }

  #onToggle(event) {
    if (event.target.matches?.(".add-finding") && event.target.open) this.#fill(event.target);
  }

  /** Keep what is marked in the conversation: a click into the form takes the selection away. */
  #remember() {
    const selection = document.getSelection();
    if (!selection?.rangeCount || selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    const bubble = elementOf(range.startContainer)?.closest(".bubble");
    if (!bubble || bubble !== elementOf(range.endContainer)?.closest(".bubble")) return;
    const before = document.createRange();
    before.selectNodeContents(bubble);
    before.setEnd(range.startContainer, range.startOffset);
    const start = codePoints(before.toString());
    const text = range.toString();
    this.#selection = { utterance: bubble.closest(".utterance").dataset.utterance, start, end: start + codePoints(text), text };
    const open = this.querySelector(".add-finding[open]");
    if (open) this.#fill(open);
  }

  #fill(details) {
    const marked = this.#selection;
    const form = details.querySelector("form");
    const quote = form.querySelector(".add-quote");
    if (!marked) return;
    form.elements.char_start.value = marked.start;
    form.elements.char_end.value = marked.end;
    form.elements.utterance.value = marked.utterance;
    form.elements.utterance.closest("label").hidden = true;
    form.querySelector(".add-hint").hidden = true;
    quote.textContent = marked.text;
    quote.hidden = false;
  }
}

function elementOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
}

function codePoints(text) {
  return [...text].length;
}

customElements.define("review-panel", ReviewPanel);
