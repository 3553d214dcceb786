// <calibration-page>: judging one item after the other by keys.
import { rowKeys } from "./row-keys.js";

class CalibrationPage extends HTMLElement {
  connectedCallback() {
    rowKeys(this, ".calibration-item", {
      y: (item) => item?.querySelector("[data-do=hit]")?.click(),
      o: (item) => item?.querySelector("a")?.click(),
      x: (item) => item?.querySelector("[data-do=clear]")?.click(),
    });
    // The address names the item that waits next; it may come from an older list.
    const asked = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    (asked ?? this.querySelector(".calibration-item.waiting"))?.focus();
  }
}

customElements.define("calibration-page", CalibrationPage);
