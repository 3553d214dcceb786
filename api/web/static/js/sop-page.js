// <sop-matrix>: a cell opens the calls behind it in a panel; without scripts it is a link to the list.
import "./definitions.js";
import { getFragment } from "./api.js";
import { t } from "./messages.js";

const STATES = ["executed", "missed", "undecidable", "not_applicable"];
// The state that is shown when a cell is opened: the first of these that any call has.
const FIRST = ["missed", "executed", "undecidable", "not_applicable"];

class SopMatrix extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.addEventListener("click", (event) => {
      const cell = event.target.closest("a.cell");
      if (!cell || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.#open(cell);
    });
    this.dialog.querySelector("[data-do=close]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  #open(cell) {
    const counts = Object.fromEntries(STATES.map((state) => [state, Number(cell.dataset[camel(state)])]));
    const row = cell.closest("tr").querySelector("th").firstChild.textContent.trim();
    this.dialog.querySelector("h2").textContent = cell.dataset.node;
    this.dialog.querySelector("[data-show=group]").textContent = `${row} · ${cell.title}`;
    const bar = this.dialog.querySelector(".drill-states");
    bar.replaceChildren(
      ...STATES.map((state) => {
        const button = document.createElement("button");
        button.className = "button small";
        button.textContent = t(`js.drill.${state}`, { n: counts[state] });
        button.disabled = counts[state] === 0;
        button.addEventListener("click", () => this.#show(cell, state, button));
        return button;
      }),
    );
    this.dialog.showModal();
    const first = FIRST.find((state) => counts[state] > 0) ?? "executed";
    this.#show(cell, first, bar.children[STATES.indexOf(first)]);
  }

  async #show(cell, state, button) {
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    const body = this.dialog.querySelector(".drill-body");
    body.textContent = t("js.drill.loading");
    const query = new URLSearchParams(cell.dataset.group);
    query.set("node_state", `${cell.dataset.node}:${state}`);
    this.dialog.querySelector("[data-show=list]").href = `/calls?${query}`;
    try {
      const html = await getFragment(`/calls/rows?${query}`);
      if (button.getAttribute("aria-pressed") === "true") body.innerHTML = html;
    } catch (error) {
      body.textContent = error.message;
    }
  }
}

function camel(state) {
  return state === "not_applicable" ? "notApplicable" : state;
}

customElements.define("sop-matrix", SopMatrix);
