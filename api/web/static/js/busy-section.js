// <busy-section data-url>: shows its part of the page anew while a worker is busy with it.
import { getFragment } from "./api.js";

const POLL_MS = 1500;

class BusySection extends HTMLElement {
  connectedCallback() {
    this.#wait();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  #wait() {
    if (this.querySelector("[data-busy=true]")) {
      this.timer = setTimeout(() => this.#refresh(), POLL_MS);
    }
  }

  async #refresh() {
    try {
      this.innerHTML = await getFragment(this.dataset.url);
    } catch {
      // The service may be away for a moment; the next look tells.
    }
    this.#wait();
  }
}

customElements.define("busy-section", BusySection);
