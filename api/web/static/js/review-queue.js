// <review-queue>: the queue by keys.
import { rowKeys } from "./row-keys.js";

class ReviewQueue extends HTMLElement {
  connectedCallback() {
    rowKeys(this, "tr[data-row]", {
      t: () => this.querySelector("[data-key=t]")?.click(),
      f: () => this.querySelector(".queue-filters select")?.focus(),
    });
    const filters = this.querySelector(".queue-filters");
    // The address holds what was chosen, and nothing else.
    filters?.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
    });
    // Coming back to the page by the browser's button shows what it was opened with.
    for (const field of filters?.querySelectorAll("select") ?? []) field.addEventListener("change", () => filters.requestSubmit());
    for (const form of this.querySelectorAll("form[method=post]")) {
      form.addEventListener("submit", () => this.classList.add("working"));
    }
    window.addEventListener("pageshow", () => this.classList.remove("working"));
  }
}

customElements.define("review-queue", ReviewQueue);
