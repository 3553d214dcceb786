// Walking a list by keys: J and K move, other keys press what they name.

/** `actions` maps keys to functions of the current item (which may be null). */
export function rowKeys(root, selector, actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, dialog")) return;
    const items = [...root.querySelectorAll(selector)];
    const at = items.findIndex((item) => item.contains(document.activeElement));
    const steps = { j: 1, k: -1 };
    const key = event.key.toLowerCase();
    if (key in steps) {
      const next = items[at < 0 ? 0 : Math.min(Math.max(at + steps[key], 0), items.length - 1)];
      const target = next?.querySelector("a") && next.tabIndex < 0 && !next.hasAttribute("tabindex") ? next.querySelector("a") : next;
      target?.focus();
      next?.scrollIntoView({ block: "nearest" });
    } else if (key in actions) {
      actions[key](items[at] ?? null);
    } else {
      return;
    }
    event.preventDefault();
  });
}
