// <review-queue>: the queue by keys.
import { rowKeys } from "./row-keys.js";

class ReviewQueue extends HTMLElement {
  connectedCallback() {
    rowKeys(this, "tr[data-row]", { t: () => this.querySelector("[data-key=t]")?.click() });
  }
}

customElements.define("review-queue", ReviewQueue);
