// <side-tabs>: sections as tabs. Without scripts they stand one below the other.
import { t } from "./messages.js";

const NARROW = window.matchMedia("(max-width: 999px)");

class SideTabs extends HTMLElement {
  connectedCallback() {
    this.panels = [...this.querySelectorAll(":scope > .tab")];
    this.list = document.createElement("div");
    this.list.className = "tab-list";
    this.list.setAttribute("role", "tablist");
    this.list.setAttribute("aria-label", this.getAttribute("aria-label") ?? "");
    for (const panel of this.panels) {
      const title = panel.querySelector(".panel-title");
      panel.setAttribute("role", "tabpanel");
      this.addTab(panel.id, title.textContent, () => this.select(panel.id), title.dataset.badge);
    }
    this.list.addEventListener("keydown", (event) => this.#onArrow(event));
    this.prepend(this.list);
    this.classList.add("enhanced");
    this.select(this.panels.find((panel) => `#${panel.id}` === location.hash)?.id ?? this.panels[0].id);
  }

  addTab(id, text, action, badge = "", first = false) {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `tab-${id}`;
    button.textContent = text;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", id);
    button.addEventListener("click", action);
    if (badge) {
      const mark = document.createElement("span");
      mark.className = "badge";
      mark.textContent = badge;
      button.append(mark);
    }
    if (first) this.list.prepend(button);
    else this.list.append(button);
    return button;
  }

  /** Bring one panel to the front. */
  select(id) {
    for (const panel of this.panels) panel.hidden = panel.id !== id;
    this.mark(id);
    this.dispatchEvent(new CustomEvent("tab-selected", { detail: id, bubbles: true }));
  }

  mark(id) {
    for (const button of this.list.children) {
      const selected = button.id === `tab-${id}`;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
    }
  }

  /** Show an element that lies in one of the panels, and point at it. */
  reveal(id) {
    const element = document.getElementById(id);
    const panel = element?.closest(".tab");
    if (!panel) return;
    this.select(panel.id);
    const folded = element.closest("details");
    if (folded) folded.open = true;
    element.scrollIntoView({ block: "center", behavior: "smooth" });
    element.classList.remove("pointed");
    void element.offsetWidth;
    element.classList.add("pointed");
  }

  #onArrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.list.children];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  }
}

/**
 * On a narrow screen conversation and events are tabs too, in one bar under the player.
 * Returns a function that brings a panel to the front there, and does nothing on a wide screen.
 */
export function phoneTabs(desk, tabs) {
  const outside = ["transcript", "events"].map((id) => document.getElementById(id));
  const verdictPanels = tabs.panels;
  const show = (id) => {
    for (const panel of outside) panel.classList.toggle("phone-hidden", panel.id !== id);
    for (const panel of verdictPanels) panel.hidden = panel.id !== id;
    tabs.mark(id);
    desk.dispatchEvent(new CustomEvent("panel-shown", { detail: id }));
  };
  let buttons = [];
  const apply = () => {
    desk.classList.toggle("phone-tabs", NARROW.matches);
    if (NARROW.matches && !buttons.length) {
      desk.prepend(tabs.list);
      buttons = ["events", "transcript"].map((id) => tabs.addTab(id, t(`js.tabs.${id}`), () => show(id), "", true));
      const asked = [...outside, ...verdictPanels].find((panel) => `#${panel.id}` === location.hash);
      show(asked?.id ?? "transcript");
    } else if (!NARROW.matches && buttons.length) {
      buttons.forEach((button) => button.remove());
      buttons = [];
      tabs.prepend(tabs.list);
      outside.forEach((panel) => panel.classList.remove("phone-hidden"));
      tabs.select(verdictPanels[0].id);
    }
  };
  tabs.addEventListener("tab-selected", () => {
    if (NARROW.matches) outside.forEach((panel) => panel.classList.add("phone-hidden"));
  });
  NARROW.addEventListener("change", apply);
  apply();
  return (id) => {
    if (NARROW.matches) show(id);
  };
}

customElements.define("side-tabs", SideTabs);
