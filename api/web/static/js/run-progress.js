// <run-progress>: keeps the state of a run up to date, and shows the result when it is there.
import { getFragment } from "./api.js";

const POLL_MS = 1000;

class RunProgress extends HTMLElement {
  connectedCallback() {
    if (this.dataset.unfinished === "true") this.#wait();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  #wait() {
    this.timer = setTimeout(() => this.#refresh(), POLL_MS);
  }

  async #refresh() {
    try {
      const html = await getFragment(`/runs/${this.dataset.run}/state`);
      this.querySelector(".run-state").outerHTML = html;
    } catch {
      // The service may be away for a moment; the next look tells.
      return this.#wait();
    }
    const { state } = this.querySelector("[data-state]").dataset;
    if (["queued", "running"].includes(state)) return this.#wait();
    return location.reload();
  }
}

customElements.define("run-progress", RunProgress);
