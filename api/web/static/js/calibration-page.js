// <calibration-page>: judging one item after the other by keys.
import { rowKeys } from "./row-keys.js";

class CalibrationPage extends HTMLElement {
  connectedCallback() {
    rowKeys(this, ".calibration-item", {
      y: (item) => item?.querySelector("[data-do=hit]")?.click(),
      o: (item) => item?.querySelector("a")?.click(),
      x: (item) => item?.querySelector("[data-do=clear]")?.click(),
    });
    const start = document.querySelector(location.hash || ".calibration-item.waiting");
    start?.focus();
  }
}

customElements.define("calibration-page", CalibrationPage);
