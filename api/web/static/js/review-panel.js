// <review-panel>: judging without leaving the recording. Forms are sent in the background, keys walk
// from finding to finding; without scripts the forms work as they are.
import { ApiError, errorOf, getFragment } from "./api.js";
import { t } from "./messages.js";
import { ReviewWatch } from "./review-watch.js";

const STALE = new Set(["review-conflict", "review-locked", "review-state", "review-refused"]);

class ReviewPanel extends HTMLElement {
  #selection = null;
  #evidence = null;

  connectedCallback() {
    this.watch = new ReviewWatch(this, (html, lost) => {
      this.#show(html, this.#current()?.dataset.rule, { stay: true });
      this.#complain(t(lost ? "js.review.lost" : "js.review.changed"));
    });
    this.addEventListener("input", (event) => this.#keepDraft(event.target));
    this.#restoreDraft();
    this.addEventListener("submit", (event) => this.#onSubmit(event));
    // Going to the place in the address takes the focus away: after that.
    if (location.hash === "#findings") window.addEventListener("load", () => requestAnimationFrame(() => this.#begin()));
    document.addEventListener("keydown", (event) => this.#onKey(event));
    document.addEventListener("selectionchange", () => this.#remember());
    this.addEventListener("toggle", (event) => this.#onToggle(event), true);
    this.addEventListener("change", (event) => this.#wantWords(event.target));
    this.addEventListener("focusin", (event) => this.#point(event.target));
  }

  async #onSubmit(event) {
    const form = event.target;
    if (form.dataset.native !== undefined) return;
    event.preventDefault();
    const at = form.closest(".finding")?.dataset.rule ?? form.elements.rule?.value;
    if (this.ariaBusy === "true") return;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    this.#work(true);
    try {
      const response = await send(form.action, body);
      if (form.matches(".submit-form")) this.#forgetDraft();
      const next = response.headers.get("X-Next");
      if (next) return location.assign(next);
      this.#show(await response.text(), at, { stay: form.matches(".retract, .add-finding form") });
      if (!at) this.#begin({ orHead: true });
    } catch (error) {
      if (STALE.has(error.code)) await this.#reload(at);
      this.#complain(error.code ? error.message : t("js.error.network"));
      if (error.code === "review-incomplete") this.querySelector(".finding.waiting")?.focus({ preventScroll: true });
    }
    this.#work(false);
  }

  /** One step at a time: what is pressed meanwhile does nothing, and it shows. */
  #work(working) {
    this.ariaBusy = String(working);
    this.classList.toggle("working", working);
  }

  async #reload(at) {
    const query = new URLSearchParams({ from: this.dataset.from });
    try {
      this.#show(await getFragment(`/calls/${this.dataset.call}/findings?${query}`), at, { stay: true });
    } catch {
      // The reason of the refusal is shown all the same.
    }
  }

  #show(html, at, { stay = false } = {}) {
    const scrolled = this.closest(".panel")?.scrollTop ?? 0;
    const helped = this.querySelector(".keys-help")?.open;
    this.innerHTML = html;
    this.#restoreDraft();
    if (helped && this.querySelector(".keys-help")) this.querySelector(".keys-help").open = true;
    const panel = this.closest(".panel");
    if (panel) panel.scrollTop = scrolled;
    if (!at) return;
    if (stay) return this.querySelector(`.finding[data-rule="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
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
    if (event.key === "Enter" && event.ctrlKey) {
      return this.#press(event, this.querySelector(`[data-key=${event.shiftKey ? "submit-next" : "submit"}]`));
    }
    if (event.key === "Escape") return this.#fold(event);
    if (this.#chooseReason(event)) return;
    if (event.ctrlKey || event.target.closest?.("input, select, textarea, dialog, [role=tablist]")) return;
    const current = this.#current();
    const actions = {
      j: () => this.#move(1),
      k: () => this.#move(-1),
      y: () => this.#press(event, current?.querySelector("[data-do=confirm]")),
      x: () => this.#overturn(current),
      u: () => this.#press(event, current?.querySelector("[data-do=retract]")),
      e: () => this.#playEvidence(current, event.shiftKey ? -1 : 1),
      c: () => this.#press(event, this.querySelector(".submit-form input[name=comment]")),
      "?": () => this.#toggleHelp(),
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
    if (button.matches("input")) button.focus();
    else button.click();
  }

  /**
   * Whoever has just taken the call stands at the first finding that waits for them. `orHead`: else
   * at the head of the review, which tells what has become of it.
   */
  #begin({ orHead = false } = {}) {
    const mine = this.querySelector(".review-card")?.dataset.mine === "true";
    const first = mine ? this.querySelector(".finding.waiting") : null;
    const place = first ?? (orHead ? this.querySelector("#review-title") : null);
    place?.focus({ preventScroll: true });
    (first ?? place?.closest(".review-card"))?.scrollIntoView({ block: first ? "nearest" : "start" });
  }

  /** The conversation shows what the finding that is looked at rests on. */
  #point(target) {
    if (!target.matches?.(".finding")) return;
    const link = target.querySelector("[data-utterance-link]");
    if (link) this.dispatchEvent(new CustomEvent("finding-looked-at", { detail: link, bubbles: true }));
  }

  /** "Something else" has to be explained. */
  #wantWords(field) {
    if (field.name === "reason_code") field.form.elements.comment.required = field.value === "other";
  }

  /** In an open form for overturning, digits choose the reason. */
  #chooseReason(event) {
    const form = event.target.closest?.(".overturn[open] form");
    if (!form || event.ctrlKey || event.target.matches("[name=comment]")) return false;
    const radio = form.querySelectorAll("[name=reason_code]")[Number(event.key) - 1];
    if (!radio) return false;
    event.preventDefault();
    radio.checked = true;
    this.#wantWords(radio);
    (radio.value === "other" ? form.elements.comment : radio).focus();
    return true;
  }

  /** Leave a form that was opened by a key, and be where one was. */
  #fold(event) {
    const folded = event.target.closest?.(".overturn[open], .add-finding[open]");
    if (!folded || !this.contains(folded)) return;
    event.preventDefault();
    folded.open = false;
    (folded.closest(".finding") ?? folded.querySelector("summary")).focus();
  }

  #current() {
    const finding = document.activeElement?.closest?.(".finding");
    return finding && this.contains(finding) ? finding : null;
  }

  #toggleHelp() {
    const help = this.querySelector(".keys-help");
    if (!help) return;
    help.open = !help.open;
    if (help.open) help.scrollIntoView({ block: "nearest" });
  }

  /** Play where the finding rests on; pressed again, its next place. */
  #playEvidence(finding, step) {
    const links = [...(finding?.querySelectorAll("[data-seek]") ?? [])];
    if (!links.length) return;
    const at = links.indexOf(this.#evidence);
    this.#evidence = links[at < 0 ? 0 : (at + step + links.length) % links.length];
    this.#evidence.click();
  }

  #draftKey() {
    return `review-comment:${this.dataset.call}`;
  }

  #keepDraft(field) {
    if (!field.matches(".submit-form input[name=comment]")) return;
    if (field.value) localStorage.setItem(this.#draftKey(), field.value);
    else this.#forgetDraft();
  }

  #forgetDraft() {
    localStorage.removeItem(this.#draftKey());
  }

  /** A comment that was typed and not sent is there again, after a verdict and on another day. */
  #restoreDraft() {
    const field = this.querySelector(".submit-form input[name=comment]");
    const kept = localStorage.getItem(this.#draftKey());
    if (field && kept && !field.value) field.value = kept;
  }

  #move(step) {
    const all = [...this.querySelectorAll(".finding")].filter((finding) => finding.offsetParent);
    const at = all.indexOf(this.#current());
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }

  #overturn(finding) {
    const details = finding?.querySelector(".overturn");
    if (!details) return;
    details.open = true;
    details.querySelector("[name=reason_code]").focus({ preventScroll: true });
    details.scrollIntoView({ block: "nearest" });
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

async function send(action, body) {
  const response = await fetch(action, { method: "POST", body, redirect: "manual", headers: { "X-Fragment": "findings" } });
  if (response.type === "opaqueredirect") throw new ApiError(401, "unauthenticated", t("js.error.signed_out"));
  if (!response.ok) throw await errorOf(response);
  return response;
}

function elementOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
}

function codePoints(text) {
  return [...text].length;
}

customElements.define("review-panel", ReviewPanel);
