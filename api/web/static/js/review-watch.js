// Keeps a review one's own while one works on it, and notices when it is not any more.
import { getFragment } from "./api.js";

const LOOK_MS = 60_000;
// Who has touched nothing for so long is not working on it.
const AWAY_MS = 5 * 60_000;
const MARKS_OF_WORK = ["keydown", "pointerdown", "wheel"];

export class ReviewWatch {
  #touched = Date.now();

  /** `panel` is the <review-panel>; `onChanged(html, lost)` is told when the server knows better. */
  constructor(panel, onChanged) {
    this.panel = panel;
    this.onChanged = onChanged;
    for (const name of MARKS_OF_WORK) {
      document.addEventListener(name, () => (this.#touched = Date.now()), { passive: true });
    }
    // Listening is work too.
    document.querySelector("audio")?.addEventListener("timeupdate", () => (this.#touched = Date.now()));
    setInterval(() => this.look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.look();
    });
  }

  /** Ask whether the review is still one's own; prolong its lock while one works. */
  async look() {
    const card = this.panel.querySelector(".review-card");
    if (document.hidden || card?.dataset.mine !== "true" || this.panel.ariaBusy === "true") return;
    const seen = card.dataset.version;
    const html = await this.#answer(card);
    if (html === null || card.dataset.version !== seen || !card.isConnected) return;
    const now = cardIn(html);
    if (now?.dataset.mine !== "true") return this.onChanged(html, true);
    if (this.prolonged) return this.#adopt(card, now);
    if (now.dataset.version !== seen) this.onChanged(html, false);
  }

  async #answer(card) {
    const until = Date.parse(card.dataset.lockUntil ?? "");
    const isShort = until - Date.now() < 10 * LOOK_MS;
    this.prolonged = isShort && Date.now() - this.#touched < AWAY_MS;
    const { call, from } = this.panel.dataset;
    try {
      if (!this.prolonged) return await getFragment(`/calls/${call}/findings?${new URLSearchParams({ from })}`);
      const body = new URLSearchParams({ came_from: from });
      const response = await fetch(`/calls/${call}/review/take`, { method: "POST", body, redirect: "manual", headers: { "X-Fragment": "findings" } });
      if (response.ok) return await response.text();
      this.prolonged = false;
      return await getFragment(`/calls/${call}/findings?${new URLSearchParams({ from })}`);
    } catch {
      // Without a network there is nothing to be told; the next step will say so.
      return null;
    }
  }

  /** Only the lock and the version have changed: what is being typed stays. */
  #adopt(card, now) {
    card.dataset.version = now.dataset.version;
    card.dataset.lockUntil = now.dataset.lockUntil;
    for (const field of this.panel.querySelectorAll("input[name=version]")) field.value = now.dataset.version;
    const [old, fresh] = [card, now].map((one) => one.querySelector("[data-show=lock]"));
    if (old && fresh) old.replaceWith(fresh);
  }
}

function cardIn(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector(".review-card");
}
