// <live-calls data-src>: asks for the rows again while a call on this page is in progress.
import { getFragment } from "./api.js";

const PERIOD_MS = 2000;
const SLOWEST_MS = 30000;

class LiveCalls extends HTMLElement {
  #timer = 0;
  #wait = PERIOD_MS;

  connectedCallback() {
    this.#schedule();
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  /** Ask now, whatever is in progress (after an upload). */
  async refresh() {
    clearTimeout(this.#timer);
    try {
      this.#replace(await getFragment(this.dataset.src));
      this.#wait = PERIOD_MS;
    } catch {
      this.#wait = Math.min(this.#wait * 2, SLOWEST_MS);
    }
    this.#schedule();
  }

  #onVisible = () => {
    if (!document.hidden) this.#schedule();
  };

  #schedule() {
    clearTimeout(this.#timer);
    if (document.hidden || !this.querySelector("[data-in-progress]")) return;
    this.#timer = setTimeout(() => this.refresh(), this.#wait);
  }

  #replace(html) {
    const before = new Map([...this.querySelectorAll("tr[data-call]")].map((row) => [row.dataset.call, stateOf(row)]));
    const focused = document.activeElement?.closest?.("tr[data-call]")?.dataset.call;
    this.innerHTML = html;
    for (const row of this.querySelectorAll("tr[data-call]")) {
      if (before.get(row.dataset.call) !== stateOf(row)) row.classList.add("fresh");
      if (row.dataset.call === focused) row.querySelector("a")?.focus({ preventScroll: true });
    }
  }
}

function stateOf(row) {
  return row.querySelector("[data-state]")?.dataset.state;
}

customElements.define("live-calls", LiveCalls);
